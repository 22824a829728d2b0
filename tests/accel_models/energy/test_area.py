"""Area: hand-worked cells, parts that add up, bands that say what is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from accel_models.energy.area import AREA_BAND, Area, AreaPart, area_mm2, logic_area_mm2
from accel_models.energy.chip import Chip, Silicon, SramMacro
from accel_models.energy.sram import sram_figures
from accel_models.energy.tables import core_power, operation_table
from accel_models.units.kinds import design_area
from analysis.validation.energy.area import area_comparisons
from tests.sections import but, technology
from tests.shared import ComparisonsOf

AT_45 = technology()
BUFFER = SramMacro(role="weight", size_bytes=131072, banks=2)
PES = Chip(silicon=Silicon(pes=256))


def part(area: Area, name: str) -> AreaPart:
    return next(part for part in area if part.name == name)


def test_an_array_by_hand() -> None:
    """Per PE 282 + 137 + 48 x 2.947 um2 and 3,420 beside it, 0.8609 mm2 of control, at 70 % utilisation."""
    area = area_mm2(AT_45, PES)
    assert part(area, "array").mm2 == pytest.approx(256 * (282 + 137 + 48 * 2.947) / 0.7 * 1e-6)
    assert area.total_mm2 == pytest.approx((256 * (282 + 137 + 48 * 2.947 + 3420) + 860_900) / 0.7 * 1e-6)
    assert area.cell_mm2 == pytest.approx(0.7 * area.total_mm2)
    assert not area.scaled


def test_an_array_of_wider_operands_is_fed_by_more() -> None:
    wide = part(area_mm2(but(AT_45, precision="int16"), PES), "array_overhead")
    assert wide.mm2 == pytest.approx(2 * part(area_mm2(AT_45, PES), "array_overhead").mm2)


def test_without_an_array_nothing_feeds_or_steers_it() -> None:
    chip = Chip(silicon=Silicon(lanes=4), buffers=(BUFFER,))
    assert [p.name for p in area_mm2(AT_45, chip)] == ["vector_unit", "weight_sram"]


def test_the_same_array_at_32_nm_is_scaled_by_the_published_ratio() -> None:
    fine = area_mm2(but(AT_45, node="32 nm"), PES)
    assert fine.total_mm2 == pytest.approx(0.46 * area_mm2(AT_45, PES).total_mm2)
    assert fine.scaled
    assert fine.band == pytest.approx((fine.total_mm2 / 2, fine.total_mm2 * 2))


@pytest.mark.parametrize(("table", "factor"), [("jouppi_7nm", 0.059), ("eyeriss_65nm", 2.0864)])
def test_tables_without_areas_of_their_own_carry_those_of_45_nm(table: str, factor: float) -> None:
    own, fitted = operation_table(table), operation_table("horowitz_45nm")
    for cell in ("pe_overhead", "array_control"):
        assert own[cell, "area"].value == pytest.approx(factor * fitted[cell, "area"].value, rel=1e-3)


def test_buffers_are_larger_than_cacti_says_and_shared_ones_count_once() -> None:
    bank = float(sram_figures(65536, 64, node_nm=45, device="lstp").area_mm2)
    twice = (BUFFER, replace(BUFFER, role="activation", shared=True))
    assert area_mm2(AT_45, Chip(buffers=twice)).total_mm2 == pytest.approx(2 * 2.43 * bank)


def test_only_named_cells_leak() -> None:
    """What leaks beside MACs, registers and lanes is part of the overhead fitted on power."""
    silicon = Silicon(pes=64, lanes=8)
    area = area_mm2(AT_45, Chip(silicon=silicon, buffers=(BUFFER,)))
    named, _ = logic_area_mm2(AT_45, silicon)
    assert named == pytest.approx(part(area, "array").mm2 + part(area, "vector_unit").mm2)


def test_a_processor_core_has_its_own_area() -> None:
    area = area_mm2(technology(core_power="cortex_m4"), Chip(silicon=Silicon(cores=1)))
    assert [part.name for part in area] == ["core"]
    assert area.total_mm2 == 0.12


def test_every_core_of_a_cluster_takes_its_area() -> None:
    cluster = design_area(load_design("cortex_a72"))
    assert [part.name for part in cluster] == ["4 cores"]
    assert cluster.total_mm2 == 4 * core_power("cortex_a72").area_mm2


def test_gemminis_pe_is_met_within_the_band() -> None:
    """Recalled, no better source: 453 um2 a PE at 22 nm, two 32-bit accumulators and double weights."""
    area = area_mm2(but(AT_45, node="22 nm", register_bits_per_pe=112), Chip(silicon=Silicon(pes=1)))
    assert part(area, "array").mm2 / 2 < 453e-6 < part(area, "array").mm2 * 2


@pytest.mark.parametrize("table", ["horowitz_45nm", "aladdin_40nm"])
def test_either_table_meets_the_configurations_it_was_fitted_on(table: str) -> None:
    """NVDLA with 256 MACs and a buffer of 256 KiB: 1.7 mm2 of cells at 28 nm, within the worst residual."""
    buffer = SramMacro(role="weight", size_bytes=131072, word_bits=128, banks=2)
    sums = replace(buffer, role="accumulator", size_bytes=16384)
    buffers = (buffer, replace(buffer, role="activation"), sums)
    chip = Chip(silicon=Silicon(pes=256, lanes=16), buffers=buffers)
    area = area_mm2(but(AT_45, node="28 nm", operations=table), chip)
    assert area.cell_mm2 == pytest.approx(1.7, rel=0.04)


def test_the_bound_holds_and_is_not_vacuous(comparisons_of: ComparisonsOf) -> None:
    for comparison in comparisons_of(area_comparisons):
        assert comparison.holds, (comparison.name, comparison.mean_error, comparison.worst_error)
        assert not replace(comparison, predicted=2 * comparison.predicted).holds, comparison.name
        assert comparison.worst_error < AREA_BAND - 1, comparison.name


@settings(deadline=None, max_examples=40)
@given(
    pes=st.integers(0, 4096),
    lanes=st.integers(0, 128),
    size=st.integers(1024, 1 << 20),
    node=st.sampled_from([65, 45, 32, 28, 22, 16, 7]),
    table=st.sampled_from(["horowitz_45nm", "aladdin_40nm", "jouppi_7nm"]),
)
def test_parts_add_up_and_more_is_never_smaller(
    pes: int, lanes: int, size: int, node: int, table: str
) -> None:
    def of(more: int) -> Area:
        buffer = replace(BUFFER, size_bytes=size + 1024 * more)
        silicon = Silicon(pes=pes + more, lanes=lanes + more)
        return area_mm2(
            but(AT_45, node=f"{node} nm", operations=table), Chip(silicon=silicon, buffers=(buffer,))
        )

    area = of(0)
    assert sum(each.mm2 for each in area) == pytest.approx(area.total_mm2)
    assert of(1).total_mm2 > area.total_mm2
