"""Instructions that the kernels of a neural network execute on a SIMD core, by class.

Checked against instruction counts of CMSIS-NN run under an instruction-set simulator
(``analysis/validation/reference/simd_instructions.csv``); cycles are :mod:`accel_models.units.simd.unit`'s.

The matrix kernel (M pixels, K reduction, N channels per group) in register blocks of P x Q sums, S elements
of K a step, L multiply-accumulates per instruction:

===================  =====================================================
instructions         count
===================  =====================================================
multiply-accumulate  M N ceil(K/S) ceil(S/L)
weight loads         N ceil(M/P) ceil(K/S)
activation loads     M ceil(N/Q) ceil(K/S), twice if im2col widened them
unpacking            per load of a narrow operand; on Armv6-M an add per multiply, too
loop                 ceil(M/P) ceil(N/Q) ceil(K/S) steps
===================  =====================================================

Where a library's kernels have been counted (``Software.counted``), :mod:`accel_models.units.simd.counted`
says what each of its loops executes instead.

ceil(K/S) is kernel area x ceil(C/S), C input channels, where kernels reduce the channels under one tap at a time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from accel_models.units.simd.counted import (
    CLASSES,
    COUNTED_ISAS,
    COUNTED_PARTS,
    CountedIsa,
    CountedKernel,
    counted_parts,
    kernels_of,
)
from accel_models.units.simd.software import Isa, Software
from accel_models.work.shapes import Shapes, element_operations
from traces import MAC_KINDS, RECURRENT, Bools, Floats, Ints, OpKind, UnsupportedError, did_you_mean

# Classes of the instructions around the MAC loop, as shares; the rest are ALU.  Source: the Cortex-M4 rows of
# simd_instructions.csv with the least MAC loop, vww_conv1_3x3s2 and vww_dw48x8, their mean.
OVERHEAD_LOAD, OVERHEAD_STORE, OVERHEAD_BRANCH = 0.24, 0.07, 0.09
# Sigmoids and tanhs per hidden unit, and products: of an LSTM i, f, g, o, the cell's output; f c, i g, o tanh(c).
CELL_WORK: dict[OpKind, tuple[int, int]] = {"lstm_cell": (5, 3), "gru_cell": (3, 3), "rnn_cell": (1, 0)}
NORM_SUMS = 2  # passes that add up: of the elements and of their squares; a third one scales


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What a kernel must know of the core: instruction set, the word it loads, MACs per instruction."""

    isa: Isa
    lanes: int  # MACs per instruction
    vector_bytes: int  # bytes per load [B]


@dataclass(frozen=True, slots=True, eq=False)
class Instructions:
    """Instructions by class, each shape (n,)."""

    mac: Floats
    alu: Floats
    weight_load: Floats
    load: Floats  # of activations and everything else
    store: Floats
    branch: Floats

    def classes(self) -> tuple[Floats, ...]:
        """All classes in the order of their fields."""
        return self.mac, self.alu, self.weight_load, self.load, self.store, self.branch

    @property
    def total(self) -> Floats:
        """All instructions."""
        return self.mac + self.alu + self.weight_load + self.load + self.store + self.branch


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernel:
    """Instructions of each part of an op, and the passes over its weights."""

    mac: Instructions
    im2col: Instructions
    requant: Instructions
    elementwise: Instructions
    row: Instructions
    op: Instructions
    weight_passes: Floats  # times all weights are read, if no cache keeps them
    resident_weights: Floats  # that a cache must hold for one pass to do [element]

    def parts(self) -> tuple[Instructions, ...]:
        """All parts in the order of their fields."""
        return self.mac, self.im2col, self.requant, self.elementwise, self.row, self.op


def count_instructions(
    shapes: Shapes, target: Target, software: Software, *, weight_bytes: int = 1, act_bytes: int = 1
) -> Kernel:
    """Return the instructions of ``n`` pieces of work; skipped work still counts its op here."""
    if software.counted and target.isa in COUNTED_ISAS and weight_bytes == act_bytes == 1:
        kernels = kernels_of(shapes)
        if kernels:
            return _counted(shapes, target.isa, kernels, software)
    if shapes.kind not in MAC_KINDS:
        return _elementwise_kernel(shapes, software)
    depthwise = shapes.depthwise
    loop, words = _matrix_loop(shapes, target, software, weight_bytes, act_bytes)
    outputs = shapes.output_elements * RECURRENT.get(shapes.kind, 1)
    copied = np.where(depthwise, 0, words)
    per_output = np.where(depthwise, software.depthwise_output_instructions, software.requant_instructions)
    return Kernel(
        mac=_choose(depthwise, overhead(_depthwise_loop(shapes, software)), loop),
        im2col=overhead(_tap_set_up(shapes, software) + copied * software.im2col_word_instructions),
        requant=overhead(outputs * per_output),
        elementwise=overhead(_lstm_elements(shapes, software)),
        row=overhead(np.where(depthwise, 0, _row_set_up(shapes, software))),
        op=overhead(np.full(len(shapes), software.op_instructions)),
        weight_passes=np.where(depthwise, 1, _pixel_blocks(shapes, software)).astype(np.float64),
        resident_weights=_resident_weights(shapes, software),
    )


