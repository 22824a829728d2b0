"""How the inputs of a network lie: which axis holds channels, which pixels or rows."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from traces.base.arrays import NamedShapes
from traces.graphs.importing.ops import (
    Convolution,
    Elementwise,
    Function,
    ImportedOp,
    Missing,
    Move,
    Pooling,
    Transpose,
    reads,
)
from traces.graphs.importing.views import Pieces, View, laid_out, whole

_IMAGE = 4  # axes: batch, channels, height, width
_COLOURS = frozenset({1, 3, 4})


def input_view(tensor: str, operations: Sequence[ImportedOp | Missing], shapes: NamedShapes) -> View:
    """Return an input as its first reader takes it; where that says nothing, images are channels first.

    Choice: four axes or more are images, channels first unless the last axis alone looks like colours; three
    axes are rows of features, unless a convolution reads them; two are rows of features.
    """
    shape = shapes[tensor]
    order = _channels_and_pixels(tensor, shape, operations)
    axes: list[Pieces] = [()] * len(shape)
    if order is None:
        rest = [i for i in range(len(shape) - 1) if shape[i] > 1]
        axes[-1:] = [whole("channels", shape[-1])] if shape else []
        rows = laid_out([whole("height", shape[i]) for i in rest], "height")
        for i, axis in zip(rest, rows, strict=True):
            axes[i] = axis
        height = prod(shape[i] for i in rest)
        return View.of(tensor, (shape[-1] if shape else 1, height, 1), axes)
    channel, pixels = order
    tall, wide = pixels[:-1], pixels[-1]
    rest = [i for i in range(len(shape)) if i not in {channel, wide} and (i in tall or shape[i] > 1)]
    axes[channel], axes[wide] = whole("channels", shape[channel]), whole("width", shape[wide])
    for i, axis in zip(rest, laid_out([whole("height", shape[i]) for i in rest], "height"), strict=True):
        axes[i] = axis
    return View.of(tensor, (shape[channel], prod(shape[i] for i in rest), shape[wide]), axes)


def _channels_and_pixels(
    tensor: str, shape: tuple[int, ...], operations: Sequence[ImportedOp | Missing]
) -> tuple[int, tuple[int, ...]] | None:
    """Return the axis of the channels and those of the pixels of an image, or ``None`` for rows of features."""
    rank = len(shape)
    first, last = (1, tuple(range(2, rank))), (rank - 1, tuple(range(1, rank - 1)))
    window = _first_window(tensor, operations)
    if rank >= _IMAGE:
        reader = next((op for op in operations if not isinstance(op, Missing) and tensor in reads(op)), None)
        if isinstance(reader, Transpose) and reader.permutation == (0, rank - 1, *range(1, rank - 1)):
            return last
    if window is not None and rank >= _IMAGE - 1:
        return last if window.channels_last else first
    if rank < _IMAGE:
        return None
    return last if shape[-1] in _COLOURS and shape[1] not in _COLOURS else first


def _first_window(tensor: str, operations: Sequence[ImportedOp | Missing]) -> Convolution | Pooling | None:
    """Return the first convolution or pool that reads the tensor, elementwise operations in between or not."""
    names = {tensor}
    for op in operations:
        if isinstance(op, Missing) or not names.intersection(reads(op)):
            continue
        if isinstance(op, Convolution | Pooling):
            return op
        if isinstance(op, Elementwise | Function | Move):
            names.add(op.out)
    return None
