"""Memory behind the buffers: what lies there, how long it takes to move and what that costs, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from accel_models import design_area
from accel_models.compiling.places import place
from accel_models.cost import Cost
from accel_models.design.design import Design
from accel_models.design.load import load_design
from accel_models.units.array.machine import array_machine
from accel_models.units.array.mapping import Operands, map_ops
from accel_models.units.kinds import design_prices
from accel_models.units.pricing import CostAsked, price, price_alike
from accel_models.work.kept_data import whole_ops
from accel_models.work.shapes import shapes_of
from traces import ConfigError, GraphBuilder, NetworkGraph, Window

# 16 GB/s at 500 MHz are 32 B a cycle, 20 ns are 10 cycles; the DRAM has 6.4 B a cycle after 50.
NEAR = {"size": "1 MiB", "bandwidth": "16 GB/s", "latency": "20 ns"}


def design(**memory: object) -> Design:
    return load_design("edge_npu_16x16", {f"memory.{key}": value for key, value in memory.items()})


def chain(*channels: int, size: int = 64) -> NetworkGraph:
    """3x3 convolutions a, b, c ... on size x size pixels; 16 channels are 64 KiB of activations."""
    builder = GraphBuilder("chain", channels[0], size, size)
    x = builder.input
    for name, filters in zip("abcdefg", channels[1:], strict=False):
        x = builder.conv(name, x, filters, Window.square(3, same=True))
    return builder.finish()


def costs(graph: NetworkGraph, on: Design) -> list[Cost]:
    placed = place(graph, on)
    return [price(work, where, on) for work, where in zip(whole_ops(graph.ops, on), placed, strict=True)]


def test_what_the_buffer_cannot_keep_lies_behind_it() -> None:
    placed = place(chain(16, 16, 16, 16), design(activation_buffer="32 KiB", l2=NEAR))
    assert [(p.inputs_on_chip, p.inputs_behind, p.output_behind) for p in placed] == [
        (False, False, True),  # the network's input comes from DRAM
        (False, True, True),
        (False, True, False),  # ... and its result goes there
    ]


def test_both_sides_of_its_edge() -> None:
    """While b runs, a's 64 KiB and its own are there: 128 KiB hold both, a byte less only a's."""
    small = {"activation_buffer": "32 KiB", "weight_buffer": "4 KiB"}
    fits = place(chain(16, 16, 16, 16), design(**small, l2=NEAR | {"size": "131072 B"}))
    assert [p.output_behind for p in fits] == [True, True, False]
    spills = place(chain(16, 16, 16, 16), design(**small, l2=NEAR | {"size": "131071 B"}))
    assert [p.output_behind for p in spills] == [True, False, False]


def test_weights_take_what_tensors_leave() -> None:
    """9 x 16 x 16 = 2,304 B each; tensors take 128 KiB at their fullest, so 2,304 B more hold those of a alone."""
    on = design(activation_buffer="32 KiB", weight_buffer="4 KiB", l2=NEAR | {"size": f"{131072 + 2304} B"})
    assert [p.weights_behind for p in place(chain(16, 16, 16), on)] == [True, False]
    resident = design(activation_buffer="32 KiB", l2=NEAR)  # 64 KiB of weight buffer hold both
    assert [p.weights_behind for p in place(chain(16, 16, 16), resident)] == [False, False]


def test_transfers_take_its_bandwidth_and_no_byte_of_dram() -> None:
    """64 KiB at 32 B a cycle behind 10 cycles: 2,058; from DRAM at a little under 6.4 B behind 50: 10,291."""
    first, second, _ = costs(chain(16, 16, 16, 16), design(activation_buffer="32 KiB", l2=NEAR))
    assert (first.input_cycles[0], first.output_cycles[0]) == (10291, 2058)
    assert (first.input_bytes[0], first.output_bytes[0]) == (65536, 0)
    assert (second.input_cycles[0], second.output_cycles[0], second.dram_bytes[0]) == (2058, 2058, 0)


def test_each_byte_pays_its_price_instead_of_the_drams() -> None:
    far, near = (design(activation_buffer="32 KiB", **more) for more in ({}, {"l2": NEAR}))
    price_of = design_prices(near).value
    before, after = costs(chain(16, 16, 16, 16), far)[1], costs(chain(16, 16, 16, 16), near)[1]
    assert after.energy.dram_pj[0] == 0
    moved = 65536 * (price_of("l2_read_bytes") + price_of("l2_write_bytes"))
    same_tiles = design(activation_buffer="32 KiB", l2=NEAR | {"bandwidth": "3.2 GB/s", "latency": "100 ns"})
    as_slow = costs(chain(16, 16, 16, 16), same_tiles)[1]
    assert as_slow.energy.sram_pj[0] == pytest.approx(before.energy.sram_pj[0] + moved)


def test_its_area_and_leakage_count() -> None:
    far, near = design(), design(l2=NEAR)
    parts = {part.name: part.mm2 for part in design_area(near)}
    assert parts["l2_sram"] == pytest.approx(design_area(near).total_mm2 - design_area(far).total_mm2)
    assert design_prices(near).value("sram_leakage") > 2 * design_prices(far).value("sram_leakage")


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("gemmini_16x16", "gemmini has caches of its own"),
        ("ethos_u55_128", "a micronpu has one level on the chip"),
    ],
)
def test_units_with_a_memory_system_of_their_own_refuse_it(name: str, reason: str) -> None:
    with pytest.raises(ConfigError, match=rf"memory\.l2: {reason}"):
        load_design(name, {"memory.l2": NEAR})


@given(
    sizes=st.tuples(st.integers(1, 64), st.integers(1, 64), st.integers(1, 40)),
    places=st.tuples(st.booleans(), st.booleans(), st.booleans()),
    buffer=st.sampled_from(["4 KiB", "16 KiB", "96 KiB"]),
    faster=st.floats(1.0, 20.0),
)
def test_an_op_never_takes_longer_for_a_level_no_slower_than_dram(
    sizes: tuple[int, int, int], places: tuple[bool, bool, bool], buffer: str, faster: float
) -> None:
    """Any operands behind the buffers: every way of tiling takes no longer, so the best does not either."""
    channels, filters, size = sizes
    inputs, weights, output = places
    l2 = {"size": "1 MiB", "bandwidth": f"{3.2 * faster:.3f} GB/s", "latency": "100 ns"}
    machine = array_machine(design(activation_buffer=buffer, weight_buffer="2 KiB", l2=l2))
    op = chain(channels, filters, size=size).ops[0]
    shapes = shapes_of(op)
    operands = Operands(
        weights_first=True, inputs_behind=inputs, weights_behind=weights, output_behind=output
    )
    near, far = (map_ops(shapes, machine, operands=each) for each in (operands, Operands(weights_first=True)))
    assert near.feasible[0] == far.feasible[0]
    assert near.total_cycles[0] <= far.total_cycles[0]


@given(
    channels=st.lists(st.integers(1, 40), min_size=2, max_size=7),
    size=st.integers(256, 1 << 16),
    buffer=st.sampled_from(["1 KiB", "4 KiB", "16 KiB"]),
)
def test_it_never_holds_more_than_it_has_room_for(channels: list[int], size: int, buffer: str) -> None:
    """Tensors from the op that writes them to the one that reads them, a chain's: beside all weights that lie there."""
    graph = chain(*channels, size=16)
    on = design(activation_buffer=buffer, weight_buffer="1 KiB", l2=NEAR | {"size": f"{size} B"})
    placed = place(graph, on)
    weights = sum(op.weight_count for op, p in zip(graph.ops, placed, strict=True) if p.weights_behind)
    written = [op.output_elements if p.output_behind else 0 for op, p in zip(graph.ops, placed, strict=True)]
    assert not any(p.output_behind and p.output_on_chip for p in placed)
    assert all(before + own + weights <= size for before, own in zip([0, *written], written, strict=False))


def test_designs_side_by_side_are_priced_as_one_by_one() -> None:
    """A column of DRAM bandwidths stands beside the one of the second level."""
    graph = chain(16, 16, 16)
    designs = [
        design(activation_buffer="32 KiB", l2=NEAR, **{"dram.bandwidth": f"{speed} GB/s"})
        for speed in (1.6, 6.4)
    ]
    asked = [
        CostAsked(work, where, on)
        for on in designs
        for work, where in zip(whole_ops(graph.ops, on), place(graph, on), strict=True)
    ]
    alone = [cost for on in designs for cost in costs(graph, on)]
    for together, one in zip(price_alike(asked).each(), alone, strict=True):
        for name in ("input_cycles", "output_cycles", "weight_cycles", "compute_cycles", "dram_bytes"):
            np.testing.assert_array_equal(getattr(together, name), getattr(one, name))
