"""What an op costs once its unit, buffers and prices are known."""

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from accel_models.cost import Cost, Placement, WorkStates
from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.design.unit_sections import Array
from accel_models.units.kinds import units_of
from accel_models.units.pricing import price
from simulator import estimate
from tests.shared import there
from traces import ConfigError, GraphBuilder, UnsupportedError, Window
from traces.graphs.parts import INPUT, Op

NAMES = [
    "edge_npu_16x16",
    "gemmini_16x16",
    "ethos_u55_128_like",
    "eyeriss",
    "systolic_bare",
    "cortex_m4",
]
DESIGNS = {name: load_design(name) for name in NAMES}
CONV = Op(
    name="conv", kind="conv", inputs=(INPUT,), in_channels=32, out_channels=48, in_height=8, in_width=8, out_height=8,
    out_width=8, kernel_height=3, kernel_width=3,
)  # fmt: skip


def states(op: Op, cin: list[int], cout: list[int], weight_bytes: int = 1) -> WorkStates:
    ins, outs = np.array(cin), np.array(cout)
    kernel = op.kernel_height * op.kernel_width
    return WorkStates(
        op=op,
        runs=(ins > 0) & (outs > 0),
        in_channels=ins,
        out_channels=outs,
        out_rows=np.full(len(ins), op.out_height),
        batch=np.ones(len(ins), np.int64),
        useful_macs=ins * outs * kernel * op.out_pixels,
        weight_fetch_bytes=ins * outs * kernel * weight_bytes,
        gathered_elements=np.zeros(len(ins), np.int64),
    )


def placed(design: Design, *, on_chip: bool = False) -> Placement:
    alone = design.memory is None
    return Placement(
        unit=units_of(design)[0].name,
        inputs_on_chip=on_chip or alone,
        output_on_chip=on_chip or alone,
        weights_resident=alone,
        weight_prefetch_bytes=0,
        reserved_bytes=0,
    )


def cost(name: str, cin: list[int], cout: list[int], *, on_chip: bool = False) -> Cost:
    design = DESIGNS[name]
    width = design.memory.weight_bits // 8 if design.memory else 1
    return price(states(CONV, cin, cout, width), placed(design, on_chip=on_chip), design)


@pytest.mark.parametrize("name", NAMES)
def test_skipped_work_costs_nothing(name: str) -> None:
    nothing = cost(name, [0, 32], [0, 48])
    for field in ("compute_cycles", "weight_cycles", "input_cycles", "output_cycles", "macs", "dram_bytes"):
        assert getattr(nothing, field)[0] == 0, field
    assert nothing.energy.total_pj[0] == 0.0
    assert nothing.macs[1] == CONV.macs


def test_one_op_by_hand_on_the_bare_array() -> None:
    """K = 288 and N = 48 make 9 x 2 folds of 2 x 32 + 32 + 64 - 2 cycles; SCALE-Sim prints one less."""
    assert cost("systolic_bare", [32], [48]).compute_cycles.tolist() == [18 * (2 * 32 + 32 + 64 - 2) - 1]


def test_traffic_by_hand() -> None:
    """For energy, input, weights and output pass the bus once: 8 x 8 x 32, 9 x 32 x 48 and 8 x 8 x 48 bytes."""
    design = load_design("edge_npu_16x16", {"mapping": "energy"})
    moved = price(states(CONV, [32], [48]), placed(design), design)
    assert (moved.input_bytes[0], moved.weight_bytes[0], moved.output_bytes[0]) == (2048, 13824, 3072)
    kept = cost("edge_npu_16x16", [32], [48], on_chip=True)
    assert (kept.input_bytes[0], kept.weight_bytes[0], kept.output_bytes[0]) == (0, 13824, 0)


def test_weight_energy_is_the_part_a_wasted_fetch_costs() -> None:
    one = cost("edge_npu_16x16", [32], [48])
    dram_pj = 13824 * 8.47 * 8 + 7 * 1205  # LPDDR4 read per bit; 7 rows of 2 KiB opened
    assert one.weight_energy_pj[0] == pytest.approx(dram_pj, rel=0.05)
    assert one.weight_energy_pj[0] < one.energy.total_pj[0]


@pytest.mark.parametrize("name", [name for name in NAMES if not name.startswith("ethos")])
@settings(max_examples=25, deadline=None)
@given(
    cin=st.integers(1, 32), cout=st.integers(1, 48), fewer_in=st.integers(0, 31), fewer_out=st.integers(0, 47)
)
@example(cin=4, cout=12, fewer_in=0, fewer_out=1)
def test_fewer_channels_never_cost_more(
    name: str, cin: int, cout: int, fewer_in: int, fewer_out: int
) -> None:
    """Not so on Ethos-U: Vela turns to taps side by side at 24 input channels and not at 25, which takes longer."""
    pair = cost(name, [cin, max(1, cin - fewer_in)], [cout, max(1, cout - fewer_out)])
    assert pair.compute_cycles[1] <= pair.compute_cycles[0]
    assert pair.alone_cycles[1] <= pair.alone_cycles[0]
    assert pair.energy.mac_pj[1] <= pair.energy.mac_pj[0]