def _counted(
    shapes: Shapes,
    isa: CountedIsa,
    kernels: dict[CountedKernel, Bools],
    software: Software,
) -> Kernel:
    """Return what a library's counted kernels execute, each loop body in the part it belongs to."""
    counts = {name: np.zeros((len(CLASSES), len(shapes))) for name in COUNTED_PARTS}
    for kernel, mask in kernels.items():
        if mask.any():
            for part, classes in counted_parts(kernel, isa, shapes).items():
                counts[part] += classes * mask
    parts = {name: _from_classes(classes) for name, classes in counts.items()}
    is_mac = shapes.kind in MAC_KINDS
    passes = np.where(shapes.depthwise, 1, _pixel_blocks(shapes, software)) if is_mac else 0 * shapes.m
    return Kernel(
        mac=parts["mac"],
        im2col=parts["im2col"],
        requant=parts["requant"],
        elementwise=parts["elementwise"],
        row=parts["row"],
        op=overhead(np.full(len(shapes), software.op_instructions)),
        weight_passes=passes.astype(np.float64),
        resident_weights=_resident_weights(shapes, software),
    )


def _from_classes(classes: Floats) -> Instructions:
    mac, load, store, branch, other = classes
    return Instructions(
        mac=mac, alu=other, weight_load=np.zeros_like(load), load=load, store=store, branch=branch
    )


def overhead(count: ArrayLike) -> Instructions:
    """Split a number of instructions outside the MAC loop into classes."""
    n = np.asarray(count, np.float64)
    load, store, branch = n * OVERHEAD_LOAD, n * OVERHEAD_STORE, n * OVERHEAD_BRANCH
    zero = np.zeros_like(n)
    return Instructions(zero, n - load - store - branch, zero, load, store, branch)


