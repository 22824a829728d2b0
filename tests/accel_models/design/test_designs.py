"""Designs: all shipped ones load, state their sources, and bad ones are refused in one line."""

from pathlib import Path

import pytest
from ruamel.yaml import YAML

from accel_models.design.design import Design
from accel_models.design.load import altered, design_names, load_design, parse_design, parse_override
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.dram import Bus
from accel_models.units.kinds import design_area, design_prices, units_of
from simulator import estimate
from traces.base.errors import ConfigError, FileProblem
from traces.graphs.build import GraphBuilder

SHIPPED = (
    "cortex_m0plus", "cortex_m4", "cortex_m7", "cortex_m33", "cortex_m55", "cortex_m85", "cortex_a53", "cortex_a55",
    "cortex_a72", "rvv_core", "edge_npu_16x16", "edge_npu_32x32", "gemmini_16x16", "eyeriss",
    "ethos_u55_128_like", "systolic_bare",
)  # fmt: skip  # names that users rely on


def leaves(data: object, path: str = "") -> list[str]:
    if isinstance(data, dict):
        return [leaf for key, value in data.items() for leaf in leaves(value, f"{path}.{key}".strip("."))]
    return [path]


def test_the_promised_names_ship() -> None:
    assert set(SHIPPED) <= set(design_names())


@pytest.mark.parametrize("name", design_names())
def test_a_shipped_design_prices_and_measures(name: str) -> None:
    design = load_design(name)
    assert design.name == name
    assert design_area(design).total_mm2 > 0
    assert design_prices(design).prices


@pytest.mark.parametrize("name", design_names())
def test_every_value_of_a_shipped_design_has_a_source(name: str) -> None:
    design = load_design(name)
    stated = design.model_dump(exclude_unset=True, exclude={"name", "description", "sources"})
    bare = [
        leaf
        for leaf in leaves(stated)
        if not any(leaf == known or leaf.startswith(f"{known}.") for known in design.sources)
    ]
    assert bare == []


@pytest.mark.parametrize("name", design_names())
def test_a_shipped_design_says_what_its_output_stage_does_and_what_its_transistors_are(name: str) -> None:
    """Nothing, too, is said, and why."""
    design = load_design(name)
    assert "output_stage" in design.model_fields_set
    assert "device" in design.technology.model_fields_set
    assert design.sources["output_stage"]
    assert design.sources["technology.device"]


@pytest.mark.parametrize("name", design_names())
def test_a_design_written_and_read_is_the_same(name: str) -> None:
    design = load_design(name)
    assert parse_design(design.model_dump(mode="json"), "again") == design


def test_overrides_reach_every_depth() -> None:
    design = load_design("edge_npu_16x16", dict(map(parse_override, ["array.rows=8", "clock=160 MHz"])))
    array = design.section(Array)
    assert (array.rows, array.cols, design.clock) == (8, 16, 160e6)
    assert design.hash != load_design("edge_npu_16x16").hash


def test_words_do_not_change_the_hash() -> None:
    design = load_design("edge_npu_16x16")
    assert design.model_copy(update={"description": "other"}).hash == design.hash


