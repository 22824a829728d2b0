"""Products on Gemmini, in both dataflows: load, execute and store queues, command by command.

``ws`` is unrolled by a hardware loop that knows two tiles: while one computes, the next may load, but the one
after that waits until the first has been stored.  Within a tile, blocks of K compute as they land.

``os`` is unrolled by the host, which issues commands in order into short queues: a tile computes once all but
its last few loads are done, and the next tile's loads wait for nearly all its stores.

In both, what a tile loads while it computes itself takes cycles of the scratchpad from it: banks have one
port, and writes go first.  The other half, with the next tile, has banks of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from accel_models.gemmini import Gemmini
from accel_models.gemmini_dma import conflict_cycles
from accel_models.gemmini_matmul_tiling import (
    Dataflow,
    Product,
    ProductTile,
    Span,
    default_matmul_tiling,
)
from accel_models.gemmini_queues import LoadQueue, StoreQueue
from accel_models.gemmini_reuse import Operand, Reuse
from accel_models.gemmini_tiling import SIDE
from accel_models.gemmini_traffic import LINE_BYTES, Block

# Depths of the reservation station's queues, Gemmini's default configuration.
LOADS_QUEUED = 8
BLOCKS_QUEUED = 8  # 16 entries, two commands a block
STORES_QUEUED = 4

# Pipeline depths [cycles], read off the smallest products of the Verilator runs.
START_CYCLES = 45  # the commands that configure, and those that start a loop
LANDING_CYCLES = 10  # from a block's last beat to its use
DRAIN_CYCLES = 20  # from a ws tile's last block to its first result
OS_DRAIN_CYCLES = 62  # os: shifts the block out; as in the RTL's 16 F + 78
NEXT_TILE_CYCLES = 5  # between two tiles' blocks


@dataclass(slots=True)
class _Run:
    """A product under way: the queues, and when the last tiles computed and were done."""

    product: Product
    reuse: Reuse
    loads: LoadQueue
    stores: StoreQueue
    computed: float = 0.0
    done: list[float] = field(default_factory=lambda: [float(START_CYCLES)] * 2)
    load_start: float = 0.0
    written: int = 0  # rows of the scratchpad, by the tile's loads

    def load_inputs(self, tile: ProductTile, rows: Span, depth: Span) -> None:
        """Load rows of the inputs."""
        self._load(
            Block(rows[0] * self.product.k + depth[0], self.product.k, rows[1], depth[1]), tile, "input"
        )

    def load_weights(self, tile: ProductTile, depth: Span, cols: Span) -> None:
        """Load rows of the weights."""
        block = Block(depth[0] * self.product.n + cols[0], self.product.n, depth[1], cols[1])
        self._load(block, tile, "weights")

    def line_cycles(self, tile: ProductTile, operand: Operand, pitch: int) -> float:
        """Cost of each of a tile's lines, by what the caches still hold."""
        memory = self.loads.memory
        place = self.reuse.place(operand, tile.box)
        if place == "l2":
            return 0.0
        conflict = conflict_cycles(memory, pitch)
        return conflict if place == "llc" else max(memory.line_cycles, conflict)

    def _load(self, block: Block, tile: ProductTile, operand: Operand) -> None:
        self.loads.load(block, self.line_cycles(tile, operand, block.pitch))
        self.written += block.traffic.written


def matmul_cycles(product: Product, dataflow: Dataflow, machine: Gemmini, *, bias: bool = False) -> int:
    """Cycles of one product from the first command to the last result in memory.

    Parameters
    ----------
    product
        Its sizes; cut by the library's rule.  A skipped product has a zero size and costs nothing.
    dataflow
        ``ws`` or ``os``.
    machine
        Gemmini and its memory.
    bias
        One bias per column is loaded into the accumulator.
    """
    if not product.m * product.k * product.n:
        return 0
    tiling = default_matmul_tiling(product, dataflow, machine.scratchpad_rows, machine.accumulator_rows)
    reuse = Reuse.of(*tiling.as_convolution(product), machine.memory)
    run = _Run(product, reuse, LoadQueue.of(machine.memory), StoreQueue.of(machine.memory))
    for tile in tiling.tiles(product):
        run.loads.wait_until(run.done[0] if dataflow == "ws" else run.done[1])
        _begin_loads(run, tile, bias)
        ready = _load_ws(run, tile) if dataflow == "ws" else _load_os(run, tile)
        _compute(run, tile, ready)
        done = run.computed
        if tile.ends:
            done = max(done, _store(run, tile, dataflow))
        run.done = [run.done[1], done]
    return round(max(run.computed, run.stores.end))


