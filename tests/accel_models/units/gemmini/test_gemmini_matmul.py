"""Gemmini's products: rows as requests, queues, tiles, and whole runs beside the RTL."""

from dataclasses import astuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.units.gemmini.loops import Fetches, matmul_cycles, product_tile, run_products
from accel_models.units.gemmini.machine import GemminiMachine
from accel_models.units.gemmini.memory import queues
from accel_models.units.gemmini.memory.dma import GemminiMemory
from accel_models.units.gemmini.memory.traffic import Block, LineTraffic, block_traffic, row_traffic
from accel_models.units.gemmini.tiling import GemminiDataflow, Product, default_matmul_tiling
from analysis.validation.arrays.systolic import ints, reference

IDEAL = GemminiMachine(memory=GemminiMemory(latency_cycles=0.0))


@pytest.mark.parametrize(
    ("offset", "size", "traffic"),
    [
        (0, 64, LineTraffic(requests=1, beats=4, merge_cycles=4, written=4)),
        (
            0,
            48,
            LineTraffic(requests=1, beats=4, merge_cycles=5, written=3),
        ),  # the fourth beat is thrown away
        (
            16,
            48,
            LineTraffic(requests=1, beats=4, merge_cycles=4, written=3),
        ),  # so is the first, while it waits
        (0, 20, LineTraffic(requests=1, beats=2, merge_cycles=2, written=2)),
        (
            4,
            20,
            LineTraffic(requests=1, beats=2, merge_cycles=3, written=2),
        ),  # 12 + 8: the second beat ends two
        (52, 20, LineTraffic(requests=2, beats=2, merge_cycles=3, written=2)),  # 12 | 8, in two lines
    ],
)
def test_a_row_in_requests_and_beats(offset: int, size: int, traffic: LineTraffic) -> None:
    assert row_traffic(offset, size) == traffic


@given(offset=st.integers(0, 63), size=st.integers(1, 64))
def test_a_row_moves_at_least_its_bytes(offset: int, size: int) -> None:
    traffic = row_traffic(offset, size)
    assert traffic.requests == (1 if offset + size <= 64 else 2)
    assert size <= traffic.beats * 16 < size + 64
    assert traffic.merge_cycles >= max(traffic.beats, traffic.written)


def test_loads_by_hand() -> None:
    """One command of 16 rows of 64 bytes: 100 to the first beat, 20 around it, 64 beats."""
    assert _loaded(100.0, Block(0, 64, 16, 64), 1) == 100 + 20 + 64
    # In a train 16 requests, or two commands, share each round trip: 100 + 8 + 3, and 100 + 4 + 14.
    assert _loaded(100.0, Block(0, 64, 16, 64), 33) - _loaded(100.0, Block(0, 64, 16, 64), 32) == 111
    assert _loaded(100.0, Block(0, 64, 1, 64), 34) - _loaded(100.0, Block(0, 64, 1, 64), 32) == 118
    assert _loaded(0.0, Block(0, 64, 16, 64), 32) == 20 + 32 * 64


def _loaded(latency: float, block: Block, commands: int) -> float:
    queue = queues.idle_queue()
    for _ in range(commands):
        queues.load(queue, GemminiMemory(latency_cycles=latency), block, 0.0)
    return queues.end_of(queue)


def test_stores_by_hand() -> None:
    """16 rows of 16 results: 10 + 16 cycles each; of 64: three gathered and four sent a row, and one more."""
    memory = IDEAL.memory
    narrow, wide = queues.idle_queue(), queues.idle_queue()
    queues.store(narrow, memory, Block(0, 16, 16, 16), 0.0)
    queues.store(wide, memory, Block(0, 64, 16, 64), 0.0)
    assert queues.end_of(narrow) == 10 + 26
    assert queues.end_of(wide) == 10 + 16 * 7 + 1
    queues.wait_until(wide, 500.0)
    queues.store(wide, memory, Block(0, 64, 16, 64), 0.0)
    assert queues.end_of(wide) == 500 + 10 + 16 * 7 + 1
    assert wide[queues.BUSY] == 2 * (10 + 16 * 7 + 1)  # waiting is not serving


def test_a_command_moves_what_its_rows_do() -> None:
    rows = [row_traffic((52 + row * 100) % 64, 20) for row in range(7)]
    together = rows[0]
    for row in rows[1:]:
        together = together.plus(row)
    assert block_traffic(Block(52, 100, 7, 20)) == astuple(together)


