"""The kinds of ops and the kinds of gates, a row each.

Ops: what each computes with, what of its input it keeps, which settings it has.

====================  =====================================================================================
kind                  sizes of its product, or what it does
====================  =====================================================================================
conv                  M output pixels, K kernel area x in_channels / groups, N out_channels / groups
conv_transpose        M *input* pixels, K in_channels / groups, N kernel area x out_channels / groups
linear                M rows (height x width), K in_channels / groups, N out_channels / groups
matmul                the same of two activations; the second one's elements are groups x K x N
lstm_cell, ...        M steps (height x width), one after the other; K in_channels and the hidden state, which it
                      may start from: further inputs of out_channels elements
layer_norm            mean and variance of elements, then a scale and shift of each (layer, group, instance)
softmax               exponentials, their sum, a division
max_pool, avg_pool    over a window; ``global_*`` over the whole image
reduce                a sum, mean or extreme over whole axes of any kind
upsample              repeats or blends pixels
copy                  moves elements to other places: a transposition, padding, a look-up; further inputs, of
                      ``upsample`` too, say which elements where the network computes that
slice                 the same, of neighbours: beside an array an address, on a core a copy
reshape               another view of the same elements in the same order; no work anywhere
====================  =====================================================================================

Gates: how a decision is stored, what it decides, what ``size`` counts.

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
(:mod:`traces.work.lowering`) and what hardware needs to use it (:mod:`simulator.policy`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools

TensorSize = tuple[int, int, int]  # channels, height, width

OpKind = Literal[
    "conv",  # grouped, depthwise (groups = in_channels) and dilated included
    "conv_transpose",
    "linear",  # M = out_height * out_width rows, one for a plain classifier
    "matmul",  # of two activations, as in attention; groups are heads
    "lstm_cell",  # 4 gates, in_channels -> out_channels (hidden)
    "gru_cell",  # 3 gates
    "rnn_cell",  # 1
    "add",
    "mul",  # products, scaling by a gate's score among them
    "concat",
    "max_pool",
    "avg_pool",
    "global_avg_pool",
    "global_max_pool",
    "reduce",
    "layer_norm",
    "activation",  # a stand-alone function of each element
    "softmax",
    "threshold",  # scores -> decisions
    "upsample",
    "copy",
    "slice",
    "reshape",
]
# Functions of one element.  The first six cost nothing behind an op (fused); the others stand alone.
Activation = Literal[
    "none",
    "relu",
    "relu6",
    "relu1",
    "sigmoid",
    "tanh",
    "leaky_relu",
    "prelu",
    "hard_sigmoid",
    "hard_swish",
    "elu",
    "gelu",
    "silu",
    "softplus",
    "exp",
    "log",
    "sqrt",
    "divide",
    "power",
    "sine",
]
FUSED: frozenset[Activation] = frozenset({"none", "relu", "relu6", "relu1", "sigmoid", "tanh"})
# Alone, these take an exponential or a table with interpolation; the others comparisons and products.
TRANSCENDENTAL: frozenset[Activation] = frozenset(
    {"sigmoid", "tanh", "elu", "gelu", "silu", "softplus", "exp", "log", "sqrt", "divide", "power", "sine"}
)

RECURRENT: Mapping[OpKind, int] = {"lstm_cell": 4, "gru_cell": 3, "rnn_cell": 1}  # gates, products per unit
MAC_KINDS: frozenset[OpKind] = frozenset({"conv", "conv_transpose", "linear", "matmul", *RECURRENT})
WEIGHTED: frozenset[OpKind] = MAC_KINDS - {"matmul"}
VIEWS: frozenset[OpKind] = frozenset({"reshape", "slice"})  # where addresses are free
POOLS: frozenset[OpKind] = frozenset({"max_pool", "avg_pool"})

# Kinds whose output has the channels, or the pixels, of their input.
PIXEL_PRESERVING: frozenset[OpKind] = frozenset(
    {
        "add",
        "mul",
        "concat",
        "activation",
        "softmax",
        "threshold",
        "layer_norm",
        "linear",
        "matmul",
        *RECURRENT,
    }
)
CHANNEL_PRESERVING: frozenset[OpKind] = frozenset(
    {
        "add",
        "mul",
        "concat",
        "activation",
        "softmax",
        "threshold",
        "layer_norm",
        "upsample",
        "max_pool",
        "avg_pool",
        "global_avg_pool",
        "global_max_pool",
    }
)

_WINDOW = tuple(f"{what}_{axis}" for what in ("kernel", "stride", "dilation") for axis in ("height", "width"))
_WITH_WINDOW: frozenset[OpKind] = frozenset({"conv", "conv_transpose", *POOLS})
_WITH_GROUPS: frozenset[OpKind] = frozenset({"conv", "conv_transpose", "linear", "matmul"})


def unused_fields(kind: OpKind) -> tuple[str, ...]:
    """Return the settings that mean nothing for ops of this kind; they must stay 1."""
    window = () if kind in _WITH_WINDOW else _WINDOW
    return window if kind in _WITH_GROUPS else (*window, "groups")


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
