"""Convolutions whose weights the network computes, as products of two activations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from math import prod
from typing import Literal

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import Contraction, Convolution, ImportedOp, Move, Reshape

# How weights lie; in and out count the channels of a group (pointwise of all pixels of the window).
WeightLayout = Literal["out in window", "in out window", "out window in", "window groups out"]
NewTensor = Callable[[str, Shape], str]  # (what it is, shape) -> name


def by_computed_weights(
    op: Convolution, weights: str, layout: WeightLayout, shapes: Mapping[str, Shape], new: NewTensor
) -> list[ImportedOp]:
    """Return the convolution as a product of patches by weights that are an activation themselves.

    Choice: patches are copied out of the image first, as no unit here streams weights that it has just computed
    through a window; M, K, N and MACs are the convolution's.  Source: im2col, Chellapilla et al., 2006.

    Parameters
    ----------
    op
        The convolution; transposed ones multiply every input first and move what that gives to its places.
    weights, layout
        The tensor of its weights, and how it lies.
    shapes
        Of all tensors.
    new
        Makes a tensor between two operations.
    """
    shape, out = shapes[op.x], shapes[op.out]
    groups, window = op.groups, prod(op.kernel)
    channels = shape[-1] if op.channels_last else shape[1]
    reads, count = channels // groups, prod(shapes[weights])
    if channels % groups or count % (channels * window):
        raise UnsupportedError(f"weights {shapes[weights]} in {groups} groups over {channels} channels")
    own = count // (channels * window)  # output channels of a group
    if op.transposed and layout == "out window in":
        sizes, axes = (own * window, groups, reads), "ngk"
    elif op.transposed:
        sizes, axes = (groups, reads, own * window), "gkn"
    elif layout == "window groups out":
        sizes, axes = (window, groups, own), "kgn"
    else:
        sizes, axes = (groups, own, reads * window), "gnk"
    by = new("weights", sizes)
    found: list[ImportedOp] = [Reshape(name=f"{op.name}.weights", x=weights, out=by)]
    pixels = shape[1:-1] if op.channels_last else shape[2:]
    made = out[1:-1] if op.channels_last else out[2:]
    a, a_axes = _rows(op, (shape[0], groups, reads, prod(pixels)), made == pixels, prod(made), new, found)
    rows = prod(pixels) if op.transposed else prod(made)
    wide, order = own * (window if op.transposed else 1), "ipgn" if op.channels_last else "ignp"
    lengths = {"i": shape[0], "g": groups, "n": wide, "p": rows}
    product = new("product", tuple(lengths[axis] for axis in order))
    found.append(
        Contraction(
            name=op.name,
            a=a,
            b=by,
            out=product,
            a_axes=a_axes,
            b_axes=axes,
            out_axes=order,
            activation=op.activation,
        )
    )
    if op.transposed and (window > 1 or made != pixels):
        return [*found, Move(name=f"{op.name}.place", x=product, out=op.out, kind="copy")]
    return [*found, Reshape(name=f"{op.name}.out", x=product, out=op.out)]


def _rows(  # noqa: PLR0913, PLR0917  # sizes before and after a window
    op: Convolution,
    sizes: tuple[int, int, int, int],
    same_pixels: bool,
    rows: int,
    new: NewTensor,
    found: list[ImportedOp],
) -> tuple[str, str]:
    """Add what gives the rows of the product: pixels as they are, or patches; return them and their letters."""
    images, groups, reads, pixels = sizes
    if op.transposed or (prod(op.kernel) == 1 and same_pixels):
        order = "ipgk" if op.channels_last else "igkp"
        lengths = {"i": images, "g": groups, "k": reads, "p": pixels}
        view = new("pixels", tuple(lengths[axis] for axis in order))
        found.append(Reshape(name=f"{op.name}.pixels", x=op.x, out=view))
        return view, order
    size = reads * prod(op.kernel)
    flat = new("patches", (images, rows, groups * size))
    apart = new("apart", (images, rows, groups, size))
    found += [
        Move(name=f"{op.name}.patches", x=op.x, out=flat, kind="copy"),
        Reshape(name=f"{op.name}.apart", x=flat, out=apart),
    ]
    return apart, "ipgk"
