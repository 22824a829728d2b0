"""Gemmini's DMA and whole convolutions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.units.gemmini.loops import conv_cycles, run_layers
from accel_models.units.gemmini.machine import GemminiMachine, Run
from accel_models.units.gemmini.memory.dma import (
    GemminiMemory,
    bias_cycles,
    line_cost,
    same_line_share,
    store_cycles,
    stored_line_cost,
    tail_cycles,
    train_cycles,
)
from accel_models.units.gemmini.memory.reuse import (
    INPUT,
    NOTHING_CACHED,
    WEIGHTS,
    lines_under,
    missing,
    reuse_of,
)
from accel_models.units.gemmini.memory.traffic import Block, block_traffic
from accel_models.units.gemmini.tiling import ConvLayer, ConvTiling, dosa_tiling, search_tiling
from analysis.validation.arrays.firesim import mapping_cycles
from analysis.validation.arrays.gemmini import gemmini_comparisons
from tests.accel_models.units.gemmini.conv_layers import (
    DESIGN,
    FIRESIM,
    LAYERS,
    MACHINE,
    MEMORY,
    default_tiling,
    layer,
)
from tests.shared import ComparisonsOf


def test_trains_of_loads_by_hand() -> None:
    """In a train 16 requests, or two commands, share each round trip."""
    full, row = Block(0, 64, 16, 64), Block(0, 64, 1, 64)
    assert train_cycles(MEMORY, full) == 16 * (100 + 8 + 3) / 16
    assert train_cycles(MEMORY, row) == (100 + 4 + 14) / 2
    assert train_cycles(MEMORY._replace(latency_cycles=0.0), full) == 16 * 4
    assert bias_cycles(MEMORY) == (100 + 16 + 14) / 2


def test_a_short_command_does_not_hide_the_trip_of_the_next() -> None:
    """16 rows of 64 bytes are 64 beats, 20 + 64 + 14 cycles from issue to the last data; one row alone is 4 beats."""
    memory = GemminiMemory(latency_cycles=20.0)
    whole = Block(0, 64, 16, 64)
    assert train_cycles(memory, whole) == 64
    assert tail_cycles(memory, whole, Block(16 * 64, 64, 1, 64)) == 20 + 14
    assert tail_cycles(memory, whole, Block(16 * 64, 64, 12, 64)) == 48  # its own beats take longer
    narrow = Block(0, 64, 16, 16)  # 16 requests of 28 cycles, 16 in flight
    assert tail_cycles(memory, narrow, Block(16 * 64, 64, 1, 16)) == 20 + 16 + 14 - 28


def test_stores_by_hand() -> None:
    """Rows of 14 bytes, 14 apart: 16 of them straddle 13 borders of 16 bytes, three of those of 64."""
    aligned, packed = Block(0, 64, 16, 16), Block(0, 14, 16, 14)
    assert store_cycles(MEMORY, 1, aligned) == 16 * 108 / 16
    at_once = MEMORY._replace(latency_cycles=0.0)
    assert store_cycles(at_once, 2, aligned) == 2 * 26
    requests, beats, _, _ = block_traffic(packed)
    assert store_cycles(at_once, 1, packed) == beats + 1 > 26
    assert store_cycles(MEMORY, 1, packed) == requests * 108 / 16 > 16 * 108 / 16


def test_requests_to_one_line_take_turns() -> None:
    """16 in flight: a line of 16 or more rows keeps all others waiting, one of four leaves room for three more."""
    shares = [same_line_share(MEMORY, pitch) for pitch in (1, 4, 8, 16, 32, 64)]
    assert shares == [1.0, 1.0, 0.5, 0.25, 0.125, 0.0]
    slow = MEMORY._replace(latency_cycles=0.0, same_line_store_cycles=20.0)
    assert store_cycles(slow, 1, Block(0, 2, 16, 2)) == 16 * 20
    assert store_cycles(slow, 1, Block(0, 16, 16, 16)) == 16 * 5


def test_lines_touched_by_rows() -> None:
    assert lines_under(1, 0, 64, 128) == 1
    assert lines_under(1, 48, 64, 128) == 2
    assert lines_under(1, 0, 16, 1000) == 1 + 15 / 64  # unaligned rows: on average
    assert lines_under(8, 0, 16, 16) == 2  # neighbours share lines


def test_what_a_line_costs_by_where_it_lies() -> None:
    memory = MEMORY._replace(llc_line_cycles=10.0, line_cycles=30.0, crowded_line_cycles=8.0)
    assert line_cost(memory, (0.5, 0.25), 0.0) == 0.5 * 10 + 0.25 * 30
    assert stored_line_cost(memory, (0.5, 0.25), 0.0) == 3 * (
        0.5 * 10 + 0.25 * 30
    )  # fetched, written back twice
    assert (
        line_cost(memory, (0.5, 0.25), 0.75) == 0.5 * 10 + 0.25 * 30 + 0.75 * 0.75 * 8
    )  # what comes in waits


def test_rows_a_power_of_two_apart_crowd_in_few_sets() -> None:
    """512 KiB in 8 ways are 1,024 sets: rows 2 KiB apart, two lines of each, meet in two sets of 32."""

    def crowding(filters: int) -> list[float]:
        machine = MACHINE._replace(memory=MEMORY._replace(l2_bytes=512.0 * 1024))
        rows = ConvLayer.square(size=7, channels=64, filters=filters, kernel=1, stride=1, padding=0)
        tile = np.array([1, 7, 7, 128, 1, 1, 64])
        return reuse_of(rows, tile, np.arange(7), machine, NOTHING_CACHED).crowding.tolist()

    assert crowding(2048) == [0.0, 1 - 2 / 32, 1 - 2 / 32]  # weights and outputs; inputs lie 64 B apart
    assert crowding(720) == [0.0, 0.0, 0.0]  # 720 = 16 x 45: rows in all sets


def test_one_tile_takes_its_turns() -> None:
    """4 x 4 pixels, 16 to 16 channels, no latency: load, execute and store one after the other."""
    memory = GemminiMemory(latency_cycles=0.0)
    machine = GemminiMachine(memory=memory, tile_issue_cycles=0.0, command_interval_cycles=0.0)
    one = layer(4, 16, 16)
    tile = default_tiling(one)
    inputs = 4 * max(4 * 1, 4 * 9 / 16, (4 + 14) / 2)  # four commands of four rows of one beat: two in flight
    weights = max(16, (16 + 14) / 2)
    zeros = 16
    execute = 4 * 4 + (16 - 4)  # the last block hides the next preload
    store = 4 * (4 + 10)
    assert conv_cycles(one, tile, machine) == inputs + weights + zeros + execute + store


def test_copies_of_taps_are_written_over_padding_too() -> None:
    """Three taps of 5 channels share the array's 16 rows: pixels and 4 (4 + 1) zeros are written three times."""
    memory = GemminiMemory(latency_cycles=0.0)
    machine = GemminiMachine(memory, packs_taps=True, tile_issue_cycles=0.0, command_interval_cycles=0.0)
    one = layer(4, 5, 16, kernel=3)
    run = run_layers(np.array([one]), default_tiling(one).sizes[None], default_tiling(one).loops, machine)[0]
    pixels = 4 * max(4 * 3, (4 + 14) / 2)
    weights = 9 * (5 + 14) / 2
    begin = 4 * 4  # of the sums
    assert run[Run._fields.index("load")] == pixels + weights + begin + 3 * 4 * (4 + 1)


