"""Instructions of CMSIS-NN's int8 kernels as its code is laid out: terms that the loops fix, prices that were counted.

Each kernel walks a few nested loops, and what a loop body executes does not depend on data but for a clamp here and
there.  So the instructions of a call are a sum of terms, each the number of times that one loop body runs, over
whole blocks and what is left over (``//`` and ``%``):

====================  ==================================================================================
kernel                loops
====================  ==================================================================================
conv, scalar and DSP  im2col per tap; pairs of pixels x pairs of channels, an odd pixel or channel apart;
                      K one by one (scalar) or four at a time and a tail (DSP)
conv, MVE             im2col by 16-byte copies; four pixels x one channel, left-over pixels apart; ceil(K / 16)
pointwise             the same without im2col; sums of each channel's weights once per call (not MVE)
depthwise             taps in bounds x four channels (not MVE); MVE copies padding and takes four pixels at a time
linear                blocks of 3 (scalar), 2 (DSP) or 4 (MVE) outputs, the rest apart
====================  ==================================================================================

Prices of the terms, and which share of them multiplies, loads, stores and branches, are ``tables/kernel_counts.csv``
(``benchmarks/fit_counts.py`` fits and leaves out).  Elements computed, never stored, are counted by the loops too:
convolutions execute their padding, depthwise kernels skip it but for MVE's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal, get_args

import numpy as np

from accel_models.energy.tables import read_table
from accel_models.work.shapes import Shapes
from traces import Bools, Floats, Ints, OpKind, UnsupportedError, did_you_mean

CountedIsa = Literal["v6m", "scalar", "dsp", "mve"]
COUNTED_ISAS: tuple[CountedIsa, ...] = get_args(CountedIsa)
CountedKernel = Literal[
    "conv",
    "pointwise",
    "depthwise",
    "linear",
    "add",
    "mul",
    "softmax",
    "pool",
    "gather",
    "copy",
    "requantise",
]
Terms = dict[str, Ints]
CLASSES = ("mac", "load", "store", "branch", "other")  # of instructions; a branch is one that is taken
COUNTED_PARTS = ("mac", "im2col", "requant", "elementwise", "row")

# Kernel by kind of op.  Not softmax: it skips what lies far below the maximum, most classes of a trained network, and
# what was counted are random scores.
_KERNELS: dict[OpKind, CountedKernel] = {
    "linear": "linear",
    "add": "add",
    "mul": "mul",
    "avg_pool": "pool",
    "global_avg_pool": "pool",
    "concat": "copy",
}
_MVE_CHANNELS = (
    124  # that MVE's depthwise kernel takes at a time: CH_IN_BLOCK_MVE of arm_nnsupportfunctions.h
)


@dataclass(frozen=True, slots=True)
class _Loops:
    """How the kernels of an instruction set walk their loops."""

    vector: bool  # 16 bytes at a time, the last ones masked; else pairs of pixels x pairs of channels
    step: int  # of the reduction K, in one loop body [elements]
    outputs: int  # of a linear layer, in one block
    tap_by_tap: bool  # a pool takes all channels under one tap, then the next; else channel by channel


_LOOPS: dict[CountedIsa, _Loops] = {
    "v6m": _Loops(vector=False, step=1, outputs=3, tap_by_tap=False),
    "scalar": _Loops(vector=False, step=1, outputs=3, tap_by_tap=False),
    "dsp": _Loops(vector=False, step=4, outputs=2, tap_by_tap=True),
    "mve": _Loops(vector=True, step=16, outputs=4, tap_by_tap=True),
}


def kernels_of(shapes: Shapes) -> dict[CountedKernel, Bools]:
    """Return which pieces of the work take which counted kernel; none for kinds that were not counted."""
    if shapes.kind != "conv":
        kernel = _KERNELS.get(shapes.kind)
        return {kernel: np.ones(len(shapes), np.bool_)} if kernel else {}
    small = shapes.kernel_height * shapes.kernel_width == 1
    return {
        "depthwise": shapes.depthwise,
        "pointwise": small & ~shapes.depthwise,
        "conv": ~small & ~shapes.depthwise,
    }


def kernel_terms(  # noqa: PLR0911  # a kernel each
    kernel: CountedKernel, isa: CountedIsa, shapes: Shapes
) -> Terms:
    """Return how often each loop body of a kernel runs, each (n,); groups run one after the other."""
    loops = _LOOPS[isa]
    match kernel:
        case "conv" | "pointwise":
            return _convolution(kernel, loops, shapes)
        case "depthwise":
            return _depthwise(loops, shapes)
        case "linear":
            return _linear(loops, shapes)
        case "pool":
            return _pool(loops, shapes)
        case "copy":
            kept = shapes.out_channels
            block, word, byte = kept // 16, kept % 16 // 4, kept % 4
            return {
                "block": shapes.m * block,
                "word": shapes.m * word,
                "byte": shapes.m * byte,
                **_once(shapes),
            }
        case "gather":
            return {"element": shapes.output_elements, **_once(shapes)}
        case "add" | "mul" | "softmax" | "requantise":
            return {"element": shapes.output_elements, "call": shapes.batch}
    raise UnsupportedError(f"kernel {kernel!r}{did_you_mean(kernel, get_args(CountedKernel))}")


def _once(shapes: Shapes) -> Terms:
    """Return the terms that every kernel has: per pixel, per call."""
    return {"pixel": shapes.m, "call": shapes.batch}


def _convolution(kernel: CountedKernel, loops: _Loops, shapes: Shapes) -> Terms:
    taps = shapes.kernel_height * shapes.kernel_width
    channels, k, n, m = shapes.k // np.maximum(taps, 1), shapes.k, shapes.n, shapes.m
    products, pixels = _products(kernel, shapes)
    blocks = _vector_blocks if loops.vector else _paired_blocks
    terms = blocks(pixels, k, n, loops.step)
    terms = {name: count * products for name, count in terms.items()}
    if kernel == "pointwise":
        terms |= {"product": products} | ({} if loops.vector else {"channel_sum": n * k * products})
    elif loops.vector:
        terms |= {"copy": m * taps * _ceil(channels, loops.step), "tap": m * taps, "quad_call": _ceil(m, 4)}
    elif loops.step > 1:
        words, rest = channels // loops.step, channels % loops.step
        terms |= {"copy": m * taps * words, "copy_rest": m * taps * rest, "tap": m * taps}
    else:
        terms |= {"copy": m * k, "tap": m * taps}
    return {name: count * shapes.groups for name, count in terms.items()} | _once(shapes)


def _products(kernel: CountedKernel, shapes: Shapes) -> tuple[Ints, Ints]:
    """Return how many matrix products a convolution is, and the pixels of each.

    A pointwise one with a stride is one product per row of outputs, else one of all pixels.
    """
    strided = (kernel == "pointwise") & ((shapes.stride_height > 1) | (shapes.stride_width > 1))
    products = np.where(strided, shapes.out_height * shapes.batch, shapes.batch)
    return products, shapes.m // np.maximum(products, 1)


def _paired_blocks(m: Ints, k: Ints, n: Ints, step: int) -> Terms:
    """Two pixels x two channels at a time, K in steps; the odd pixel and the odd channel apart."""
    kinds = {"22": (m // 2) * (n // 2), "21": (m // 2) * (n % 2), "1": (m % 2) * n}
    terms = {f"block{name}": blocks for name, blocks in kinds.items()}
    terms |= {f"step{name}": blocks * (k // step) for name, blocks in kinds.items()}
    return terms | (
        {f"tail{name}": blocks * (k % step) for name, blocks in kinds.items()} if step > 1 else {}
    )


def _vector_blocks(m: Ints, k: Ints, n: Ints, step: int) -> Terms:
    """Four pixels x one channel at a time, K in vectors of ``step``; up to three pixels one by one."""
    four, one, vectors = (m // 4) * n, (m % 4) * n, _ceil(k, step)
    return {"block4": four, "step4": four * vectors, "block1": one, "step1": one * vectors}


def _depthwise(loops: _Loops, shapes: Shapes) -> Terms:
    channels, m = shapes.out_channels, shapes.m
    if not loops.vector:
        taps = taps_in_bounds(shapes)
        four, rest = channels // 4, channels % 4
        names = ("tap4", "tap_rest", "tap", "quad", "output_rest")
        counts = (taps * four, taps * rest, taps, m * four, m * rest)
        return dict(zip(names, counts, strict=True)) | _once(shapes)
    taps, vectors = shapes.kernel_height * shapes.kernel_width, _ceil(channels, 4)
    return {
        "block4": (m // 4) * vectors,
        "step4": (m // 4) * vectors * taps,
        "block1": (m % 4) * vectors,
        "step1": (m % 4) * vectors * taps,
        "copy": m * taps * _ceil(channels, 16),
        "tap": m * taps * _ceil(channels, _MVE_CHANNELS),
    } | _once(shapes)


def _linear(loops: _Loops, shapes: Shapes) -> Terms:
    k, n, rows = shapes.k, shapes.n, shapes.m
    size = loops.outputs
    blocks, rest = n // size * rows, n % size * rows
    steps = _ceil(k, loops.step) if loops.vector else k // loops.step
    terms = {"block": blocks, "step": blocks * steps, "block1": rest, "step1": rest * steps}
    if loops.vector:
        terms |= {"blocked": (n >= size) * rows}
    elif loops.step > 1:
        terms |= {"tail": blocks * (k % loops.step), "tail1": rest * (k % loops.step)}
    return terms | {"call": rows}


def _pool(loops: _Loops, shapes: Shapes) -> Terms:
    if shapes.kind == "global_avg_pool":
        window_rows, taps = shapes.in_height * shapes.batch, shapes.in_height * shapes.in_width * shapes.batch
    else:
        window_rows = _reach(shapes, "height") * shapes.out_width * shapes.batch
        taps = taps_in_bounds(shapes)
    channels = shapes.out_channels
    if loops.tap_by_tap:
        channels = _ceil(channels, loops.step) if loops.vector else channels
        return {"element": taps * channels, "output": shapes.m * channels, "tap": taps} | _once(shapes)
    return {
        "element": taps * channels,
        "window_row": window_rows * channels,
        "output": shapes.m * channels,
    } | _once(shapes)


def taps_in_bounds(shapes: Shapes) -> Ints:
    """Return the kernel taps over all output pixels that do not lie over padding."""
    return _reach(shapes, "height") * _reach(shapes, "width") * shapes.batch


def _reach(shapes: Shapes, side: Literal["height", "width"]) -> Ints:
    """Return the taps in bounds along one side, over all outputs along it; padding is what the sizes need.

    Padding before the first pixel is half of all, rounded down.
    """
    size, out = getattr(shapes, f"in_{side}"), getattr(shapes, f"out_{side}")
    kernel, stride = getattr(shapes, f"kernel_{side}"), getattr(shapes, f"stride_{side}")
    dilation = getattr(shapes, f"dilation_{side}")
    before = np.maximum((out - 1) * stride + (kernel - 1) * dilation + 1 - size, 0) // 2
    taps = np.zeros(len(shapes), np.int64)
    for tap in range(int(kernel.max(initial=0))):
        # first and last output whose pixel under this tap is inside
        offset = tap * dilation - before
        first = np.maximum(_ceil(-offset, stride), 0)
        last = np.minimum((size - 1 - offset) // stride, out - 1)
        taps += np.where(tap < kernel, np.maximum(last - first + 1, 0), 0)
    return taps


@dataclass(frozen=True, slots=True)
class TermPrice:
    """Instructions of one loop body."""

    instructions: float
    shares: tuple[float, ...]  # of them by class, in the order of ``CLASSES``
    part: str  # of ``COUNTED_PARTS``


@cache
def term_prices(isa: CountedIsa, kernel: CountedKernel) -> dict[str, TermPrice]:
    """Return the price of every term of a kernel."""
    prices = {}
    for row in read_table("kernel_counts"):
        if row["isa"] == isa and row["kernel"] == kernel:
            shares = [float(row[name]) for name in CLASSES[:-1]]
            prices[row["term"]] = TermPrice(
                float(row["instructions"]), (*shares, 1.0 - sum(shares)), row["part"]
            )
    return prices


def kernel_instructions(kernel: CountedKernel, isa: CountedIsa, shapes: Shapes) -> Floats:
    """Return the instructions of one call of a kernel for each piece of work, all classes together."""
    return np.asarray(
        sum(part.sum(axis=0) for part in counted_parts(kernel, isa, shapes).values()), np.float64
    )


def counted_parts(kernel: CountedKernel, isa: CountedIsa, shapes: Shapes) -> dict[str, Floats]:
    """Return the instructions of each part of a kernel by class, shape (classes, n)."""
    parts = {name: np.zeros((len(CLASSES), len(shapes))) for name in COUNTED_PARTS}
    prices = term_prices(isa, kernel)
    for name, count in kernel_terms(kernel, isa, shapes).items():
        price = prices[name]
        parts[price.part] += np.outer(price.shares, count * price.instructions)
    return parts


def _ceil(a: Ints, b: Ints | int) -> Ints:
    return -(-a // b)
