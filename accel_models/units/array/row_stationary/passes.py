"""Row-stationary arrays: rows of filters stay in the PEs, rows of inputs slide along, partial sums climb the columns.

A PE multiplies one row of a filter (S taps) with one row of the input and makes one row of partial sums.  R x e PEs,
a *PE set*, make e rows of one output plane; a set wider than the array is folded into segments above each other.
Sets of r groups of input channels and t groups of filters lie side by side.  In one *pass* the array works on

    n images, e output rows, q r input channels (q in one PE), p t filters (p in one PE):  n p q S F cycles

for planes of E x F outputs.  A pass first fills the weight scratchpads, and reads and
writes its partial sums in the buffer, which holds those of m filters, and the inputs of one pass, in banks of its own.
Inputs come from DRAM once per m filters, filters once per n images and e rows.

Of all passes the fastest is taken, DRAM traffic included, and of those the one that moves the least over the DRAM bus.
On each AlexNet layer it has the published accesses of the global buffer and the published number of active PEs.
Choice: a plane wider than the array is folded as often as the array is high and the buffer holds the sums of four
filters, and cut into strips only beyond; its sets leave the sums of their channels to the buffer (r = 1); p is 4, 8
or as many filters as find room, 16 at most, r and t are powers of two, m is a multiple of 16 where that many find room;
a last, part-filled pass takes a whole one's time.  Folding, r = 1 and the port's width follow what is published of
VGG-16 as a whole: ten of 13 layers move
14.8 to 15.3 B per cycle.  A 3 x 3 layer moves that much only if the array adds up no more than the four channels of one
PE; the three layers with planes of 14 x 14, which fit the array as those of AlexNet do, are the others.

Source: Chen et al., "Eyeriss", JSSC 52(1), 2017, and ISCA 2016.  Checked against table V of the former: accesses of
the global buffer within 0.4 % on all five layers, processing time within 12 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from accel_models.design.sections import Memory
from accel_models.design.unit_sections import Array, Scratchpads
from accel_models.units.array.machine import ArrayBytes, ArrayMachine, port_cycles
from accel_models.work.rows import each_array, rows_of
from traces import Bools, ConfigError, Floats

FILTERS = 16  # m is a multiple: those that the published accesses of AlexNet imply are (Choice)


@dataclass(frozen=True, slots=True, eq=False)
class Ops:
    """``n`` ops, their sizes in the letters above; float64 arrays of shape ``(n, 1)``, for ways beside them.

    A size that all ops share may be stated once, shape ``(1, 1)``.
    """

    images: Floats  # N
    channels: Floats  # C of one group
    filters: Floats  # M of one group
    groups: Floats
    rows: Floats  # E
    cols: Floats  # F
    in_rows: Floats  # as the array reads them, padding included
    in_cols: Floats
    stored_rows: Floats  # as they lie in DRAM
    stored_cols: Floats
    kernel_rows: Floats  # R of one fold of the kernel, no taller than the array
    kernel_cols: Floats  # S of one fold, no wider than the scratchpad
    folds: Floats  # of the kernel
    span: Floats  # rows of the input under one output row
    stride: Floats
    fetch_input: Floats  # 1.0 if inputs come from DRAM, 0.0 if they are on chip
    fetch_weights: Floats
    store_output: Floats
    reserved: Floats  # of the buffer [B]
    pinned: Floats  # of the weight buffer [B]

    def take(self, rows: NDArray[np.intp]) -> Ops:
        """Return the ops at ``rows``."""
        return rows_of(self, rows)

    def alike(self) -> Ops:
        """Return the same ops, what all of them share stated once: ways of an op with gates differ in channels."""
        return each_array(self, lambda sizes: sizes[:1] if (sizes == sizes[:1]).all() else sizes)


@dataclass(frozen=True, slots=True, eq=False)
class PassSettings:
    """Settings of a pass, float64 arrays of shape ``(ways,)``, or ``(n, 1)`` for one way per op."""

    n: Floats
    e: Floats
    p: Floats  # 0: as many as find room, FILTERS at most
    q: Floats
    r: Floats
    t: Floats

    @classmethod
    def ones(cls, ops: int) -> PassSettings:
        """Return a way for each op in which every setting is 1."""
        return cls(*(np.ones((ops, 1)) for _ in range(6)))

    def take(self, ways: NDArray[np.intp]) -> PassSettings:
        """Return some of the ways, one per op."""
        return PassSettings(*(setting[ways][:, None] for setting in self._columns))

    def put(self, ops: NDArray[np.intp], ways: PassSettings) -> None:
        """Set the ways of some ops."""
        for setting, found in zip(self._columns, ways._columns, strict=True):
            setting[ops] = found

    @property
    def _columns(self) -> tuple[Floats, ...]:
        """Return the settings in the order in which they are made."""
        return self.n, self.e, self.p, self.q, self.r, self.t


@dataclass(frozen=True, slots=True, eq=False)
class HeldByPass:
    """What PEs and buffers hold in one pass of each way; arrays of shape ``(n, ways)``."""

    fits: Bools
    odd: Floats  # 1.0 where m is no multiple of 16
    filters: Floats  # m
    in_pe: Floats  # p
    together: Floats  # filters, p t
    inputs: Floats  # [numbers]
    buffer_bytes: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Passes:
    """What ways come to, arrays of shape ``(n, ways)``."""

    held: HeldByPass
    count: Floats  # of passes
    compute: Floats  # cycles of multiplying
    cycles: Floats  # of the array, fills and ports included
    dram_inputs: Floats  # [numbers]
    dram_weights: Floats
    inside: ArrayBytes
    first_weights: Floats  # [numbers] before the first pass
    pass_cycles: Floats
    strips: Floats


NEEDS_SCRATCHPADS: Final = "array.dataflow = 'rs' needs array.scratchpads: inputs, weights, sums"


def scratchpads(array: Array) -> Scratchpads:
    """Return what the PEs store; a row-stationary array must say it."""
    if array.scratchpads is None:
        raise ConfigError(NEEDS_SCRATCHPADS)
    return array.scratchpads


def passes_of(ops: Ops, ways: PassSettings, machine: ArrayMachine) -> Passes:
    """Return time and traffic of ways on ops; see the module for the equations."""
    memory = machine.memory
    held = _held(ops, ways, machine)
    strips, images = np.ceil(ops.rows / ways.e), np.ceil(ops.images / ways.n)
    channel_passes = np.ceil(ops.channels / (ways.q * ways.r)) * ops.folds
    filter_passes = np.ceil(ops.filters / held.together)
    count = channel_passes * filter_passes * (images * strips * ops.groups)
    read, stored = _inputs_moved(ops, strips)
    loads = _weights_of_pass(ops, ways, held.together)
    inside = _inside(ops, memory, read * filter_passes, loads * count, channel_passes)
    width = memory.ports.weight
    fill = loads * memory.weight_bits / width if width else 0.0 * loads
    compute = held.in_pe * (ways.n * ways.q * ops.kernel_cols * ops.cols)
    ports = port_cycles(_without_weights(memory), inside) / np.maximum(count, 1)
    each = np.maximum(compute, ports) + fill
    return Passes(
        held=held,
        count=count,
        compute=count * compute,
        cycles=count * each,
        dram_inputs=stored * np.ceil(ops.filters / held.filters),
        dram_weights=ops.filters * ops.channels * (strips * images * ops.groups * taps(ops)),
        inside=inside,
        first_weights=loads,
        pass_cycles=each,
        strips=strips * images,
    )


def _held(ops: Ops, ways: PassSettings, machine: ArrayMachine) -> HeldByPass:
    pads, memory = scratchpads(machine.array), machine.memory
    in_rows = np.minimum((ways.e - 1) * ops.stride + ops.span, ops.in_rows)
    inputs = ways.n * ways.q * ways.r * (in_rows * ops.in_cols)
    input_bytes = inputs * (memory.activation_bits / 8)
    plane_bytes = ways.n * np.minimum(ways.e, ops.rows) * ops.cols * (memory.accumulator_bits / 8)
    most = _most_filters(ops, input_bytes, plane_bytes, memory)
    in_pe = np.where(ways.p > 0, ways.p, np.clip(most, 1, min(FILTERS, pads.sums)))
    in_pe = np.minimum(in_pe, ops.filters)
    together = in_pe * ways.t
    odd, filters = _filters_held(ops, together, most)
    fits = most >= np.minimum(together, ops.filters)
    fits &= input_bytes <= memory.activation_buffer - ops.reserved
    fits &= in_pe * ways.q * ops.kernel_cols <= pads.weights
    return HeldByPass(fits, odd, filters, in_pe, together, inputs, input_bytes + together * plane_bytes)


def _inputs_moved(ops: Ops, strips: Floats) -> tuple[Floats, Floats]:
    """Return the numbers that the array reads, padding included, and those in DRAM; rows of two strips come again."""
    rows_read = np.minimum((ops.rows - 1) * ops.stride + ops.span, ops.in_rows)
    overlap = (strips - 1) * np.maximum(ops.span - ops.stride, 0)
    channels = ops.groups * ops.images * ops.channels
    read = channels * ((rows_read + overlap) * ops.in_cols)
    return read, channels * ((np.minimum(rows_read, ops.stored_rows) + overlap) * ops.stored_cols)


def _weights_of_pass(ops: Ops, ways: PassSettings, together: Floats) -> Floats:
    """Return the weights that one pass fills into the scratchpads [numbers]."""
    held = np.minimum(together, ops.filters) * np.minimum(ways.q * ways.r, ops.channels)
    return np.asarray(held * ops.kernel_rows * ops.kernel_cols)


def _inside(ops: Ops, memory: Memory, inputs: Floats, weights: Floats, channel_passes: Floats) -> ArrayBytes:
    """Return what goes through the buffers' ports, given the numbers that are read; sums once per pass of channels."""
    sums = ops.groups * ops.images * ops.filters * ops.rows * ops.cols
    sum_bytes = sums * (memory.accumulator_bits / 8) * channel_passes
    return ArrayBytes(
        activation_reads=inputs * (memory.activation_bits / 8),
        weight_reads=weights * (memory.weight_bits / 8),
        accumulator_reads=sum_bytes,
        accumulator_writes=sum_bytes,
    )


