"""Products on Gemmini, in both dataflows: load, execute and store queues, command by command.

``ws`` is unrolled by a hardware loop that knows two tiles: while one computes, the next may load, but the one
after that waits until the first has been stored.  Within a tile, blocks of K compute as they land.

``os`` is unrolled by the host, which issues commands in order into short queues: a tile computes once all but
its last few loads are done, and the next tile's loads wait for nearly all its stores.

In both, what a tile loads while it computes itself takes cycles of the scratchpad from it: banks have one
port, and writes go first.  The other half, with the next tile, has banks of its own.
"""

from __future__ import annotations

import numpy as np

from accel_models.units.gemmini.machine import GemminiMachine, Run
from accel_models.units.gemmini.matmul_loads import MovedSoFar, blocks, load_os, load_ws
from accel_models.units.gemmini.memory import queues
from accel_models.units.gemmini.memory.dma import stored_line_cost
from accel_models.units.gemmini.memory.queues import BUSY, Queue, end_of, wait_until
from accel_models.units.gemmini.memory.reuse import INPUT, OUTPUT, WEIGHTS, C, K, P, Shares, missing, reuse_of
from accel_models.units.gemmini.memory.traffic import LINE_BYTES, Block, block_lines
from accel_models.units.gemmini.tiling import ConvLayer, Product
from traces import Ints, compiled

BLOCKS_QUEUED = 8  # of the reservation station's 16 entries, Gemmini's default; two commands a block

# Pipeline depths [cycles], read off the smallest products of the Verilator runs.
START_CYCLES = 45  # the commands that configure, and those that start a loop
LANDING_CYCLES = 10  # from a block's last beat to its use
DRAIN_CYCLES = 20  # from a ws tile's last block to its first result
OS_DRAIN_CYCLES = 62  # os: shifts the block out; as in the RTL's 16 F + 78
NEXT_TILE_CYCLES = 5  # between two tiles' blocks

LOOPS = np.array([0, 1, P, K, 4, 5, C])  # M outermost, then N, then K, by the dimensions of a convolution


@compiled
def product_run(  # noqa: PLR0913, PLR0917  # a loop compiled as one takes what it needs one by one
    product: Product,
    tile: Ints,
    is_os: bool,
    machine: GemminiMachine,
    found: Shares,
    weight_spread: float,
    bias: bool,
    loads: Queue,
    stores: Queue,
) -> Run:
    """Return what one product takes from the first command to the last result in memory.

    Parameters
    ----------
    product
        Its sizes, none of them zero.
    tile
        Sizes of a tile along M, N and K.
    is_os
        Output stationary; weight stationary otherwise.
    machine
        Gemmini and its memory.
    found
        Shares of inputs, weights and outputs that lie in each cache before the first command.
    weight_spread
        Lines of weights fetched for each that holds the kept ones packed; at least 1.
    bias
        One bias per column is loaded into the accumulator.
    loads, stores
        Idle queues, which are left as the last command leaves them.
    """
    layer, box = _as_convolution(product, tile, machine)
    reuse = reuse_of(layer, box, LOOPS.copy(), machine, found)
    moved = MovedSoFar(machine.memory, reuse, weight_spread, np.zeros(3), np.zeros(3), np.zeros(1))
    start, length = np.zeros(7, np.int64), np.ones(7, np.int64)
    computed = executed = first_load = share = 0.0
    done_before = done = float(START_CYCLES)
    for step in range(_tiles(product, tile)):
        _enter_tile(step, product, tile, start, length)
        wait_until(loads, done_before if machine.double_buffered and not is_os else done)
        load_start = max(loads[queues.END], loads[queues.AWAKE])
        ready = _load(product, tile, start, length, loads, moved, machine, is_os, bias)
        if step == 0:
            first_load = ready[0]
        share = _array_cycles(length, machine) / len(ready)
        executed += share * len(ready)
        computed = _compute(computed, ready, share, loads, load_start, moved.written[0])
        done_before, done = done, computed
        if start[C] + length[C] == product.k:
            done = max(done, _store(product, start, length, stores, moved, machine, is_os, computed, loads))
    total = max(computed, end_of(stores))
    return Run(
        total,
        loads[BUSY],
        executed,
        stores[BUSY],
        first_load,
        share,
        moved.lines[INPUT] * LINE_BYTES,
        moved.lines[WEIGHTS] * LINE_BYTES,
        moved.lines[OUTPUT] * LINE_BYTES,
        moved.loaded[INPUT],
        moved.loaded[WEIGHTS],
        float(blocks(product.n, machine.cols) * product.m * product.k),
        float(blocks(product.m, machine.rows) * product.k * product.n),
        float(blocks(product.k, machine.rows) * product.m * product.n),
    )


@compiled
def _as_convolution(product: Product, tile: Ints, machine: GemminiMachine) -> tuple[ConvLayer, Ints]:
    """Return the same loops over the same bytes as a 1 x 1 convolution of one row of pixels."""
    m, k, n = product.m, product.k, product.n
    pitches = (k * machine.input_bytes, n * machine.weight_bytes, n * machine.input_bytes)
    layer = ConvLayer(1, m, k, n, 1, 1, 1, 1, 0, 0, 1, 1, 1, m, 1, pitches[0], pitches[1], pitches[2])
    return layer, np.array([1, 1, min(tile[0], m), min(tile[1], n), 1, 1, min(tile[2], k)])


