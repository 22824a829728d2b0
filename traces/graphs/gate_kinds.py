"""The kinds of gates, one row each: how a decision is stored, what it decides, what ``size`` counts.

======  ========================================  =========  =========================================
stored  shape and type in a trace                 size       a gate that decides ``runs`` is open if
======  ========================================  =========  =========================================
flag    (n,), bool                                1          it is true
bits    (n, ceil(size / 8)), uint8, little order  bits       (such gates decide parts of an op)
index   (n,), uint8                               choices    it is above the level of the guarded op
======  ========================================  =========  =========================================

=========  ==================================================  ==============================================
decides    lowered to                                          usable by hardware that skips
=========  ==================================================  ==============================================
runs       whether the guarded ops run                         layers
channels   which of their output channels exist                channels
tiles      how many tiles of their output are computed         spatial
rows       how many rows (tokens) of a sequence are left       compact channels, or spatial
elements   how many elements of their output are computed      nothing: only the energy of a product
=========  ==================================================  ==============================================

Recording, storage, lowering, statistics and schedules ask for these words alone, so a new kind that stores
and decides as another does is a row here.  A new word for what a gate decides also needs its lowering
(:mod:`traces.work.workload`) and what hardware needs to use it (:mod:`simulator.schedules.decisions`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools

GateKind = Literal["layer", "channel", "exit", "width", "spatial", "token", "element"]
Stored = Literal["flag", "bits", "index"]
Decides = Literal["runs", "channels", "tiles", "rows", "elements"]
Decisions = Bools | NDArray[np.uint8]


class GateSizes(Protocol):
    """The fields of a gate that say how much it decides."""

    @property
    def size(self) -> int: ...  # noqa: D102
    @property
    def widths(self) -> tuple[int, ...]: ...  # noqa: D102
    @property
    def exits(self) -> tuple[str, ...]: ...  # noqa: D102
    @property
    def tile_rows(self) -> int: ...  # noqa: D102
    @property
    def tile_cols(self) -> int: ...  # noqa: D102


@dataclass(frozen=True, slots=True)
class GateRules:
    """What is true of every gate of a kind."""

    stored: Stored
    decides: Decides
    size_is: str  # what ``size`` has to be, for messages
    axes: Callable[[GateSizes], tuple[int, ...]]  # of the decisions of an input; ``size`` is their product
    picks_answer: bool = False  # its index says which classifier answered

    def count(self, gate: GateSizes) -> int:
        """Return what ``size`` has to be."""
        return prod(self.axes(gate))

    @property
    def dtype(self) -> type[np.bool_ | np.uint8]:
        """Type of a stored decision."""
        return np.bool_ if self.stored == "flag" else np.uint8

    def shape(self, inputs: int, size: int) -> tuple[int, ...]:
        """Shape of the stored decisions of ``inputs`` inputs by a gate of this size."""
        return (inputs, -(-size // 8)) if self.stored == "bits" else (inputs,)

    def decided(self, inputs: int, size: int) -> tuple[int, ...]:
        """Shape of the decisions before they are packed, and of their scores."""
        return (inputs, size) if self.stored == "bits" else (inputs,)

    def store(self, values: NDArray[Any]) -> Decisions:
        """Return decisions as a trace holds them, from flags (n,), bits (n, size) or indices (n,)."""
        if self.stored == "bits":
            return np.packbits(values, axis=1, bitorder="little")
        return values.astype(np.bool_) if self.stored == "flag" else values.astype(np.uint8)

    def all_open(self, inputs: int, size: int) -> Decisions:
        """Return stored decisions that let everything run, as deep and as wide as can be."""
        return self.store(np.full(self.decided(inputs, size), size - 1 if self.stored == "index" else True))


GATE_KINDS: dict[GateKind, GateRules] = {
    "layer": GateRules("flag", "runs", "size must be 1", lambda _: ()),
    "channel": GateRules("bits", "channels", "size counts channels", lambda gate: (gate.size,)),
    "exit": GateRules(
        "index",
        "runs",
        "size must equal the number of exits",
        lambda gate: (len(gate.exits),),
        picks_answer=True,
    ),
    "width": GateRules(
        "index", "channels", "size must equal the number of widths", lambda gate: (len(gate.widths),)
    ),
    "spatial": GateRules(
        "bits",
        "tiles",
        "size must be tile_rows * tile_cols",
        lambda gate: (gate.tile_rows, gate.tile_cols),
    ),
    "token": GateRules("bits", "rows", "size counts rows of a sequence", lambda gate: (gate.size,)),
    "element": GateRules("bits", "elements", "size counts output elements", lambda gate: (gate.size,)),
}
