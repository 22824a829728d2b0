"""The sizes of a TFLite model's inputs: given for open axes; which axis is a batch, where the file fixes its size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from traces.base.arrays import NamedShapes, Shape
from traces.base.errors import ConfigError, UnsupportedError, did_you_mean
from traces.graphs.tflite.model import Operator, TfliteModel
from traces.graphs.tflite.subgraphs import Subgraphs

# Operators that by their definition have the batch as axis 0.
_BATCHED = frozenset(
    {
        "CONV_2D",
        "DEPTHWISE_CONV_2D",
        "AVERAGE_POOL_2D",
        "MAX_POOL_2D",
        "L2_POOL_2D",
        "TRANSPOSE_CONV",
        "CONV_3D",
    }
    | {"RESIZE_BILINEAR", "RESIZE_NEAREST_NEIGHBOR", "SPACE_TO_DEPTH", "DEPTH_TO_SPACE"}
)
_SEQUENCES = {
    "UNIDIRECTIONAL_SEQUENCE_LSTM": "UnidirectionalSequenceLSTMOptions",
    "UNIDIRECTIONAL_SEQUENCE_RNN": "SequenceRNNOptions",
}


def input_shapes(names: Sequence[str], graphs: Subgraphs, sizes: NamedShapes) -> dict[str, Shape]:
    """Return the shape of every input: the file's, or that given for an open one."""
    for name in sizes:
        if name not in names:
            raise ConfigError(f"--size {name}=...: the model has no such input{did_you_mean(name, names)}")
    found: dict[str, Shape] = {}
    problems = []
    for name in names:
        shape, tensor = graphs.shapes[name], graphs.tensors[name]
        signature = [int(tensor.ShapeSignature(k)) for k in range(tensor.ShapeSignatureLength())]
        open_axes = [i for i, n in enumerate(signature) if n < 0]
        if name in sizes:
            shape = _given(name, sizes[name], shape, open_axes)
        elif any(i > 0 for i in open_axes):
            shown = "x".join(
                "1" if i == 0 and n < 0 else "N" if n < 0 else str(n) for i, n in enumerate(signature)
            )
            listed = ", ".join(str(i) for i in open_axes if i > 0)
            problems.append(
                f"input {name[:60]!r}: axes {listed} are open; give sizes: --size {name[:60]}={shown}"
            )
        elif shape and min(shape) < 1:
            raise UnsupportedError(f"input {name[:60]!r} has shape {shape}; needs sizes of at least 1")
        found[name] = shape
    if problems:
        raise UnsupportedError("; ".join(problems)[:400])
    return found


def _given(name: str, given: Shape, shape: Shape, open_axes: Sequence[int]) -> Shape:
    if len(given) != len(shape):
        raise UnsupportedError(f"--size {name}: {len(given)} axes, the input has {len(shape)}")
    for i, (n, own) in enumerate(zip(given, shape, strict=True)):
        if n != own and i not in open_axes and i > 0:
            raise UnsupportedError(f"--size {name}: {n} along an axis that the model fixes at {own}")
    return given


def fixed_batch(model: TfliteModel, given: Mapping[str, Shape]) -> int:
    """Return the inputs that the file computes at once: axis 0, where operators take it for a batch."""
    firsts = {shape[0] for shape in given.values() if len(shape) >= 2}
    if len(firsts) != 1 or firsts == {1}:
        return 1
    batch = next(iter(firsts))
    images = [each.shape(each.inputs[0])[0] for each in model.operators if each.kind in _BATCHED]
    sequences = {each.shape(each.inputs[0])[0] for each in model.operators if _has_batch_first(each)}
    taken = images or sequences == firsts
    return batch if taken and all(n % batch == 0 for n in images) else 1


def _has_batch_first(operator: Operator) -> bool:
    """Whether a recurrent layer reads (batch, steps, features), as it does unless it says otherwise."""
    table = _SEQUENCES.get(operator.kind)
    if table is None or operator.proto.BuiltinOptions() is None:
        return table is not None
    return not operator.options(table).TimeMajor()


def check_scaled(full: TfliteModel, one: TfliteModel, batch: int) -> None:
    """Check that every tensor of one input is that share of the whole batch's, along one axis."""
    for operator in one.operators:
        for name in operator.outputs:
            if name not in one.computed or full.is_unsized(name) or one.is_unsized(name):
                continue
            whole, part = full.shapes[name], one.shapes[name]
            longer = [(a, b) for a, b in zip(whole, part, strict=False) if a != b]
            if len(whole) != len(part) or len(longer) != 1 or longer[0][0] != batch * longer[0][1]:
                raise UnsupportedError(
                    f"operator {name[:60]!r} has the batch of {batch} built in; export the model with a batch of 1"
                )