@pytest.mark.parametrize("name", [name for name in NAMES if DESIGNS[name].array])
@settings(max_examples=25, deadline=None)
@given(cin=st.integers(1, 32), cout=st.integers(1, 48))
def test_nothing_beats_the_roofline(name: str, cin: int, cout: int) -> None:
    array = DESIGNS[name].section(Array)
    one = cost(name, [cin], [cout])
    assert one.compute_cycles[0] + 1 >= one.macs[0] / (array.rows * array.cols)  # + 1: SCALE-Sim's index
    assert one.first_tile_cycles[0] <= one.compute_cycles[0]
    assert one.last_tile_cycles[0] <= one.compute_cycles[0]
    assert one.weight_first_cycles[0] <= one.weight_cycles[0]


def test_an_op_that_does_not_fit_says_what_it_needs() -> None:
    design = load_design("edge_npu_16x16", {"memory.weight_buffer": "256 B", "memory.banks": 1})
    refused = price(states(CONV, [32], [48]), placed(design), design)
    assert not refused.feasible[0]
    misfit = there(refused.misfit)
    assert misfit.demand_bytes > misfit.bound_bytes
    assert "op 'conv': its smallest tile needs" in misfit.reason
    assert "memory.weight_buffer" in misfit.reason


def test_zero_gating_saves_switching_and_no_time() -> None:
    masked = states(CONV, [32], [48])
    half = WorkStates(**{f: getattr(masked, f) for f in masked.__slots__ if f != "useful_macs"},
                      useful_macs=masked.useful_macs // 2)  # fmt: skip
    design = DESIGNS["eyeriss"]
    full, gated = (price(work, placed(design), design) for work in (masked, half))
    assert gated.compute_cycles[0] == full.compute_cycles[0]
    assert gated.energy.mac_pj[0] < full.energy.mac_pj[0]


def test_no_unit_is_used_more_than_it_has() -> None:
    """The lanes of a vector unit are those of the numbers it is given, whatever the array multiplies."""
    narrow = {"memory.activation_bits": 8, "memory.weight_bits": 8}
    design = load_design("edge_npu_16x16", {"technology.precision": "int16", **narrow})
    builder = GraphBuilder("one", 16, 16, 16)
    builder.conv("dw", builder.input, 16, Window.square(3), groups=16)
    row = estimate(builder.finish(), design).rows[0]
    assert row.compute_cycles >= 16 * 16 * 9  # 16 x 16 x 16 x 9 MACs, 16 lanes of 8 bits
    assert row.utilization == row.macs / 16 / row.total_cycles


def test_a_product_of_nearly_empty_blocks_is_not_walked() -> None:
    """One row into 2^31 columns: 2^27 blocks of Gemmini's array, though only 2^22 would be full."""
    builder = GraphBuilder("one", 8, 1, 1)
    builder.linear("fc", builder.input, (1 << 31) - 1)
    with pytest.raises(UnsupportedError, match="134,217,728 blocks of Gemmini's array"):
        estimate(builder.finish(), load_design("gemmini_16x16"))


def test_a_product_that_would_be_walked_for_many_seconds_is_refused() -> None:
    """All of a large image into two numbers, 2^24 blocks: ten seconds of a busy core, in which no Ctrl-C was heard."""
    builder = GraphBuilder("one", 255, 4096, 255)
    builder.linear("fc", builder.input, 2)
    with pytest.raises(UnsupportedError, match="16,646,400 blocks of Gemmini's array"):
        estimate(builder.finish(), load_design("gemmini_16x16"))


def test_a_cut_of_endlessly_many_bytes_loses_to_those_that_can_be() -> None:
    """2^31 groups side by side: one way to cut them moves more bytes than 64 bits count, another 0.86 TB."""
    size = (1 << 31) - 1
    builder = GraphBuilder("one", size, 2, 100)
    builder.conv("dw", builder.input, size, Window.square(1), groups=size)
    row = estimate(builder.finish(), load_design("dpu_b4096")).rows[0]
    assert row.macs == size * 200
    assert row.dram_bytes >= 2 * size * 200  # inputs and outputs, a byte each
    assert row.total_cycles >= row.dram_bytes / 32 - 1 > 0  # at most 32 bytes a cycle


def test_more_equal_arrays_than_a_schedule_has_places_for_are_refused() -> None:
    """65,535 arrays took minutes of looking up their names before the first cycle was counted."""
    assert load_design("edge_npu_16x16", {"array.count": 1024}).section(Array).count == 1024
    with pytest.raises(ConfigError, match=r"array\.count = 1025: input should be less than or equal to 1024"):
        load_design("edge_npu_16x16", {"array.count": 1025})