def _begin_loads(run: _Run, tile: ProductTile, bias: bool) -> None:
    run.load_start, run.written = max(run.loads.end, run.loads.awake), 0
    if bias and tile.begins:
        for _ in range(_blocks(tile.rows) * _blocks(tile.cols)):
            run.loads.load_bias()


def _load_ws(run: _Run, tile: ProductTile) -> list[float]:
    """Load four blocks of K after the other, inputs before weights; return when each block of K is there.

    The hardware loop does not trim the last rows of weights: it reads 16, past the end if need be.
    """
    ready = []
    for start, length in _pieces(tile.depth, LINE_BYTES):
        if tile.loads_inputs:
            for row, rows in _pieces(tile.rows, SIDE):
                run.load_inputs(tile, (row, rows), (start, length))
        for row, _ in _pieces((start, length), SIDE):
            if tile.loads_weights:
                for col, cols in _pieces(tile.cols, LINE_BYTES):
                    run.load_weights(tile, (row, SIDE), (col, cols))
            ready.append(run.loads.end)
    return ready


def _load_os(run: _Run, tile: ProductTile) -> list[float]:
    """Load all weights, then inputs; return when each row of blocks can compute.

    The host issues no block before all but the last loads are out of its way.
    """
    ends = [run.load_start]
    for col, cols in _pieces(tile.cols, LINE_BYTES):
        for row, rows in _pieces(tile.depth, SIDE):
            run.load_weights(tile, (row, rows), (col, cols))
            ends.append(run.loads.end)
    ready = []
    for row, rows in _pieces(tile.rows, SIDE):
        for start, length in _pieces(tile.depth, LINE_BYTES):
            run.load_inputs(tile, (row, rows), (start, length))
            ends.append(run.loads.end)
        ready.append(run.loads.end)
    issued = ends[max(0, len(ends) - 1 - LOADS_QUEUED)]
    return [max(at, issued) for at in ready]


def _compute(run: _Run, tile: ProductTile, ready: list[float]) -> None:
    """Advance over the tile's blocks, an equal share for each entry of ``ready``.

    Every 16 x 16 x 16 block takes 16 cycles, also a part-filled one: the next weights need as long.
    """
    share = SIDE * _blocks(tile.rows) * _blocks(tile.cols) * _blocks(tile.depth) // len(ready)
    loaded = run.loads.end
    loading = loaded - run.load_start
    free = 1.0 - min(1.0, run.written / loading) if loading > 0 else 1.0
    now = run.computed + NEXT_TILE_CYCLES
    for at in ready:
        now = max(now, at + LANDING_CYCLES)
        until_loaded = max(0.0, loaded - now)
        if share > until_loaded * free:
            now += until_loaded + share - until_loaded * free
        else:
            now += share / free
    run.computed = now


def _store(run: _Run, tile: ProductTile, dataflow: Dataflow) -> float:
    """Store the tile; return when its last commands have entered the queue.

    A ws tile's stores wait for its last block, which takes the accumulator's port; an os tile sums in the
    array, so all but the blocks still queued can be stored.
    """
    if dataflow == "ws":
        run.stores.wait_until(run.computed + DRAIN_CYCLES)
    else:
        queued = max(run.computed - BLOCKS_QUEUED * SIDE, run.loads.end)
        run.stores.wait_until(queued + OS_DRAIN_CYCLES)
    width = LINE_BYTES if dataflow == "ws" else SIDE
    blocks = [
        Block(row * run.product.n + col, run.product.n, rows, cols)
        for col, cols in _pieces(tile.cols, width)
        for row, rows in _pieces(tile.rows, SIDE)
    ]
    missed = run.reuse.place("output", tile.box) != "l2"
    line_cycles = run.stores.memory.line_cycles if missed else 0.0
    entered = run.computed
    for left, block in zip(range(len(blocks), 0, -1), blocks, strict=True):
        if left == min(STORES_QUEUED, len(blocks)):
            entered = max(entered, run.stores.last_sent)
        run.stores.store(block, line_cycles)
    return entered


def _blocks(span: Span) -> int:
    return -(-span[1] // SIDE)


def _pieces(span: Span, piece: int) -> list[Span]:
    """Return (start, length) of pieces of a span, the last one cut short."""
    start, length = span
    return [(start + at, min(piece, length - at)) for at in range(0, length, piece)]
