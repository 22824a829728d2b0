"""What frames in flight hold: tensors of all of them, and an equal part of what is free for tiles and weights."""

from __future__ import annotations

import pytest

from accel_models import Choices, Compiler, load_design, place
from accel_models.compiling.plan import plan_each
from simulator import Arrivals, Policy, StreamSettings, stream
from simulator.replays.prepare import Setting, prepare_each
from tests.simulator.test_tile_aims import three_convolutions
from traces import UnsupportedError, lower, open_trace
from traces.graphs.build import GraphBuilder, Window

GRAPH = three_convolutions()  # tensors of 8 KiB, weights of 9 KiB per op
KIB = 1024


def npu(activations: str, weights: str) -> dict[str, str]:
    return {"memory.activation_buffer": activations, "memory.weight_buffer": weights}


@pytest.mark.parametrize(
    ("frames", "kept", "reserved", "free_weights"),
    [
        (1, (True, True, True), (8, 16, 16), 20),
        (2, (True, True, True), (16 + 12, 32 + 4, 32 + 4), 10),  # 40 - 32 KiB are free, half of that for each
        (4, (True, False, True), (32 + 6, 32 + 6, 32 + 6), 5),  # of two tensors alive, 64 KiB, one stays
        (6, (False, False, False), (0 + 40 - 40 / 6,) * 3, 20 / 6),  # 48 KiB: none can
    ],
)
def test_buffers_count_what_all_frames_hold(
    frames: int, kept: tuple[bool, ...], reserved: tuple[float, ...], free_weights: float
) -> None:
    """An op reads 8 KiB and writes 8 KiB; the network's input comes from DRAM, so the first one only writes."""
    design = load_design("edge_npu_16x16", npu("40 KiB", "20 KiB"))
    placed = place(GRAPH, design, Choices(frames=frames))
    assert tuple(where.output_on_chip for where in placed) == kept
    assert [where.reserved_bytes for where in placed] == pytest.approx([r * KIB for r in reserved], abs=1)
    free = [20 * KIB - where.pinned_bytes for where in placed]
    assert free == pytest.approx([free_weights * KIB] * 3, abs=1)
    assert [where.weight_prefetch_bytes for where in placed] == [min(9 * KIB, left) for left in free]


def test_weights_are_pinned_beside_those_of_every_frame_that_come_and_go() -> None:
    """Of four ops of 9 KiB, 27 KiB hold one beside two that come and go; two frames need 36 KiB for theirs."""
    builder = GraphBuilder("four", 32, 16, 16)
    tensor = builder.input
    for name in ("first", "second", "third", "fourth"):
        tensor = builder.conv(name, tensor, 32, Window.square(3))
    design = load_design("edge_npu_16x16", npu("64 KiB", "27 KiB"))
    graph = builder.finish()
    one, two = (
        plan_each([(graph, design)], Compiler(), Choices(frames=frames))[0].pinned for frames in (1, 2)
    )
    assert len(one or ()) == 1
    assert two == frozenset()


def test_frames_that_find_no_room_for_their_tensors_pay_for_it() -> None:
    """Four in flight put the second tensor out to DRAM and in again, one frame and two keep all."""
    design = load_design("edge_npu_16x16", npu("40 KiB", "64 KiB"))
    plain = Policy(tile=False, depth_first=False)
    energy = [
        stream(open_trace(GRAPH, 12), design, _in_flight(k), plain).summary().energy_uj_per_frame
        for k in (1, 2, 4)
    ]
    assert energy[2] > 1.2 * max(energy[:2])
    asked = Setting(lower(open_trace(GRAPH, 1)), design)
    [four] = prepare_each([asked], plain, given=Choices(frames=4))
    assert [int(cost.output_bytes[-1]) for cost in four.costs] == [0, 8 * KIB, 0]


def test_frames_that_cannot_be_in_flight_together_say_demand_and_bound() -> None:
    """A tile of 16 x 16 weights and the next take 512 B: a quarter of 2 KiB, more than a fifth."""
    design = load_design("edge_npu_16x16", npu("40 KiB", "2 KiB"))
    trace = open_trace(GRAPH, 12)
    assert stream(trace, design, _in_flight(4)).summary().completed == 12
    said = "needs 512 B of the weight buffer, 409 B are free; .* or keep fewer than 5 frames in flight"
    with pytest.raises(UnsupportedError, match=said):
        stream(trace, design, _in_flight(5))


def _in_flight(frames: int) -> StreamSettings:
    return StreamSettings(arrivals=Arrivals(rate_hz=1e5), queue=None, frames=12, in_flight=frames)
