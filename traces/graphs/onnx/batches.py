"""Which axis of a model's inputs is a batch, where the model fixes its size: nodes say it by their definition."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from traces.base.arrays import Shape
from traces.base.errors import UnsupportedError
from traces.graphs.onnx.attributes import integer, label

# Nodes that by their definition have the batch as axis 0.
_BATCHED = frozenset(
    {
        "Conv",
        "ConvTranspose",
        "MaxPool",
        "AveragePool",
        "GlobalAveragePool",
        "GlobalMaxPool",
        "GroupNormalization",
    }
    | {"BatchNormalization", "InstanceNormalization", "LRN", "Upsample", "DepthToSpace", "SpaceToDepth"}
)
_RECURRENT = frozenset({"LSTM", "GRU", "RNN"})  # which have it as axis 1, or 0 if ``layout`` is 1


@dataclass(frozen=True, slots=True, kw_only=True)
class OnnxModel:
    """Nodes in order, with what is known of their tensors."""

    nodes: tuple[Any, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    shapes: dict[str, Shape]  # of every tensor that has one, constants too
    constants: frozenset[str]
    values: dict[str, Any]  # arrays of the small constants
    batch: int
    notes: tuple[str, ...] = ()  # what was left out to know what the model is


def fixed_batch(model: OnnxModel, given: Mapping[str, Shape]) -> tuple[int, dict[str, int]]:
    """Return the batch that a model is built for, and which axis of each input it is; 1 where nothing says so.

    What the nodes say must be a multiple of it (frames of several videos are images of one batch).
    """
    axes = {name: 0 for name, shape in given.items() if len(shape) >= 2}
    firsts = {given[name][0] for name in axes}
    images = [model.shapes.get(node.input[0], (1,))[0] for node in model.nodes if node.op_type in _BATCHED]
    cells = [node for node in model.nodes if node.op_type in _RECURRENT]
    sequences = {_sequences(node, model) for node in cells}
    if len(sequences) == 1:
        batch = next(iter(sequences))
        direct = {name for node in cells for name in node.input if not integer(node, "layout", 0)}
        axes = {name: axis for name, shape in given.items() for axis in _axis(shape, batch, name in direct)}
    elif len(firsts) == 1 and images and not cells:
        batch = next(iter(firsts))
    else:
        return 1, {}
    fits = all(n % batch == 0 for n in images)
    return (batch, axes) if fits and axes else (1, {})


def _sequences(node: Any, model: OnnxModel) -> int:
    shape = model.shapes.get(node.input[0], ())
    axis = 0 if integer(node, "layout", 0) else 1
    return shape[axis] if axis < len(shape) else 1


def _axis(shape: Shape, batch: int, direct: bool) -> list[int]:
    """Return the axis of an input that is the batch, if one is; cells read theirs along axis 1."""
    for axis in (1, 0) if direct else (0, 1):
        if axis < len(shape) and shape[axis] == batch:
            return [axis]
    return []


def check_scaled(full: OnnxModel, one: OnnxModel, batch: int) -> None:
    """Check that every tensor of one input is that share of the whole batch's, along one axis."""
    for node in full.nodes:
        for name in node.output:
            if name not in full.shapes or name in full.constants:
                continue
            whole, part = full.shapes[name], one.shapes.get(name, ())
            longer = [(a, b) for a, b in zip(whole, part, strict=False) if a != b]
            if len(whole) != len(part) or len(longer) != 1 or longer[0][0] != batch * longer[0][1]:
                raise UnsupportedError(
                    f"node {label(node)[:80]!r} has the batch of {batch} built in; export the model with a batch of 1"
                )