def test_a_third_tile_comes_when_the_first_ones_stores_are_queued() -> None:
    """Four of its 16 stores then go on; the array, which takes longest, hides the second tile's load and store.

    ::

        load     | 0 | 1 |     | 2 |
        execute      | 0    | 1    | 2    |
        store               | 0 |  | 1 |  | 2 |
    """
    machine = GemminiMachine(GemminiMemory(latency_cycles=0.0), tile_issue_cycles=0.0)
    tiling = ConvTiling(Q=4, P=16, K=64, S=1, R=1, C=64)
    one, three = (
        conv_cycles(layer(16, 64, 64)._replace(in_height=rows, out_height=rows), tiling, machine)
        for rows in (4, 12)
    )
    load = 4 * 64 + 4 * 64 + 4 * 16 * 4  # pixels, weights, zeros of sums
    assert one == load + 4 * 4 * 4 * 16 + 16 * (16 + 10)
    assert three == 2 * one - 4 * (16 + 10)


@given(shape=LAYERS, latency=st.integers(0, 200))
@settings(deadline=None, max_examples=30)
def test_never_beats_the_roofline(shape: ConvLayer, latency: int) -> None:
    machine = MACHINE._replace(memory=MEMORY._replace(latency_cycles=float(latency)))
    tile = search_tiling(shape, machine).tiling
    cycles = conv_cycles(shape, tile, machine)
    macs = 1
    for size in shape.sizes.values():
        macs *= size
    assert cycles * 256 >= macs
    slower = machine._replace(memory=machine.memory._replace(latency_cycles=latency + 50.0, beat_cycles=2.0))
    assert conv_cycles(shape, tile, slower) >= cycles


