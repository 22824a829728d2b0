"""The kinds of ops: what each computes with, what of its input it keeps, which settings it has.

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
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

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
