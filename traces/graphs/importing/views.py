"""How a framework's tensor lies over the channels, rows and columns of the op that made it.

A graph knows tensors as channels x height x width.  Frameworks reshape and transpose them into any number of
axes, which moves nothing until somebody reads.  So each axis is kept as the pieces of those three that it runs
over::

    (1, 49, 64)        axis 2: channels 0..63, axis 1: rows 0..48
    (1, 4, 49, 16)     axis 1: every 16th channel, axis 3: 16 neighbours, axis 2: rows  (heads of attention)

and a reader that wants what is there already gets it, any other a ``reshape`` or a ``copy``.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import prod
from typing import Literal

from traces.graphs.kinds import TensorSize

Role = Literal["channels", "height", "width"]
ROLES: tuple[Role, ...] = ("channels", "height", "width")


@dataclass(frozen=True, slots=True)
class Piece:
    """``size`` places of a role, ``stride`` apart."""

    role: Role
    stride: int
    size: int


Pieces = tuple[Piece, ...]  # outer to inner; none for an axis of one place


@dataclass(frozen=True, slots=True)
class View:
    """A tensor with its axes, as the op (or input) ``source`` put it out."""

    source: str
    size: TensorSize
    axes: tuple[Pieces, ...]
    order: Pieces  # pieces of all axes as the source put them out, merged
    private: bool = True  # nobody else reads the source's output

    @classmethod
    def of(cls, source: str, size: TensorSize, axes: Sequence[Pieces]) -> View:
        """Return the tensor as it is put out."""
        return cls(source, size, tuple(axes), merged(flat(axes)))

    @property
    def shape(self) -> tuple[int, ...]:
        """The framework's shape."""
        return tuple(length(axis) for axis in self.axes)

    @property
    def keeps_order(self) -> bool:
        """Whether the elements come in the order in which the source put them out."""
        return merged(flat(self.axes)) == self.order


def whole(role: Role, size: int) -> Pieces:
    """Return an axis over all places of a role."""
    return (Piece(role, 1, size),) if size > 1 else ()


def length(axis: Pieces) -> int:
    """Return the number of places of an axis."""
    return prod(piece.size for piece in axis)


def flat(axes: Iterable[Pieces]) -> Pieces:
    """Return the pieces of several axes, outer to inner."""
    return tuple(piece for axis in axes for piece in axis)


def merged(pieces: Pieces) -> Pieces:
    """Join neighbouring pieces that run on without a gap."""
    joined: list[Piece] = []
    for piece in pieces:
        last = joined[-1] if joined else None
        if last is not None and last.role == piece.role and last.stride == piece.stride * piece.size:
            joined[-1] = Piece(piece.role, piece.stride, last.size * piece.size)
        else:
            joined.append(piece)
    return tuple(joined)


def covers(pieces: Pieces, size: TensorSize, roles: Iterable[Role]) -> bool:
    """Whether the pieces, in any order, are all places of these roles and of no other."""
    wanted = tuple(axis for role in roles for axis in whole(role, size[ROLES.index(role)]))
    by_place = sorted(pieces, key=lambda piece: (ROLES.index(piece.role), -piece.stride))
    return merged(tuple(by_place)) == tuple(sorted(wanted, key=lambda piece: ROLES.index(piece.role)))


def regrouped(axes: Sequence[Pieces], shape: Sequence[int]) -> tuple[Pieces, ...] | None:
    """Return the same elements over axes of other lengths; ``None`` where a piece would be cut unevenly."""
    rest = list(reversed(merged(flat(axes))))
    found: list[Pieces] = []
    for size in shape:
        need, axis = size, []
        while need > 1:
            if not rest:
                return None
            piece = rest.pop()
            if need % piece.size == 0:
                axis.append(piece)
                need //= piece.size
            elif piece.size % need == 0:
                inner = piece.size // need
                axis.append(Piece(piece.role, piece.stride * inner, need))
                rest.append(Piece(piece.role, piece.stride, inner))
                need = 1
            else:
                return None
        found.append(tuple(axis))
    return None if rest else tuple(found)


def laid_out(axes: Sequence[Pieces], role: Role) -> tuple[Pieces, ...]:
    """Return axes of the same lengths that fill a role, outer to inner."""
    stride = prod(length(axis) for axis in axes)
    found: list[Pieces] = []
    for axis in axes:
        placed = []
        for piece in axis:
            stride //= piece.size
            placed.append(Piece(role, stride, piece.size))
        found.append(tuple(placed))
    return tuple(found)


def aligned(axis: Pieces, like: Pieces) -> Pieces | None:
    """Cut an axis where another one of the same length is cut."""
    cut = regrouped((axis,), [piece.size for piece in like])
    return None if cut is None or any(len(part) != 1 for part in cut) else flat(cut)


def in_place(pieces: Pieces) -> dict[Role, Pieces]:
    """Return the pieces by role, widest stride first."""
    ordered = sorted(pieces, key=lambda piece: (ROLES.index(piece.role), -piece.stride))
    return {role: tuple(group) for role, group in groupby(ordered, key=lambda piece: piece.role)}


def image_out(channels: int, pixels: Sequence[int], channels_last: bool, images: int = 1) -> View:
    """Return the view of the images that a window puts out, one above the other."""
    many, *tall = laid_out([whole("height", size) for size in (images, *pixels[:-1])], "height")
    space = (*tall, whole("width", pixels[-1]))
    deep = whole("channels", channels)
    axes = (many, *space, deep) if channels_last else (many, deep, *space)
    return View.of("", (channels, images * prod(pixels[:-1]), pixels[-1]), axes)
