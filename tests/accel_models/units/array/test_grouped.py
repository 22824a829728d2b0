"""Grouped convolutions on the array: one case by hand, the degenerate ones, and laws."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.units.array.machine import Prices
from accel_models.units.array.mapping import BUFFERS, Mapping, map_ops
from accel_models.units.array.systolic import Gemms, buffer_accesses, compute_cycles
from accel_models.work.shapes import Shapes, shapes_of
from tests.sections import but, dram, machine, memory
from traces.graphs.parts import Op

ARRAY = Array(rows=8, cols=8, dataflow="ws", weight_preload="overlapped", drain="overlapped")
APART = but(ARRAY, pack_groups=False)
DRAM = dram(latency_cycles=50, burst=16, requests=8)
MEMORY = memory(16 << 10, 4 << 10, 16 << 10, dram=DRAM)
ROOMY = memory(1 << 24, 1 << 24, 1 << 24, dram=DRAM)


def grouped_op(
    groups: int,
    in_each: int,
    out_each: int,
    size: tuple[int, int] = (8, 8),
    kernel: tuple[int, int] = (1, 1),
    stride: int = 1,
    dilation: int = 1,
) -> Op:
    return Op(
        name="conv",
        kind="conv",
        inputs=("input",),
        in_channels=groups * in_each,
        out_channels=groups * out_each,
        in_height=size[0],
        in_width=size[1],
        out_height=-(-size[0] // stride),
        out_width=-(-size[1] // stride),
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        stride_height=stride,
        stride_width=stride,
        dilation_height=dilation,
        dilation_width=dilation,
        groups=groups,
    )


OPS = st.builds(
    grouped_op,
    st.integers(2, 20),
    st.integers(1, 20),
    st.integers(1, 20),
    st.tuples(st.integers(1, 12), st.integers(1, 12)),
    st.tuples(st.sampled_from([1, 2, 3]), st.sampled_from([1, 3, 5])),
    st.sampled_from([1, 2]),
    st.sampled_from([1, 2]),
)
BATCHES = st.integers(1, 3)
ARRAYS = st.builds(
    Array,
    rows=st.sampled_from([4, 8, 16]),
    cols=st.sampled_from([4, 8, 16]),
    dataflow=st.sampled_from(["ws", "is", "os"]),
    weight_preload=st.sampled_from(["serial", "overlapped"]),
    drain=st.sampled_from(["every_fold", "overlapped"]),
    reduction=st.sampled_from(["im2col", "per_tap"]),
)
KIBS = st.sampled_from([1 << 10, 1 << 12, 1 << 15])
MEMORIES = st.builds(
    memory,
    KIBS,
    KIBS,
    KIBS,
    shared_buffer=st.booleans(),
    double_buffered=st.booleans(),
    halo_kept=st.booleans(),
    tile_overhead_cycles=st.integers(0, 40),
    activation_bits=st.sampled_from([8, 16]),
    dram=st.builds(
        dram,
        bytes_per_cycle=st.integers(250, 64_000).map(lambda thousandths: thousandths / 1000),
        latency_cycles=st.integers(0, 100),
        burst=st.sampled_from([1, 16, 64]),
        requests=st.integers(1, 8),
    ),
)


def dram_bytes(mapping: Mapping) -> int:
    return int((mapping.dram_input_bytes + mapping.dram_weight_bytes + mapping.dram_output_bytes)[0])


def test_two_large_groups_by_hand() -> None:
    """Each group is 16 x 16 channels on 8 x 8: 2 x 2 folds of 64 pixels; both groups 8, then the skew."""
    whole = map_ops(shapes_of(grouped_op(2, 16, 16)), machine(ARRAY, ROOMY))
    assert whole.compute_cycles[0] == 8 + 8 * 64 + 14
    assert dram_bytes(whole) == 64 * 32 + 2 * 16 * 16 + 64 * 32
    assert whole.packed_groups[0] == 1


def test_a_group_fits_where_all_of_them_do_not() -> None:
    """Two groups of 64 x 64 weights, one tile of 1 x 8 x 8 twice: the buffer holds that and not a byte less."""
    shapes = shapes_of(grouped_op(2, 64, 64))
    assert map_ops(shapes, machine(ARRAY, but(MEMORY, weight_buffer="128 B"))).feasible[0]
    short = map_ops(shapes, machine(ARRAY, but(MEMORY, weight_buffer="127 B")))
    assert not short.feasible[0]
    assert (BUFFERS[short.short_buffer[0]], short.demand_bytes[0]) == ("weight", 128)


def test_one_group_at_a_time_moves_nothing_twice() -> None:
    """Weights of one group fit (twice), inputs of both do not: groups one after the other, all fetched once."""
    shapes = shapes_of(grouped_op(4, 32, 32, size=(16, 16), kernel=(1, 1)))
    mapping = map_ops(shapes, machine(ARRAY, but(MEMORY, weight_buffer="2048 B")))
    assert (mapping.tile_groups[0], mapping.pixel_tiles[0] > 1) == (1, True)
    assert dram_bytes(mapping) == 256 * 128 + 4 * 32 * 32 + 256 * 128


def test_four_narrow_groups_lie_side_by_side() -> None:
    """2 x 2 channels per group: four on the diagonal fill 8 x 8 once instead of using a corner four times."""
    shapes = shapes_of(grouped_op(4, 2, 2))
    one_tile = but(ROOMY, tile_overhead_cycles=10_000)
    packed, apart = (map_ops(shapes, machine(array, one_tile)) for array in (ARRAY, APART))
    assert (packed.packed_groups[0], apart.packed_groups[0]) == (4, 1)
    assert packed.compute_cycles[0] == 8 + 64 + 14
    assert apart.compute_cycles[0] == 8 + 4 * 64 + 14
    assert packed.dram_weight_bytes[0] == apart.dram_weight_bytes[0] == 16  # nothing between the blocks
    assert packed.weight_read_bytes[0] == 8 * 8  # masked on the way to the array


@pytest.mark.parametrize(("multiplier", "cycles"), [(1, 8 + 9 * 64 + 14), (2, 8 + 2 * 5 * 64 + 14)])
def test_depthwise_packs_to_its_channels(multiplier: int, cycles: int) -> None:
    """8 groups of 9 taps: all packed 72 x 8, 9 folds; with two outputs each, two packs 36 x 8, 5 folds."""
    shapes = shapes_of(grouped_op(8, 1, multiplier, kernel=(3, 3)))
    assert map_ops(shapes, machine(ARRAY, ROOMY)).compute_cycles[0] == cycles
    assert map_ops(shapes, machine(APART, ROOMY)).compute_cycles[0] == 8 + 8 * 2 * 64 + 14


@pytest.mark.parametrize(("active", "groups", "out"), [((0, 0), 0, 0), ((3, 6), 3, 6), ((5, 1), 1, 2)])
def test_gated_depthwise_runs_groups_that_have_an_output(
    active: tuple[int, int], groups: int, out: int
) -> None:
    shapes = shapes_of(grouped_op(8, 1, 2, kernel=(3, 3)), *active)
    assert (shapes.groups[0], shapes.out_channels[0]) == (groups, out)
    assert shapes.macs[0] == 64 * 9 * out
    mapping = map_ops(shapes, machine(ARRAY, MEMORY))
    assert (mapping.total_cycles[0] > 0) == (groups > 0)


def test_buffer_bytes_of_packs_count_only_groups() -> None:
    """Five groups in packs of four: the second pack is a quarter full."""
    shapes = shapes_of(grouped_op(5, 2, 2))
    mapping = map_ops(shapes, machine(but(ARRAY, rows=8, cols=8), ROOMY))
    assert mapping.packed_groups[0] == 4
    assert mapping.activation_read_bytes[0] == 64 * 10
    assert mapping.accumulator_write_bytes[0] == 64 * 10 * 4


@settings(deadline=None, max_examples=30)
@given(op=OPS, batch=BATCHES, array=ARRAYS, beside=MEMORIES)
def test_grouped_never_costs_more_gain_words(op: Op, batch: int, array: Array, beside: Memory) -> None:
    grouped = map_ops(shapes_of(op, batch=batch), machine(array, beside))
    dense = map_ops(shapes_of(op.model_copy(update={"groups": 1}), batch=batch), machine(array, beside))
    assert grouped.feasible[0] >= dense.feasible[0]
    if dense.feasible[0]:
        assert grouped.total_cycles[0] <= dense.total_cycles[0]


@settings(deadline=None, max_examples=20)
@given(op=OPS, array=ARRAYS, beside=MEMORIES)
def test_chosen_for_bytes_grouped_never_moves_more_gain_words(op: Op, array: Array, beside: Memory) -> None:
    prices = Prices(dram_pj_per_byte=64.0, buffer_pj_per_byte=0.0)
    grouped = map_ops(shapes_of(op), machine(array, beside), prices=prices)
    dense = map_ops(shapes_of(op.model_copy(update={"groups": 1})), machine(array, beside), prices=prices)
    if dense.feasible[0]:
        assert dram_bytes(grouped) <= dram_bytes(dense)


@settings(deadline=None, max_examples=30)
@given(op=OPS, batch=BATCHES, array=ARRAYS)
def test_groups_cost_that_many_times_one(op: Op, batch: int, array: Array) -> None:
    """Apart, with operands at hand: folds of all groups are those of one, and only the ends are shared."""
    alone = but(array, pack_groups=False)
    single = op.model_copy(
        update={
            "groups": 1,
            "in_channels": op.in_channels // op.groups,
            "out_channels": op.out_channels // op.groups,
        }
    )
    all_cycles, one, two = (
        int(compute_cycles(alone, Gemms.of_shapes(shapes))[0])
        for shapes in (
            shapes_of(op, batch=batch),
            shapes_of(single, batch=batch),
            shapes_of(
                op.model_copy(
                    update={
                        "groups": 2,
                        "in_channels": 2 * single.in_channels,
                        "out_channels": 2 * single.out_channels,
                    }
                ),
                batch=batch,
            ),
        )
    )
    assert all_cycles == one + (op.groups - 1) * (two - one)
    assert all_cycles <= op.groups * one
    unlimited = but(ROOMY, dram=dram(bytes_per_cycle=1e6, latency_cycles=0, burst=1))
    assert map_ops(shapes_of(op, batch=batch), machine(alone, unlimited)).compute_cycles[0] == all_cycles


@settings(deadline=None, max_examples=30)
@given(op=OPS, batch=BATCHES, array=ARRAYS, beside=MEMORIES)
def test_a_mapping_obeys_its_bounds(op: Op, batch: int, array: Array, beside: Memory) -> None:
    shapes = shapes_of(op, batch=batch)
    mapping = map_ops(shapes, machine(array, beside))
    if not mapping.feasible[0]:
        return
    assert mapping.total_cycles[0] * array.peak_macs_per_cycle >= shapes.macs[0]
    assert mapping.dram_weight_bytes[0] * 8 >= shapes.weights[0] * beside.weight_bits
    assert mapping.dram_output_bytes[0] * 8 >= shapes.output_elements[0] * beside.activation_bits
    assert mapping.accumulator_write_bytes[0] * 8 >= shapes.output_elements[0] * beside.accumulator_bits
    least = buffer_accesses(but(array, rows=1 << 16, cols=1 << 16), Gemms.of_shapes(shapes))
    assert mapping.activation_read_bytes[0] * 8 >= least.input_reads[0] * beside.activation_bits
    assert mapping.total_cycles[0] >= mapping.array_cycles[0] >= mapping.compute_cycles[0]


@settings(deadline=None, max_examples=30)
@given(
    op=st.one_of(OPS, st.builds(grouped_op, st.integers(2, 40), st.just(1), st.sampled_from([1, 2]))),
    array=ARRAYS,
    beside=MEMORIES,
    kept=st.tuples(st.floats(0, 1), st.floats(0, 1)),
)
def test_gating_channels_of_groups_never_costs_cycles(
    op: Op, array: Array, beside: Memory, kept: tuple[float, float]
) -> None:
    gated = shapes_of(op, int(np.ceil(op.in_channels * kept[0])), int(np.ceil(op.out_channels * kept[1])))
    dense, sparse = map_ops(shapes_of(op), machine(array, beside)), map_ops(gated, machine(array, beside))
    assert sparse.feasible[0] >= dense.feasible[0]
    if dense.feasible[0]:
        assert sparse.total_cycles[0] <= dense.total_cycles[0]


def test_grouped_and_dense_priced_together_equal_one_by_one() -> None:
    many = [
        shapes_of(grouped_op(groups, each, out, kernel=(3, 3)))
        for groups, each, out in [(1, 40, 40), (2, 24, 8), (32, 1, 1), (8, 4, 4), (1, 3, 70), (5, 9, 2)]
    ]
    columns = [name for name in Shapes.__slots__ if name != "kind"]
    joined = Shapes(kind="conv", **{c: np.concatenate([getattr(s, c) for s in many]) for c in columns})
    together = map_ops(joined, machine(ARRAY, MEMORY))
    for i, alone in enumerate(many):
        single = map_ops(alone, machine(ARRAY, MEMORY))
        for name in Mapping.__slots__:
            assert getattr(single, name)[0] == getattr(together, name)[i], name
