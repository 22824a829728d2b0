"""Laws of tiles: the roofline, larger buffers, more bandwidth, gated channels."""

from dataclasses import replace

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.cost import Whole
from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array
from accel_models.dram import transfer_cycles, whole_bursts
from accel_models.units.array.mapping import Operands, map_ops
from accel_models.units.array.systolic import Gemms, compute_cycles
from accel_models.work.rows import joined
from accel_models.work.shapes import Shapes
from tests.accel_models.units.array.mapped_convs import DATAFLOWS, conv
from tests.sections import bus, but, dram, machine, memory
from traces import Ints

CONVS = st.builds(
    conv,
    st.integers(1, 70),
    st.integers(1, 70),
    st.integers(1, 20),
    st.sampled_from([1, 3, 5]),
    st.sampled_from([1, 2]),
    batch=st.integers(1, 3),
)


DEPTHWISE = st.integers(2, 70).flatmap(
    lambda c: st.builds(
        conv, st.just(c), st.just(c), st.integers(1, 20), st.sampled_from([3, 5]), groups=st.just(c)
    )
)


OPS = st.one_of(CONVS, DEPTHWISE)


BANDWIDTHS = st.integers(250, 64_000)  # thousandths of a byte per cycle


KIBS = st.sampled_from([1 << 9, 1 << 10, 1 << 11, 1 << 13, 1 << 15])


@st.composite
def memories(draw: st.DrawFn) -> Memory:
    return memory(
        draw(KIBS),
        draw(KIBS),
        draw(KIBS),
        shared_buffer=draw(st.booleans()),
        double_buffered=draw(st.booleans()),
        double_buffered_accumulator=draw(st.booleans()),
        halo_kept=draw(st.booleans()),
        tile_overhead_cycles=draw(st.integers(0, 40)),
        activation_bits=draw(st.sampled_from([4, 8, 16])),
        weight_bits=draw(st.sampled_from([4, 8])),
        dram=dram(
            bytes_per_cycle=draw(BANDWIDTHS) / 1000,
            latency_cycles=draw(st.integers(0, 200)),
            burst=draw(st.sampled_from([1, 16, 64])),
            requests=draw(st.integers(1, 16)),
        ),
    )


ARRAYS = st.builds(
    Array,
    rows=st.sampled_from([4, 8, 16]),
    cols=st.sampled_from([4, 8, 16]),
    dataflow=st.sampled_from(DATAFLOWS),
    weight_preload=st.sampled_from(["serial", "overlapped"]),
    drain=st.sampled_from(["every_fold", "overlapped"]),
    reduction=st.sampled_from(["im2col", "per_tap"]),
    stream_block=st.sampled_from([0, 16]),
    trim_folds=st.booleans(),
)


@settings(deadline=None, max_examples=60)
@given(shapes=OPS, array=ARRAYS, beside=memories())
def test_never_beats_the_roofline_nor_moves_less_than_it_must(
    shapes: Shapes, array: Array, beside: Memory
) -> None:
    chosen = map_ops(shapes, machine(array, beside))
    if not chosen.feasible[0]:
        assert chosen.demand_bytes[0] > chosen.bound_bytes[0]
        return
    moved = int((chosen.dram_input_bytes + chosen.dram_weight_bytes + chosen.dram_output_bytes)[0])
    assert chosen.total_cycles[0] * array.peak_macs_per_cycle >= shapes.macs[0]
    assert chosen.total_cycles[0] * bus(beside).bytes_per_mebicycle >= moved << 20
    assert chosen.total_cycles[0] >= chosen.array_cycles[0]
    if array.stream_block == 0:  # else even tiles may fill commands better than the op in one piece
        assert chosen.array_cycles[0] >= chosen.compute_cycles[0]
    apart = compute_cycles(array, Gemms.of_shapes(shapes))[0]
    assert chosen.compute_cycles[0] == apart or chosen.packed_groups[0] > 1
    assert chosen.dram_weight_bytes[0] * 8 >= shapes.weights[0] * beside.weight_bits
    assert chosen.dram_output_bytes[0] * 8 >= shapes.output_elements[0] * beside.activation_bits
    # Compulsory input: all of it, unless a stride steps over rows and columns.
    if shapes.stride_height[0] == 1:
        assert chosen.dram_input_bytes[0] * 8 >= shapes.input_elements[0] * beside.activation_bits
    first = chosen.first_input_bytes[0] + chosen.first_weight_bytes[0]
    assert transfer_cycles(bus(beside), first) <= chosen.load_cycles[0] + bus(beside).burst_cycles + 1


