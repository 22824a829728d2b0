"""The mapper: one case by hand, its choices against a slow search, and the laws it may not break."""

from dataclasses import fields, replace

import numpy as np
import pytest

from accel_models.units.array.machine import Prices
from accel_models.units.array.mapping import BUFFERS, Mapping, Operands, map_ops
from accel_models.units.array.tile_cost import KEPT
from accel_models.work.shapes import Shapes
from tests.accel_models.units.array.mapped_convs import ARRAY, DATAFLOWS, conv
from tests.sections import but, dram, machine, memory

MEMORY = memory(16 << 10, 16 << 10, 16 << 10, dram=dram(latency_cycles=50, burst=32, requests=8))
MACHINE = machine(ARRAY, MEMORY)


def test_one_tile_by_hand() -> None:
    """8 x 8 x 8 pixels and channels on 8 x 8, everything fits: load, compute, store.

    ::

        bus    | load 512 + 64 B: 72 + 50 |                 | store 512 B: 64 + 50 |
        array                             | 8 + 64 + 14 = 86 |
    """
    beside = but(
        MEMORY, dram={"requests_in_flight": 100}, tile_overhead_cycles=10_000
    )  # tiles never pay here
    chosen = map_ops(conv(8, 8, 8), machine(ARRAY, beside))
    assert (chosen.pixel_tiles[0], chosen.channel_tiles[0], chosen.reduction_tiles[0]) == (1, 1, 1)
    assert chosen.compute_cycles[0] == 86
    assert (chosen.dram_input_bytes[0], chosen.dram_weight_bytes[0], chosen.dram_output_bytes[0]) == (
        512,
        64,
        512,
    )
    assert chosen.total_cycles[0] == (72 + 50) + (86 + 10_000) + (64 + 50)
    assert chosen.stall_cycles[0] == chosen.total_cycles[0] - 86


def test_tiles_hide_the_bus_behind_the_array() -> None:
    """With a bus of its own speed the array waits only for the first tile in and the last one out."""
    roomy = but(MEMORY, activation_buffer="1 MiB", tile_overhead_cycles=9999)
    whole = map_ops(conv(64, 64, 16), machine(ARRAY, roomy))
    tiled = map_ops(conv(64, 64, 16), MACHINE)
    assert tiled.pixel_tiles[0] > 1
    assert tiled.total_cycles[0] < whole.total_cycles[0] - 9999 + 1


def test_what_is_on_chip_is_not_fetched() -> None:
    shapes = conv(8, 8, 8)
    inside = map_ops(shapes, MACHINE, operands=Operands(input_on_chip=True, output_on_chip=np.array([True])))
    assert inside.dram_input_bytes[0] == inside.dram_output_bytes[0] == 0
    assert inside.dram_weight_bytes[0] == 64
    nothing = Operands(input_on_chip=True, output_on_chip=True, weights_on_chip=True)
    all_inside = map_ops(shapes, MACHINE, operands=nothing)
    assert all_inside.total_cycles[0] == all_inside.compute_cycles[0] == 86


def test_weights_that_come_first_delay_the_inputs() -> None:
    """8 x 8 x 8 by hand: 64 B of weights, then 512 B of inputs, each a transfer with its own latency."""
    slow = machine(ARRAY, but(MEMORY, dram={"requests_in_flight": 100}, tile_overhead_cycles=10_000))
    in_turn = map_ops(conv(8, 8, 8), slow, operands=Operands(weights_first=True))
    assert in_turn.total_cycles[0] == (8 + 50) + (64 + 50) + (86 + 10_000) + (64 + 50)
    at_hand = Operands(weights_first=True, input_on_chip=True)
    assert map_ops(conv(8, 8, 8), slow, operands=at_hand).total_cycles[0] == (8 + 50) + (86 + 10_000) + (
        64 + 50
    )


def test_weights_that_come_first_are_not_fetched_again_for_nothing() -> None:
    """A stem behind a slow bus: small weights again and again save input bytes, but only tile by tile."""
    array = but(ARRAY, rows=16, cols=16, reduction="per_tap", stream_block=16)
    beside = memory(
        256 << 10,
        0,
        16 << 10,
        shared_buffer=True,
        halo_kept=False,
        dram=dram(bytes_per_cycle=1.6, latency_cycles=50, requests=8),
    )
    shapes = conv(3, 16, 32, kernel=3)
    by_tile, in_turn = (
        map_ops(shapes, machine(array, beside), operands=Operands(output_on_chip=True, weights_first=first))
        for first in (False, True)
    )
    assert by_tile.dram_weight_bytes[0] > in_turn.dram_weight_bytes[0] == 448
    assert by_tile.total_cycles[0] < in_turn.total_cycles[0]


