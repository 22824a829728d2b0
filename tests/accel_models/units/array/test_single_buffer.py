"""One buffer for all tiles: loads, array and stores take turns, alone and in a schedule."""

from __future__ import annotations

import numpy as np
import pytest

from accel_models.compiling.places import place
from accel_models.cost import Cost
from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.units.pricing import price
from accel_models.work.skipping import skip
from simulator import replay
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.resnets import cifar_resnet
from traces.trace import open_trace
from traces.work.lowering import dense_workload


def npu(**settings: object) -> Design:
    """An array whose tensors all come from DRAM and go there: 8 B a cycle, 100 cycles to the first byte."""
    base = {
        "clock": "1 GHz",
        "memory.dram.bandwidth": "8 GB/s",
        "memory.dram.latency": "100 ns",
        "memory.dram.requests_in_flight": 64,
        "memory.tile_overhead_cycles": 0,
        "output_stage": [],
    }
    return load_design("edge_npu_16x16", base | {name.replace("__", "."): v for name, v in settings.items()})


def cost(design: Design, size: int = 64) -> Cost:
    builder = GraphBuilder("one", 64, size, size)
    builder.conv("conv", builder.input, 64, Window.square(1))
    graph = builder.finish()
    (work,), (placement,) = skip(dense_workload(graph), design).states, place(graph, design)
    return price(work, placement, design)


SMALL = {"memory__activation_buffer": "32 KiB", "memory__accumulator_buffer": "256 KiB"}


def test_loads_array_and_stores_take_turns() -> None:
    """64 x 64 pixels of 64 channels, 256 KiB in and out, weights resident, in tiles that fit 32 KiB one at a time.

    8 tiles of 32 KiB wait 7 more times for a first byte: 262,144 / 8 + 8 x 100 and 262,144 / 8 + 100 cycles on
    the bus; nothing of it overlaps with the array.
    """
    one = cost(npu(**SMALL, memory__double_buffered=False))
    assert one.weight_cycles[-1] == 0
    assert one.input_cycles[-1] == pytest.approx(262_144 / 8 + 8 * 100, abs=2)
    assert one.output_cycles[-1] == pytest.approx(262_144 / 8 + 100, abs=2)
    moved = one.weight_cycles + one.input_cycles + one.output_cycles
    assert one.alone_cycles[-1] == moved[-1] + one.compute_cycles[-1]


def test_the_other_half_of_a_buffer_hides_loads() -> None:
    """Double buffered the bus and the array work at once: the longer of both, and the ends."""
    two = cost(npu(**SMALL))
    moved = two.weight_cycles + two.input_cycles + two.output_cycles
    assert max(moved[-1], two.compute_cycles[-1]) < two.alone_cycles[-1] < moved[-1] + two.compute_cycles[-1]


@pytest.mark.parametrize("size", [4, 64])
def test_an_op_of_one_tile_has_nothing_to_take_turns_with(size: int) -> None:
    """4 x 4 pixels are one tile either way: single and double buffers agree on every byte, and on time."""
    one, two = (cost(npu(memory__double_buffered=each), size) for each in (False, True))
    if size == 4:
        assert one.input_cycles[-1] == two.input_cycles[-1]
        assert one.alone_cycles[-1] - two.alone_cycles[-1] < two.compute_cycles[-1]
    else:
        assert one.alone_cycles[-1] > two.alone_cycles[-1]


def test_a_network_is_slower_with_one_buffer_and_both_engines_agree() -> None:
    """ResNet-8 from DRAM: what a second buffer hides shows without it."""
    trace = open_trace(cifar_resnet(8).without_gates(), 1)
    settings = {"memory__activation_buffer": "8 KiB", "memory__weight_buffer": "16 KiB"}
    took = {}
    for double in (True, False):
        design = npu(**settings, memory__double_buffered=double)
        fast, events = (
            replay(trace, design, engine=engine, explain=False).per_input.latency_cycles
            for engine in ("fast", "events")
        )
        np.testing.assert_array_equal(fast, events)
        took[double] = int(fast.iloc[0])
    assert took[False] > 1.05 * took[True]


@pytest.mark.parametrize(
    ("activations", "waits"), [("1 MiB", 7 * 512 * 64 // 16), ("64 KiB", 15 * (256 * 64 // 8 + 100))]
)
def test_an_array_waits_until_its_only_accumulator_is_emptied(activations: str, waits: int) -> None:
    """64 x 64 pixels of 64 channels have 1 MiB of sums: 128 KiB hold an eighth, so the array waits seven times.

    Each eighth, 512 pixels, leaves 16 results a cycle where results stay on chip.  Where they leave it at 8 B a cycle
    and 100 cycles to the first byte, sixteenths are shorter in all.  With two such accumulators no tile waits.
    """
    one, two = (
        cost(
            npu(
                memory__activation_buffer=activations,
                memory__accumulator_buffer=size,
                memory__double_buffered_accumulator=double,
            )
        )
        for size, double in (("128 KiB", False), ("256 KiB", True))
    )
    assert one.compute_cycles[-1] - two.compute_cycles[-1] == pytest.approx(waits, abs=8)


def test_an_op_of_one_tile_of_results_never_waits_for_its_accumulator() -> None:
    alone, half = (cost(npu(memory__double_buffered_accumulator=each), 4) for each in (False, True))
    assert alone.alone_cycles[-1] == half.alone_cycles[-1]