@settings(deadline=None, max_examples=60)
@given(
    shapes=OPS,
    array=ARRAYS,
    beside=memories(),
    what=st.sampled_from(["activation", "weight", "accumulator"]),
    factor=st.sampled_from([2, 3, 5]),
)
def test_a_bigger_buffer_is_never_slower(
    shapes: Shapes, array: Array, beside: Memory, what: str, factor: int
) -> None:
    name = f"{what}_buffer"
    bigger = but(beside, **{name: f"{getattr(beside, name) * factor} B"})
    in_turn = Operands(weights_first=factor == 3)
    small, big = (map_ops(shapes, machine(array, each), operands=in_turn) for each in (beside, bigger))
    assert big.feasible[0] >= small.feasible[0]
    if small.feasible[0]:
        assert big.total_cycles[0] <= small.total_cycles[0]


@settings(deadline=None, max_examples=60)
@given(
    shapes=OPS,
    array=ARRAYS,
    beside=memories(),
    faster=BANDWIDTHS,
    operands=st.builds(Operands, input_on_chip=st.booleans(), weights_first=st.booleans()),
)
def test_more_bandwidth_is_never_slower(
    shapes: Shapes, array: Array, beside: Memory, faster: int, operands: Operands
) -> None:
    fast = but(beside, dram={"bandwidth": f"{round(beside.dram.bandwidth / 1e6) + faster} MB/s"})
    slower, quicker = (map_ops(shapes, machine(array, each), operands=operands) for each in (beside, fast))
    assert quicker.total_cycles[0] <= slower.total_cycles[0]


@settings(deadline=None, max_examples=80)
@given(
    shapes=CONVS,
    array=ARRAYS.filter(lambda a: not a.trim_folds),
    beside=memories(),
    kept=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    fewer=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    weights_first=st.booleans(),
)
def test_fewer_channels_of_an_op_never_take_more(
    shapes: Shapes,
    array: Array,
    beside: Memory,
    kept: tuple[float, float],
    fewer: tuple[float, float],
    weights_first: bool,
) -> None:
    some = gated(shapes, *kept)
    three = joined([shapes, some, gated(some, *fewer)])
    op = Whole(
        shapes=shapes,
        weight_fetch_bytes=bursts_of(shapes, beside),
        first=np.zeros(1, np.intp),
        of=np.zeros(3, np.intp),
    )
    operands = Operands(weights_first=weights_first, aim=np.zeros(3, np.int64))
    found = map_ops(three, machine(array, beside), whole=op, operands=operands)
    assert len(set(found.feasible.tolist())) == 1 or not three.macs.all()
    assert (found.total_cycles[0] > 0) == found.feasible[0]
    for cycles in (found.compute_cycles, found.array_cycles, found.total_cycles):
        assert cycles.tolist() == sorted(cycles.tolist(), reverse=True)


def gated(shapes: Shapes, inputs: float, outputs: float) -> Shapes:
    return replace(
        shapes,
        in_channels=np.ceil(shapes.in_channels * inputs).astype(np.int64),
        out_channels=np.ceil(shapes.out_channels * outputs).astype(np.int64),
    )


def bursts_of(shapes: Shapes, beside: Memory) -> Ints:
    return whole_bursts(-(-shapes.weights * beside.weight_bits // 8), beside.dram.burst)
