"""Vela's estimate of networks of one op beside what ``lacuna estimate`` says of the same networks.

Vela splits an op into passes of the engines; a network's are added up, since the product tells of whole ops.  A mean
is the two ops that Vela makes of it.  Where product and Vela differ: operands joined by a concat are written in place,
while Vela copies what no op wrote, and a second operand is as large as the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

from analysis.validation.reference_rows import Row
from analysis.validation.rows.kind import NotCovered, number
from analysis.validation.vela.machine import design_of
from analysis.validation.vela.networks import vela_mean
from simulator import estimate
from traces import Activation, GraphBuilder, NetworkGraph, OpKind, Window

_KINDS: Final[dict[str, OpKind]] = {
    "Conv2D": "conv",
    "DepthwiseConv2D": "conv",
    "FullyConnected": "linear",
    "Add": "add",
    "Mul": "mul",
    "AvgPool": "avg_pool",
    "MaxPool": "max_pool",
    "Mean": "global_avg_pool",
    "Softmax": "softmax",
    "Tanh": "activation",
    "Sigmoid": "activation",
    "Relu": "activation",
    "Concat": "concat",
}
_ACTIVATIONS: Final[dict[str, Activation]] = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Tanh": "tanh",
    "Sigmoid": "sigmoid",
}


def networks_of_one_op(rows: Sequence[Row]) -> list[list[Row]]:
    """Return the passes of every network that is one op, each in order."""
    runs = groupby(rows, lambda row: tuple(row[name] for name in ("network", "accelerator", "memory_mode")))
    found = [list(run) for _, run in runs]
    return [run for run in found if len({row["tflite_op"] for row in run}) == 1]


def one_op(rows: Sequence[Row]) -> tuple[float, float]:
    """Return the cycles of a network of one op: the sum of Vela's passes, and the product's estimate."""
    first = rows[0]
    weights = {"sigma": first["weight_sigma"], "zeros": first["weight_zero_fraction_made"]}
    design = design_of(first, **{name: float(cell) for name, cell in weights.items() if cell})
    found = estimate(one_op_graph(rows), design).rows
    return sum(number(row, "op_cycles") for row in rows), float(sum(op.total_cycles for op in found))


def one_op_graph(rows: Sequence[Row]) -> NetworkGraph:
    """Return the network whose passes these rows are."""
    first = rows[0]
    if first["tflite_op"] not in _KINDS:
        raise NotCovered(f"op {first['tflite_op']!r}: known: {', '.join(_KINDS)}")
    kind = _KINDS[first["tflite_op"]]
    height, width, channels = _size(first, "ifm")
    match kind:
        case "softmax":  # its first pass looks for the maximum of each row
            width, channels = 1, width
        case "concat":  # a pass for each operand
            channels = sum(_size(row, "ifm")[2] for row in rows) // 2
        case "conv" if first["op"] == "Conv2D":  # a pass for each group
            channels *= _groups(rows)
    builder = GraphBuilder(first["network"], channels, height, width)
    _add(builder, kind, rows)
    return builder.finish()


def _add(builder: GraphBuilder, kind: OpKind, rows: Sequence[Row]) -> None:
    first, x = rows[0], builder.input
    filters, activation = _size(first, "ofm")[2], _behind(rows)
    match kind:
        case "conv":
            groups = x.channels if first["op"] == "DepthwiseConv2D" else _groups(rows)
            outputs = filters if first["op"] == "DepthwiseConv2D" else filters * groups
            builder.conv("op", x, outputs, _window(first), groups=groups, activation=activation)
        case "linear":
            builder.matmul("op", x, filters, activation)
        case "add" | "mul":
            builder.elementwise(kind, "op", (x, x), activation)
        case "max_pool" | "avg_pool":
            builder.pool(kind, "op", x, _window(first))
        case "global_avg_pool":
            vela_mean(builder, "op", x)
        case "concat":
            builder.concat("op", (x, x))
        case _:
            builder.elementwise(kind, "op", (x,), activation)


def _behind(rows: Sequence[Row]) -> Activation:
    """Return the activation behind an op, fused or a pass of its own, or that the op is."""
    words = [word for row in rows for word in (row["tflite_op"], row["op"], *row["fused"].split("|"))]
    return next((_ACTIVATIONS[word] for word in words if word in _ACTIVATIONS), "none")


def _groups(rows: Sequence[Row]) -> int:
    return sum(row["op"] == "Conv2D" for row in rows)


def _window(row: Row) -> Window:
    sides = {
        part: (int(row[f"{part}_h"]), int(row[f"{part}_w"])) for part in ("kernel", "stride", "dilation")
    }
    return Window(**sides, out=_size(row, "ofm")[:2])


def _size(row: Row, tensor: str) -> tuple[int, int, int]:
    height, width, channels = (int(row[f"{tensor}_{side}"] or 0) for side in "hwc")
    return height, width, channels
