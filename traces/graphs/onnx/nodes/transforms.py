"""ONNX nodes of Fourier transforms, as products with constant matrices of sines and cosines.

Choice: no shipped design has a unit for butterflies; exporters that avoid these nodes write such products themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from string import ascii_lowercase

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import Contraction, ImportedOp, Move, Reshape
from traces.graphs.onnx.nodes.node import Node


def _dft(node: Node) -> Sequence[ImportedOp]:
    """Return a product along one axis; real and imaginary parts are the last axis before (1 or 2) and behind."""
    shape, out = node.shape(node.tensor(0)), node.out_shape
    rank = len(shape)
    given = node.values(2) if node.has(2) else None
    axis = (given[0] if given else node.integer("axis", 1 if not node.has(2) else -2)) % rank
    if axis >= rank - 1:
        raise UnsupportedError(f"along axis {axis} of {rank}; needs one before the parts of a number")
    x = node.tensor(0)
    found: list[ImportedOp] = []
    length = out[axis] if shape[-1] == 2 and not node.integer("onesided", 0) else shape[axis]
    if length != shape[axis]:  # padded with zeros, or cut
        fitted = node.made_up("fitted", (*shape[:axis], length, *shape[axis + 1 :]))
        found.append(Move(name=f"{node.name}.fitted", x=x, out=fitted, kind="copy"))
        x = fitted
    matrix = node.made_up("matrix", (length, shape[-1], out[axis], out[-1]))
    letters = ascii_lowercase[: rank - 1]
    made = letters.replace(letters[axis], "y")
    return [
        *found,
        Contraction(
            name=node.name,
            a=x,
            b=matrix,
            out=node.out,
            a_axes=f"{letters}p",
            b_axes=f"{letters[axis]}pyq",
            out_axes=f"{made}q",
        ),
    ]


def _stft(node: Node) -> Sequence[ImportedOp]:
    """Return frames, copied out, times a matrix that has the window in it."""
    (signals, frames, bins, parts), shape = node.out_shape, node.shape(node.tensor(0))
    window = node.values(3) if node.has(3) else None
    length = node.shape(node.tensor(2))[0] if node.has(2) else window[0] if window else 0
    if length < 1 or (len(shape) == 3 and shape[2] != 1):
        raise UnsupportedError(f"frames of {length} over {shape}; needs a window, and real numbers")
    cut, matrix = (
        node.made_up("frames", (signals, frames, length)),
        node.made_up("matrix", (length, bins, parts)),
    )
    line = node.made_up("line", (signals, 1, shape[1]))
    return [
        Reshape(name=f"{node.name}.line", x=node.tensor(0), out=line),
        Move(name=f"{node.name}.frames", x=line, out=cut, kind="copy"),
        Contraction(
            name=node.name, a=cut, b=matrix, out=node.out, a_axes="sfk", b_axes="kbp", out_axes="sfbp"
        ),
    ]


TRANSFORMS: dict[str, Callable[[Node], Sequence[ImportedOp]]] = {"DFT": _dft, "STFT": _stft}