@compiled
def _tiles(product: Product, tile: Ints) -> int:
    return blocks(product.m, tile[0]) * blocks(product.n, tile[1]) * blocks(product.k, tile[2])


@compiled
def _enter_tile(step: int, product: Product, tile: Ints, start: Ints, length: Ints) -> None:
    """Set where the next tile starts and how far it reaches; tiles go along K first, then N, then M."""
    cols, depths = blocks(product.n, tile[1]), blocks(product.k, tile[2])
    start[P], start[K] = step // (cols * depths) * tile[0], step // depths % cols * tile[1]
    start[C] = step % depths * tile[2]
    length[P] = min(tile[0], product.m - start[P])
    length[K] = min(tile[1], product.n - start[K])
    length[C] = min(tile[2], product.k - start[C])


@compiled
def _load(  # noqa: PLR0913, PLR0917  # as above
    product: Product,
    tile: Ints,
    start: Ints,
    length: Ints,
    loads: Queue,
    moved: MovedSoFar,
    machine: GemminiMachine,
    is_os: bool,
    bias: bool,
) -> Queue:
    """Load the tile's biases and operands; return when each part of them has landed.

    An operand that makes up at most two tiles stays in the scratchpad's two halves (``ws``).
    """
    moved.written[0] = 0.0
    load_start = max(loads[queues.END], loads[queues.AWAKE])
    if bias and start[C] == 0:
        for _ in range(blocks(length[P], machine.rows) * blocks(length[K], machine.cols)):
            queues.load_bias(loads, machine.memory)
    if is_os:
        return load_os(product, start, length, loads, moved, machine, load_start)
    rows, cols, depths = blocks(product.m, tile[0]), blocks(product.n, tile[1]), blocks(product.k, tile[2])
    new_input = not (rows * depths <= 2 and start[K] > 0)
    new_weights = not (cols * depths <= 2 and start[P] > 0)
    return load_ws(product, start, length, loads, moved, machine, new_input, new_weights)


@compiled
def _array_cycles(length: Ints, machine: GemminiMachine) -> float:
    """Cycles of a tile on the array.

    Every 16 x 16 x 16 block takes 16 cycles, also a part-filled one: the next weights need as long.
    """
    outputs = blocks(length[P], machine.rows) * blocks(length[K], machine.cols)
    return float(machine.rows * outputs * blocks(length[C], machine.rows))


@compiled
def _compute(  # noqa: PLR0913, PLR0917  # as above
    computed: float, ready: Queue, share: float, loads: Queue, load_start: float, written: float
) -> float:
    """Return when a tile has computed, an equal share for each entry of ``ready``."""
    loaded = end_of(loads)
    loading = loaded - load_start
    free = 1.0 - min(1.0, written / loading) if loading > 0 else 1.0
    now = computed + NEXT_TILE_CYCLES
    for at in ready:
        now = max(now, at + LANDING_CYCLES)
        until_loaded = max(0.0, loaded - now)
        if share > until_loaded * free:
            now += until_loaded + share - until_loaded * free
        else:
            now += share / free
    return now


@compiled
def _store(  # noqa: PLR0913, PLR0917  # as above
    product: Product,
    start: Ints,
    length: Ints,
    stores: Queue,
    moved: MovedSoFar,
    machine: GemminiMachine,
    is_os: bool,
    computed: float,
    loads: Queue,
) -> float:
    """Store the tile; return when its last commands have entered the queue.

    A ws tile's stores wait for its last block, which takes the accumulator's port; an os tile sums in the
    array, so all but the blocks still queued can be stored.
    """
    if is_os:
        queued = max(computed - BLOCKS_QUEUED * machine.rows, end_of(loads))
        wait_until(stores, queued + OS_DRAIN_CYCLES)
    else:
        wait_until(stores, computed + DRAIN_CYCLES)
    element = machine.input_bytes
    width = min(machine.cols if is_os else LINE_BYTES, LINE_BYTES // element)
    beyond = missing(moved.reuse, OUTPUT, start)
    line_cycles = stored_line_cost(moved.memory, beyond, moved.reuse.crowding[OUTPUT])
    left = blocks(length[K], width) * blocks(length[P], machine.rows)
    queued_last = min(queues.STORES_QUEUED, left)
    entered = computed
    for col in range(0, length[K], width):
        for row in range(0, length[P], machine.rows):
            rows, filters = min(machine.rows, length[P] - row), min(width, length[K] - col)
            first = (start[P] + row) * product.n + start[K] + col
            block = Block(first * element, product.n * element, rows, filters * element)
            if left == queued_last:
                entered = max(entered, end_of(stores) - queues.first_store_cycles(moved.memory))
            queues.store(stores, moved.memory, block, line_cycles)
            moved.lines[OUTPUT] += block_lines(block) * beyond[1]
            left -= 1
    return entered