def _without_weights(memory: Memory) -> Memory:
    """Return the memory with a weight port that nothing waits for: its fills are counted apart."""
    return memory.model_copy(update={"ports": memory.ports.model_copy(update={"weight": None})})


def taps(ops: Ops) -> Floats:
    """Return the taps of a kernel, R S over all its folds."""
    return ops.kernel_rows * ops.kernel_cols * ops.folds


def _most_filters(ops: Ops, inputs: Floats, plane: Floats, memory: Memory) -> Floats:
    """Return of how many filters the partial sums find room; beside a pass's inputs if they share, in whole banks."""
    if not memory.shared_sums:
        return np.floor(memory.accumulator_buffer / plane) + 0.0 * inputs
    bank = memory.activation_buffer / memory.banks if memory.banks > 1 else 1.0
    room = np.floor((memory.activation_buffer - ops.reserved) / bank) - np.ceil(inputs / bank)
    return np.asarray(np.floor(room * bank / plane), np.float64)


def _filters_held(ops: Ops, together: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Return whether m is odd (no multiple of 16), and m, whole passes of at most ``most`` filters."""
    unit = np.maximum(together, FILTERS)
    even = np.floor(most / unit) * unit
    few = np.floor(most / together) * together
    held = np.where(most >= ops.filters, ops.filters, np.where(even > 0, even, few))
    odd = (held < ops.filters) & (held % FILTERS != 0)
    return odd.astype(np.float64), np.maximum(held, 1.0)