def test_a_second_run_finds_small_layers_in_the_cache() -> None:
    """The library's own cut, written as a mapping: the same tiles and loops, but warm."""
    small, large = layer(14, 64, 64), layer(400, 64, 64)
    whole = "L3[WIO] N1 - L2[WI] K16X - L1[O] K4 C4 Q14 C16X - L0[W] P14"
    (warm,) = mapping_cycles([small], [whole], DESIGN)
    assert warm < conv_cycles(small, dosa_tiling(whole), FIRESIM)
    tiles = "L3[WIO] Q20 P20 - L2[WI] K16X - L1[O] K4 C4 Q20 C16X - L0[W] P20"
    (again,) = mapping_cycles([large], [tiles], DESIGN)
    cold = conv_cycles(large, dosa_tiling(tiles), FIRESIM)
    assert 0.95 * cold < again <= cold  # of 20 MB hardly anything stays in 4 MiB


def test_where_a_tile_finds_its_lines() -> None:
    """Two tiles of filters inside, two of rows outside: inputs return at once, weights a turn later.

    By hand, for inputs with endless caches but L2 of 2,048 lines: the first turn of filters fills 128 lines of inputs,
    64 of weights and 128 of outputs; the second as many of weights and outputs: half of both come in between.
    """
    shape = layer(16, 64, 128)
    tiling = ConvTiling(Q=8, P=16, K=64, S=1, R=1, C=64)
    machine = MACHINE._replace(memory=MEMORY._replace(l2_bytes=2048 * 64.0))
    reuse = reuse_of(shape, tiling.sizes, tiling.loops, machine, NOTHING_CACHED)
    starts = [np.array([0, q, 0, k, 0, 0, 0]) for q in (0, 8) for k in (0, 64)]
    inputs = [missing(reuse, INPUT, start) for start in starts]
    assert inputs[0] == inputs[2] == (0, 1)  # never touched
    assert inputs[1] == inputs[3]
    assert inputs[1][1] < 1e-9
    assert inputs[1][0] < 0.2
    weights = [missing(reuse, WEIGHTS, start) for start in starts]
    assert weights[0] == weights[1] == (0, 1)
    assert weights[2] == weights[3]
    assert weights[2][0] > inputs[1][0]  # more came in between


def test_rows_a_power_of_two_apart_leave_each_other_less_room() -> None:
    """Weights 2 KiB apart meet in one set of 32; 2,064 bytes apart they spread."""
    shape = layer(16, 64, 2048, kernel=3)
    tiling = ConvTiling(Q=8, P=16, K=16, S=3, R=3, C=64)
    machine = MACHINE._replace(memory=MEMORY._replace(l2_bytes=2.0**19, llc_bytes=2.0**22))
    gone = []
    for pitch in (2048, 2064):
        rows = shape._replace(weight_pitch=pitch)
        reuse = reuse_of(rows, tiling.sizes, tiling.loops, machine, NOTHING_CACHED)
        gone.append(sum(missing(reuse, WEIGHTS, np.array([0, 0, 0, 16, 0, 0, 0]))))
    assert gone[0] > 3 * gone[1]


def test_agrees_with_rtl(comparisons_of: ComparisonsOf) -> None:
    assert [c.name for c in comparisons_of(gemmini_comparisons) if not c.holds] == []