def test_gathered_channels_fetch_their_broken_bursts() -> None:
    shapes = conv(8, 8, 8)
    given = Operands(input_pixel_bytes=64, weight_bytes=np.array([640]))
    chosen = map_ops(shapes, MACHINE, operands=given)
    assert chosen.dram_input_bytes[0] == 64 * 64
    assert chosen.dram_weight_bytes[0] == 640


def test_a_stride_skips_whole_rows_only() -> None:
    """A 1x1 convolution of stride 2 reads every second row, and all but the last column of it."""
    chosen = map_ops(conv(32, 8, 8, stride=2), MACHINE)
    assert chosen.dram_input_bytes[0] == 4 * 7 * 32


def test_halo_is_read_twice_unless_it_is_kept() -> None:
    """32 rows cut at least in two: a 3x3 kernel shares 2 rows at each border."""
    tight = but(MEMORY, activation_buffer="10 KiB", tile_overhead_cycles=100)
    shapes = conv(16, 8, 32, kernel=3)
    twice, once = (map_ops(shapes, machine(ARRAY, but(tight, halo_kept=kept))) for kept in (False, True))
    assert once.dram_input_bytes[0] == 32 * 32 * 16
    assert twice.dram_input_bytes[0] >= (32 + 2) * 32 * 16


def test_what_does_not_fit_says_what_it_needs() -> None:
    chosen = map_ops(conv(64, 64, 8), machine(ARRAY, but(MEMORY, weight_buffer="100 B")))
    assert not chosen.feasible[0]
    assert BUFFERS[chosen.short_buffer[0]] == "weight"
    assert (chosen.demand_bytes[0], chosen.bound_bytes[0]) == (2 * 8 * 8, 100)  # one fold, double buffered
    assert chosen.total_cycles[0] == 0
    assert map_ops(conv(64, 64, 8), machine(ARRAY, but(MEMORY, weight_buffer="128 B"))).feasible[0]


def test_skipped_work_is_free_and_fits_anywhere() -> None:
    op_shapes = conv(8, 8, 8)
    skipped = replace(op_shapes, out_channels=np.array([0]))
    chosen = map_ops(skipped, machine(ARRAY, but(MEMORY, weight_buffer="0 B")))
    assert chosen.feasible[0]
    counts = {f.name for f in fields(Mapping)} - {"feasible"}
    assert all(getattr(chosen, name)[0] == 0 for name in counts)


def test_no_ops_map_to_nothing() -> None:
    assert len(map_ops(conv(8, 8, 8).take(slice(0, 0)), MACHINE)) == 0


def test_energy_trades_time_for_bytes() -> None:
    shapes = conv(64, 64, 20, kernel=3)
    on = machine(ARRAY, but(MEMORY, halo_kept=False))
    fast = map_ops(shapes, on)
    frugal = map_ops(shapes, on, prices=Prices(dram_pj_per_byte=64.0, buffer_pj_per_byte=1.0))
    moved = [m.dram_input_bytes + m.dram_weight_bytes + m.dram_output_bytes for m in (fast, frugal)]
    assert moved[1][0] <= moved[0][0]
    assert frugal.total_cycles[0] >= fast.total_cycles[0]


def test_many_at_once_equal_one_by_one() -> None:
    """Chunks, neighbours and order change nothing."""
    many = [conv(i % 60 + 1, i % 37 + 1, i % 9 + 4, kernel=1 + 2 * (i % 2)) for i in range(40)]
    together = Shapes(
        kind="conv",
        **{
            f.name: np.concatenate([getattr(s, f.name) for s in many])
            for f in fields(Shapes)
            if f.name != "kind"
        },
    )
    chosen = map_ops(together, MACHINE)
    for i, alone in enumerate(many):
        single = map_ops(alone, MACHINE)
        for f in fields(Mapping):
            assert getattr(single, f.name)[0] == getattr(chosen, f.name)[i], f.name


@pytest.mark.parametrize("dataflow", DATAFLOWS)
def test_the_kept_operand_is_named(dataflow: str) -> None:
    chosen = map_ops(conv(64, 64, 16, kernel=3), machine(but(ARRAY, dataflow=dataflow), MEMORY))
    assert KEPT[chosen.kept[0]] in {"inputs", "weights", "outputs"}
    assert chosen.total_cycles.flags.writeable is False
