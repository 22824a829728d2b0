"""How operands lie over the axes of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import prod

from traces.graphs.importing.emit import Emitter
from traces.graphs.importing.views import (
    ROLES,
    Piece,
    Pieces,
    Role,
    View,
    flat,
    in_place,
    laid_out,
    regrouped,
    whole,
)
from traces.graphs.kinds import TensorSize


def are_whole(pieces: Pieces, size: TensorSize) -> bool:
    """Whether the pieces are all places of every role that they touch."""
    counts: dict[Role, int] = {}
    for piece in pieces:
        counts[piece.role] = counts.get(piece.role, 1) * piece.size
    return all(count == size[ROLES.index(role)] for role, count in counts.items())


def rows_of_features(shape: tuple[int, ...]) -> list[Pieces]:
    """Return axes with the last as channels and the others as rows; none of a single number."""
    if not shape:
        return []
    rows = laid_out([whole("height", n) for n in shape[:-1]], "height")
    return [*rows, whole("channels", shape[-1])]


def size_of(axes: Sequence[Pieces]) -> TensorSize:
    sizes = {role: prod(piece.size for piece in pieces) for role, pieces in in_place(flat(axes)).items()}
    return sizes.get("channels", 1), sizes.get("height", 1), sizes.get("width", 1)


def arranged(emitter: Emitter, view: View, place: Sequence[Pieces]) -> View:
    """Return an operand as it lies over the result's axes, whole or of size 1 in each role."""
    size = size_of(place)
    pieces: list[tuple[Piece, Pieces]] = []  # where of the result, and of the operand
    for mine, axis in zip(view.axes, place, strict=True):
        if not mine or not axis:
            continue
        cut = regrouped((mine,), [piece.size for piece in axis])
        if cut is None:
            return arranged(emitter, flattened(emitter, view), place)
        pieces += list(zip(axis, cut, strict=True))
    by_role = {
        role: sorted((pair for pair in pieces if pair[0].role == role), key=lambda pair: -pair[0].stride)
        for role in ROLES
    }
    counts = {role: prod(at.size for at, _ in pairs) for role, pairs in by_role.items()}
    if any(counts[role] not in {1, n} for role, n in zip(ROLES, size, strict=True)):
        repeated = emitter.emit(f"{view.source}.repeat", "copy", (view.source,), view.size, size)
        return View.of(repeated, size, place)  # over parts of a role: written out in full
    wanted = [[axis for _, axis in by_role[role]] for role in ROLES]
    return emitter.request(view, (wanted[0], wanted[1], wanted[2]))


def flattened(emitter: Emitter, view: View) -> View:
    """Return the tensor as one run of elements, which can be cut anywhere."""
    one = emitter.request(view, (list(view.axes), [], []))
    cut = regrouped(one.axes, view.shape)
    return replace(one, axes=cut or one.axes)