def test_a_tile_starts_square_and_grows_in_turn() -> None:
    """ws: half of 1024 accumulator rows holds 32 blocks; 5 x 5 are the largest square, 5 x 6 fit still."""
    cube = Product(m=256, k=256, n=256)
    ws = default_matmul_tiling(cube, "ws", IDEAL)
    os = default_matmul_tiling(cube, "os", IDEAL)
    assert (ws.i, ws.j, ws.k) == (5, 6, 16)
    assert (os.i, os.j, os.k) == (8, 8, 16)


def test_deep_products_fill_half_the_scratchpad() -> None:
    """One row of 128 blocks by 63: 5 by 51 at first; N and K take turns up to (1 + 8) x 56 of 512 blocks."""
    tiling = default_matmul_tiling(Product(m=1, k=2048, n=1000), "ws", IDEAL)
    assert (tiling.i, tiling.j, tiling.k) == (1, 8, 56)


def moved(product: Product, dataflow: str, bias: bool = False) -> tuple[int, int]:
    """Bytes read and written through the port."""
    way: GemminiDataflow = "os" if dataflow == "os" else "ws"
    beats = np.zeros((1, 2))
    tiles = product_tile(product, way, IDEAL)[None]
    run_products(np.array([product]), tiles, way, IDEAL, Fetches(bias=bias), beats=beats)
    return int(16 * beats[0, 0]), int(16 * beats[0, 1])


def test_operands_of_two_tiles_stay() -> None:
    cube = Product(m=128, k=128, n=128)  # 2 x 2 tiles of 5 x 6 blocks
    assert moved(cube, "ws") == (2 * 128 * 128, 128 * 128)
    tall = Product(m=2048, k=128, n=128)  # 32 x 1 tiles of 4 x 8 blocks: the host loads all of each
    tiles = default_matmul_tiling(tall, "os", IDEAL)
    turns = -(-128 // tiles.i)
    assert moved(tall, "os") == (2048 * 128 + turns * 128 * 128, 2048 * 128)
    assert turns > 2


def test_lines_that_only_dram_holds_cost_once() -> None:
    """ws, 256 x 256 x 256: 4 x 3 tiles.  With L2 large, each operand comes from DRAM once: 1024 lines each.

    Loads take at least 10 cycles a line, 16 lines a command, where 4 a line would do from the caches.
    """
    cube = Product(m=256, k=256, n=256)
    far = GemminiMemory(latency_cycles=0.0, line_cycles=100.0)
    small = GemminiMemory(latency_cycles=0.0, line_cycles=100.0, l2_bytes=1024.0, llc_bytes=1024.0)
    near, once, always = (
        matmul_cycles(cube, "ws", GemminiMachine(memory=m)) for m in (IDEAL.memory, far, small)
    )
    assert once > 2 * 1024 * 100 > near
    assert always > (3 + 4) * 1024 * 100 > once  # inputs for each of three columns, weights of four rows


def test_the_smallest_product_by_hand() -> None:
    """16 x 16 x 16, no latency, measured 182.

    Both operands are there after 45 + 20 + 2 x 16, landed 10 later; one block of 16; 20 to its first result;
    10 + 26 to store it.
    """
    assert matmul_cycles(Product(m=16, k=16, n=16), "ws", IDEAL) == 45 + 20 + 32 + 10 + 16 + 20 + 36


@pytest.mark.parametrize("size", ["m", "k", "n"])
def test_a_skipped_product_costs_nothing(size: str) -> None:
    assert matmul_cycles(Product(m=4, k=8, n=8)._replace(**{size: 0}), "ws", IDEAL) == 0


def test_bytes_moved_are_the_rtls() -> None:
    """Every run reads and writes as many bytes as the RTL: tiles, reuse and alignment are right."""
    table = reference("gemmini_matmul_rtl")
    columns = ("M", "K", "N", "bias", "rd_bytes", "wr_bytes")
    rows = zip(table["dataflow"], *(ints(table, c).tolist() for c in columns), strict=True)
    for dataflow, m, k, n, bias, read, written in rows:
        assert moved(Product(m, k, n), dataflow, bool(bias)) == (read, written), (dataflow, m, k, n)


@given(
    sizes=st.tuples(*[st.integers(1, 300)] * 3),
    dataflow=st.sampled_from(["ws", "os"]),
    latency=st.integers(0, 150),
)
@settings(deadline=None, max_examples=40)
def test_products_never_beat_the_roofline(
    sizes: tuple[int, int, int], dataflow: GemminiDataflow, latency: int
) -> None:
    m, k, n = sizes
    memory = GemminiMemory(latency_cycles=float(latency), beat_cycles=2.0)
    cycles = matmul_cycles(Product(m=m, k=k, n=n), dataflow, GemminiMachine(memory=memory))
    assert cycles * 256 >= m * k * n
    assert cycles * 16 >= 2 * (m * k + k * n)  # its operands at 16 bytes per two cycles
    assert cycles > 2 * latency