def _matrix_loop(
    shapes: Shapes, target: Target, software: Software, weight_bytes: int, act_bytes: int
) -> tuple[Instructions, Floats]:
    """Instructions of the MAC loop (the table above), and the words that im2col copies."""
    word = max(target.vector_bytes // max(weight_bytes, act_bytes), 1)  # S [elements]
    words_per_tap = -(-(shapes.in_channels // np.maximum(shapes.groups, 1)) // word)
    by_tap = shapes.kernel_height * shapes.kernel_width * words_per_tap
    steps = (by_tap if software.reduces_by_tap else -(-shapes.k // word)) * shapes.groups
    pixel_blocks, channel_blocks = _pixel_blocks(shapes, software), _channel_blocks(shapes, software)
    im2col = _needs_im2col(shapes)
    narrow = weight_bytes == act_bytes == 1
    widened = im2col & (narrow and software.im2col_widens)
    mac = shapes.m * shapes.n * steps * -(-word // target.lanes)
    weight_load = shapes.n * pixel_blocks * steps
    word_loads = shapes.m * channel_blocks * steps
    unpacked = weight_load + np.where(widened, 0, word_loads)
    unpack = unpacked * (software.unpack_instructions if narrow else 0)
    loops = pixel_blocks * channel_blocks * steps
    step = software.step_instructions if shapes.kind == "conv" else software.linear_step_instructions
    adds = mac if target.isa == "v6m" else 0  # no MLA
    instructions = Instructions(
        mac=_float(mac),
        alu=_float(unpack + loops * step + adds),
        weight_load=_float(weight_load),
        load=_float(word_loads * np.where(widened, 2, 1)),
        store=np.zeros(len(shapes)),
        branch=loops / software.unroll,
    )
    copied = _taps(shapes) * words_per_tap * shapes.groups
    return instructions, np.where(im2col, copied, 0).astype(np.float64)


def _depthwise_loop(shapes: Shapes, software: Software) -> Floats:
    """Instructions of depthwise MACs, channels rounded up to whole vectors."""
    channels = -(-shapes.out_channels // software.depthwise_lanes) * software.depthwise_lanes
    return _float(_taps(shapes) * channels * software.depthwise_mac_instructions)


def _tap_set_up(shapes: Shapes, software: Software) -> Floats:
    """Instructions to find and copy what lies under each kernel tap, words not counted."""
    gathered = np.where(_needs_im2col(shapes), software.im2col_tap_instructions * shapes.groups, 0)
    per_tap = np.where(shapes.depthwise, software.depthwise_tap_instructions, gathered)
    return _float(_taps(shapes) * per_tap)


def _row_set_up(shapes: Shapes, software: Software) -> Floats:
    """Instructions per register block and per output pixel of the matrix kernel."""
    blocks = _pixel_blocks(shapes, software) * _channel_blocks(shapes, software) * shapes.groups
    return _float(blocks * software.block_instructions + shapes.m * software.pixel_instructions)


def _elementwise_kernel(shapes: Shapes, software: Software) -> Kernel:
    per_element: dict[OpKind, ArrayLike] = {
        "add": software.add_instructions,
        "mul": software.mul_instructions,
        "concat": software.copy_instructions,
        "max_pool": software.pool_instructions,
        "avg_pool": software.pool_instructions,
        "global_avg_pool": software.pool_instructions,
        "global_max_pool": software.pool_instructions,
        "reduce": software.pool_instructions,
        "layer_norm": NORM_SUMS * software.pool_instructions + software.mul_instructions,
        "upsample": software.copy_instructions,
        "copy": software.copy_instructions,
        "slice": software.copy_instructions,
        "activation": np.where(
            shapes.transcendental, software.exp_instructions, software.activation_instructions
        ),
        "softmax": software.exp_instructions,
        "threshold": software.threshold_instructions,
    }
    if shapes.kind not in per_element:
        raise UnsupportedError(
            f"SIMD core: no kernel for op kind {shapes.kind!r}{did_you_mean(shapes.kind, per_element)}"
        )
    nothing = overhead(np.zeros(len(shapes)))
    return Kernel(
        mac=nothing,
        im2col=nothing,
        requant=nothing,
        elementwise=overhead(_elements_with_operands(shapes) * np.asarray(per_element[shapes.kind])),
        row=nothing,
        op=overhead(np.full(len(shapes), software.op_instructions)),
        weight_passes=np.zeros(len(shapes)),
        resident_weights=np.zeros(len(shapes)),
    )


def _elements_with_operands(shapes: Shapes) -> Floats:
    """Element operations; each operand of an add or mul beyond the second is one more."""
    return element_operations(shapes) * np.maximum(shapes.operands - 1, 1)


def _lstm_elements(shapes: Shapes, software: Software) -> Floats:
    if shapes.kind not in RECURRENT:
        return np.zeros(len(shapes))
    exps, products = CELL_WORK[shapes.kind]
    per_unit = exps * software.exp_instructions + products * software.mul_instructions
    return _float(shapes.output_elements * per_unit)


def _needs_im2col(shapes: Shapes) -> Bools:
    """Gathered are windows larger than 1x1; 1x1 and linear layers read their input in place."""
    return (shapes.kernel_height * shapes.kernel_width > 1) & (shapes.kind == "conv")


def _taps(shapes: Shapes) -> Ints:
    """Kernel taps over all output pixels."""
    return shapes.m * shapes.kernel_height * shapes.kernel_width


def _pixel_blocks(shapes: Shapes, software: Software) -> Ints:
    return -(-shapes.m // (software.block_pixels if shapes.kind == "conv" else 1))


def _channel_blocks(shapes: Shapes, software: Software) -> Ints:
    return -(-shapes.n // (software.block_channels if shapes.kind == "conv" else software.linear_channels))


def _resident_weights(shapes: Shapes, software: Software) -> Floats:
    """Weights that every row of register blocks returns to: all of them, or one block's own channels."""
    pointwise = (shapes.kind == "conv") & np.logical_not(_needs_im2col(shapes))
    block = shapes.k * np.minimum(shapes.n, software.block_channels)
    return _float(np.where(pointwise & software.channels_outer, block, shapes.weights))


def _choose(mask: Bools, yes: Instructions, no: Instructions) -> Instructions:
    return Instructions(*(np.where(mask, a, b) for a, b in zip(yes.classes(), no.classes(), strict=True)))


def _float(values: ArrayLike) -> Floats:
    return np.asarray(values, np.float64)
