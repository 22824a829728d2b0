"""Energy per MAC of int8 arrays that are fully busy, beside published figures of whole NPUs."""

from __future__ import annotations

from collections.abc import Mapping

from accel_models import (
    Actions,
    Chip,
    PriceList,
    Silicon,
    SramMacro,
    Technology,
    energy_pj,
    price_list,
    static_energy_pj,
)
from analysis.validation.comparison import Comparison, published_group
from analysis.validation.energy.area import BANKS
from analysis.validation.reference_rows import reference_rows

SUM_BYTES = 4  # of an int32 partial sum
ACCUMULATOR_BYTES = 16 << 10  # assumption


def nvdla_peak() -> Comparison:
    """NVDLA's estimates of its own peak power; the overhead of PEs and of control was fitted on them."""
    return _comparison(
        "NVDLA at peak, energy per MAC", "nvdla", bounds=(0.05, 0.08), constants=3, left_out=(0.06, 0.10)
    )


def chips_at_peak() -> Comparison:
    """Peak efficiency that three chips state; nothing was fitted on them.

    They differ by more than nodes and sizes explain, so no one set of constants meets them all.  Voltra's figure
    is that of a system with cores, and what of it is published does not say where its power goes.
    """
    return _comparison("NPU chips at peak, energy per MAC", "chips", bounds=(0.45, 0.7))


def _comparison(
    name: str,
    group: str,
    *,
    bounds: tuple[float, float],
    constants: int = 0,
    left_out: tuple[float, float] | None = None,
) -> Comparison:
    rows = [row for row in reference_rows("npu_peak") if row["group"] == group]
    return published_group(
        name,
        rows,
        "pj_per_mac",
        busy_pj_per_mac,
        unit="pJ/MAC",
        bounds=bounds,
        constants=constants,
        predicted_bounds=left_out,
    )


def busy_pj_per_mac(row: Mapping[str, str]) -> float:
    """Energy of one cycle in which every MAC switches, over its MACs [pJ]; leakage included, DRAM not.

    A cycle reads the operands that are not held, and reads and writes one partial sum per column whose sums
    leave the array.
    """
    macs, sums = int(row["macs"]), int(row["sum_columns"]) * SUM_BYTES
    prices = _prices(row, macs)
    cycle = Actions(
        macs=macs,
        pe_cycles=macs,
        control_cycles=1,
        activation_sram_read_bytes=int(row["input_bytes"]),
        weight_sram_read_bytes=int(row["weight_bytes"]),
        accumulator_read_bytes=sums,
        accumulator_write_bytes=sums,
    )
    static = static_energy_pj(prices, 1, float(row["clock_mhz"]) * 1e6)
    return float(energy_pj(cycle, prices).total_pj + static) / macs


def _prices(row: Mapping[str, str], macs: int) -> PriceList:
    word, half = int(row["word_bits"]), int(row["buffer_kib"]) << 9
    buffers = (
        SramMacro(role="activation", size_bytes=half, word_bits=word, banks=BANKS),
        SramMacro(role="weight", size_bytes=half, word_bits=word, banks=BANKS),
        SramMacro(role="accumulator", size_bytes=ACCUMULATOR_BYTES, word_bits=word, banks=BANKS),
    )
    return price_list(
        Technology.model_validate({"node": f"{row['node_nm']} nm", "voltage": f"{row['voltage_v']} V"}),
        Chip(silicon=Silicon(pes=macs, lanes=max(1, int(row["sum_columns"]))), buffers=buffers),
    )