def test_bandwidth_and_latency_follow_the_clock() -> None:
    dram = load_design("edge_npu_16x16").section(Memory).dram
    fast, slow = Bus(dram, 1e9), Bus(dram, 500e6)
    assert fast.latency_cycles == 2 * slow.latency_cycles == 100
    assert slow.bytes_per_mebicycle == round(3.2e9 / 500e6 * 2**20)


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("array.rosw=8", r"array.rosw: no such setting; did you mean 'rows'"),
        ("aray.rows=8", r"aray.rows: no such setting; did you mean 'array'"),
        ("array.rows=0", r"array.rows = 0: .* greater than or equal to 1"),
        ("array.rows=eight", r"array.rows = 'eight': .* valid integer"),
        ("clock=160", r"clock = 160: .* has no unit"),
        ("memory.activation_buffer=64 KB", r"memory.activation_buffer = '64 KB': .* ambiguous"),
        ("array.dataflow=wss", r"array.dataflow = 'wss'"),
        ("software=tunned", r"'tunned': no such software set; did you mean 'tuned'"),
        ("memory.dram.price=lpddr6", r"lpddr6.*did you mean 'lpddr"),
        ("technology.operations=horowitz", r"horowitz.*did you mean 'horowitz_45nm'"),
        ("technology.core_power=cortex_m5", r"cortex_m5.*did you mean 'cortex_m"),
        ("clock.fast=1", r"clock is a value, not a group"),
    ],
)
def test_bad_settings_are_named(setting: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_design("edge_npu_16x16", dict([parse_override(setting)]))


def test_a_design_needs_a_unit() -> None:
    with pytest.raises(ConfigError, match=r"has no array|needs an array"):
        load_design("systolic_bare", {"array": None})


def test_an_override_without_a_value_is_refused() -> None:
    with pytest.raises(ConfigError, match="PATH=VALUE"):
        parse_override("array.rows")


def test_an_unknown_design_offers_the_nearest() -> None:
    with pytest.raises(
        ConfigError, match=r"'edge_npu_16': no such shipped design.*did you mean 'edge_npu_16x16'"
    ):
        load_design("edge_npu_16")


def test_files_that_are_no_design(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="no such design file"):
        load_design(tmp_path / "none.yaml")
    for text, message in (
        ("[1, 2]", "needs a mapping"),
        ("a: [1", "line 1"),
        ("clock: 1 GHz\n", "name: is missing"),
    ):
        path = tmp_path / "bad.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError, match=message):
            load_design(path)


def test_contradictions_are_refused() -> None:
    data = YAML(typ="safe").load(
        """
        name: x
        description: x
        clock: 1 GHz
        gate_unit: array
        simd: {isa: vector, lanes_int8: 1, lanes_int16: 1, lanes_fp32: 1, vector: 1 B, issue: 1.0, mac_cycles: 1.0,
               alu_cycles: 1.0, load_cycles: 1.0, store_cycles: 1.0, branch_cycles: 0.0,
               weight_memory: {line_time: 0 ns, line: 1 B, cache: 0 B},
               activation_memory: {line_time: 0 ns, line: 1 B, cache: 0 B}}
        technology: {node: 22 nm, voltage: 0.8 V}
        sources: {}
        """
    )
    with pytest.raises(ConfigError, match="gate_unit = 'array', but the design has no array"):
        parse_design(data, "x")
    assert isinstance(parse_design({**data, "gate_unit": "simd"}, "x"), Design)


@pytest.mark.parametrize("name", design_names())
def test_a_shipped_design_states_its_device_class_and_why(name: str) -> None:
    """Where a class is priced, somebody chose it; a core's charge per cycle reads none."""
    design = load_design(name)
    reads = any("CACTI" in price.source or "SRAM" in price.source for price in design_prices(design))
    if design.technology.core_power is None:
        assert "device" in design.technology.model_fields_set
        assert "technology.device" in design.sources
    assert reads == (design.technology.core_power is None)


@pytest.mark.parametrize("name", design_names())
def test_a_shipped_design_of_several_units_states_what_a_decision_between_them_takes(name: str) -> None:
    """Nothing, where it says why; of a single unit no decision leaves it."""
    design = load_design(name)
    if len(units_of(design)) > 1:
        assert "gate_handover" in design.model_fields_set
        assert "gate_handover" in design.sources


def test_precision_is_the_width_of_what_memory_leaves_out() -> None:
    """16-bit numbers take twice the bytes, through ``--set`` and a later change alike; what is stated stays."""

    def bits(design: Design) -> tuple[int, int]:
        memory = design.section(Memory)
        return memory.activation_bits, memory.weight_bits

    base = load_design("edge_npu_16x16")
    wide = load_design("edge_npu_16x16", {"technology.precision": "int16"})
    assert bits(base) == (8, 8)
    assert bits(wide) == bits(altered(base, {"technology.precision": "int16"})) == (16, 16)
    assert bits(altered(wide, {"technology.precision": "int8"})) == (8, 8)
    mixed = load_design("edge_npu_16x16", {"technology.precision": "int16", "memory.weight_bits": 4})
    assert bits(mixed) == (16, 4)
    assert wide.hash != base.hash


def test_a_network_of_wider_numbers_moves_twice_the_bytes() -> None:
    """A layer of 256 x 256 weights on a design without room to keep them: 64 KiB come at 8 bits, 128 KiB at 16."""
    builder = GraphBuilder("one", 256, 1, 1)
    builder.linear("fc", builder.input, 256)
    graph = builder.finish()
    rows = [
        estimate(
            graph,
            load_design(
                "edge_npu_16x16", {"technology.precision": precision, "memory.weight_buffer": "32 KiB"}
            ),
        ).rows[0]
        for precision in ("int8", "int16")
    ]
    assert [row.dram_bytes for row in rows] == [65536 + 256, 2 * (65536 + 256)]
    assert rows[1].energy_pj > 1.9 * rows[0].energy_pj


def test_a_former_name_is_still_understood() -> None:
    assert load_design("eyeriss_like") == load_design("eyeriss")
