"""TFLite operators that move elements: joined, cut, padded, put in another order."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

from traces.base.errors import UnsupportedError
from traces.graphs.importing.ops import (
    Concat,
    Function,
    ImportedOp,
    Move,
    Reshape,
    Transpose,
)
from traces.graphs.tflite.model import Operator

OperatorConverter = Callable[[Operator], Sequence[ImportedOp]]


def _concat(operator: Operator) -> Sequence[ImportedOp]:
    axis = operator.options("ConcatenationOptions").Axis() % len(operator.out_shape)
    names = tuple(name for name in operator.inputs if name)
    return [Concat(name=operator.name, inputs=names, out=operator.outputs[0], axis=axis)]


def _view(operator: Operator) -> Sequence[ImportedOp]:
    if operator.is_constant(operator.tensor(0)):
        return []
    return [Reshape(name=operator.name, x=operator.tensor(0), out=operator.outputs[0])]


def _transpose(operator: Operator) -> Sequence[ImportedOp]:
    order = operator.values(1)
    return [
        Transpose(name=operator.name, x=operator.tensor(0), out=operator.outputs[0], permutation=order)
    ]  # fmt: skip


def _moved(kind: str, place: int = 0) -> OperatorConverter:
    def convert(operator: Operator) -> Sequence[ImportedOp]:
        x, shape = operator.tensor(place), operator.shape(operator.tensor(place))
        found: list[ImportedOp] = []
        for i, out in enumerate(operator.outputs):
            name = operator.name if i == 0 else f"{operator.name}.{i}"
            wide = operator.shape(out)
            kept = out
            if len(wide) != len(shape) and kind == "slice":
                if prod(wide) > prod(shape):
                    raise UnsupportedError(f"takes {wide} of {shape}")
                kept = operator.made_up(f"kept{i}", (*(1,) * (len(shape) - 1), prod(wide)))
            found.append(Move(name=name, x=x, out=kept, kind=_MOVES[kind]))
            if kept != out:
                found.append(Reshape(name=f"{name}.shape", x=kept, out=out))
        return found

    return convert


def _look_up(operator: Operator) -> Sequence[ImportedOp]:
    """Return a look-up of rows in a constant table, or a taking of places, which the network may compute."""
    inputs = operator.inputs[::-1] if operator.kind == "EMBEDDING_LOOKUP" else operator.inputs
    table, places = inputs[:2]
    if operator.is_constant(table):
        return [Move(name=operator.name, x=places, out=operator.outputs[0], kind="copy")]
    if operator.is_constant(places):
        return _moved("copy")(operator)
    return [Move(name=operator.name, x=table, out=operator.outputs[0], kind="copy", by=(places,))]


def _placed(operator: Operator) -> Sequence[ImportedOp]:
    """Return what lays some tensors over others: all elements of the result are written."""
    data = [name for name in operator.inputs if name and not operator.is_constant(name)]
    by = tuple(name for name in data[1:] if name != data[0])
    return [Move(name=operator.name, x=data[0], out=operator.outputs[0], kind="copy", by=by)]


def _strided_slice(operator: Operator) -> Sequence[ImportedOp]:
    """Return neighbours, which are only addressed, or every so many elements, which are copied."""
    return _moved("slice" if set(operator.values(3)) <= {1} else "copy")(operator)


def _largest(operator: Operator) -> Sequence[ImportedOp]:
    """Compare every element, and keep the largest: values, and where they were."""
    x = operator.tensor(0)
    compared = operator.made_up("compared", operator.shape(x))
    return [
        Function(name=operator.name, x=x, out=compared, kind="threshold"),
        *(
            Move(name=f"{operator.name}.{what}", x=compared, out=out, kind="slice")
            for what, out in zip(("values", "indices"), operator.outputs, strict=False)
        ),
    ]


_MOVES: dict[str, Any] = {"slice": "slice", "copy": "copy", "pad": "pad", "upsample": "upsample"}


def _pad(operator: Operator) -> Sequence[ImportedOp]:
    before, after = operator.shape(operator.tensor(0)), operator.out_shape
    pixels = len(before) == 4 and before[0] == after[0] and before[3] == after[3]
    return _moved("pad" if pixels else "copy")(operator)


def _unpack(operator: Operator) -> Sequence[ImportedOp]:
    option = operator.options("UnpackOptions")
    shape = list(operator.shape(operator.tensor(0)))
    shape[option.Axis() % len(shape)] = 1
    found: list[ImportedOp] = []
    for i, out in enumerate(operator.outputs):
        kept = operator.made_up(f"kept{i}", tuple(shape))
        name = operator.name if i == 0 else f"{operator.name}.{i}"
        found += [
            Move(name=name, x=operator.tensor(0), out=kept, kind="slice"),
            Reshape(name=f"{name}.shape", x=kept, out=out),
        ]
    return found


def _pack(operator: Operator) -> Sequence[ImportedOp]:
    axis = operator.options("PackOptions").Axis() % len(operator.out_shape)
    shape = tuple(1 if i == axis else n for i, n in enumerate(operator.out_shape))
    found: list[ImportedOp] = []
    parts = []
    for i, name in enumerate(operator.inputs):
        parts.append(operator.made_up(f"part{i}", shape))
        found.append(Reshape(name=f"{operator.name}.part{i}", x=name, out=parts[-1]))
    return [*found, Concat(name=operator.name, inputs=tuple(parts), out=operator.outputs[0], axis=axis)]


def _nothing(_: Operator) -> Sequence[ImportedOp]:
    return []


MOVE_CONVERTERS: dict[str, OperatorConverter] = {
    **dict.fromkeys(("RESHAPE", "SQUEEZE", "EXPAND_DIMS", "QUANTIZE", "DEQUANTIZE", "CAST"), _view),
    **dict.fromkeys(("BITCAST", "FAKE_QUANT", "IMAG", "REAL"), _view),
    **dict.fromkeys(("RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR"), _moved("upsample")),
    **dict.fromkeys(("PAD", "PADV2", "MIRROR_PAD"), _pad),
    **dict.fromkeys(("SLICE", "SPLIT_V"), _moved("slice")),
    **dict.fromkeys(("EMBEDDING_LOOKUP", "GATHER", "GATHER_ND"), _look_up),
    **dict.fromkeys(("DYNAMIC_UPDATE_SLICE", "SCATTER_ND"), _placed),
    **dict.fromkeys(
        ("BROADCAST_TO", "CUMSUM", "ONE_HOT", "REVERSE_SEQUENCE", "SPACE_TO_DEPTH", "TILE"), _moved("copy")
    ),
    **dict.fromkeys(
        ("DEPTH_TO_SPACE", "SPACE_TO_BATCH_ND", "BATCH_TO_SPACE_ND", "REVERSE_V2"), _moved("copy")
    ),
    "CONCATENATION": _concat,
    "PACK": _pack,
    "SHAPE": _nothing,
    "SPLIT": _moved("slice", 1),
    "STRIDED_SLICE": _strided_slice,
    "TOPK_V2": _largest,
    "TRANSPOSE": _transpose,
    "UNPACK": _unpack,
}
