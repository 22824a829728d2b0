"""A graph against an independent count: torch's own, operation by operation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils._pytree import tree_map

from networks.capturing.noting import tensors
from networks.capturing.tracing import trace
from networks.capturing.translation import Counted
from traces import GraphError, NetworkGraph

_DIRECTIONS = (".forward", ".backward")  # of a recurrent layer that reads both ways


def first_input(inputs: Any, axis: int | None = 0) -> tuple[Any, ...]:
    """Return the first input of a batch, as the arguments of a forward pass; ``None``: they are of one input."""
    several = tuple(inputs) if isinstance(inputs, tuple | list) else (inputs,)
    if axis is None:
        return several

    def first(value: Any) -> Any:
        return value.narrow(axis, 0, 1) if isinstance(value, Tensor) and value.ndim > axis else value

    found: tuple[Any, ...] = tree_map(first, several)
    return found


def check_module(model: Any) -> None:
    """Refuse what is no PyTorch module."""
    if not isinstance(model, nn.Module):
        raise GraphError(
            f"a {type(model).__name__} is no network; needs a torch.nn.Module (a function inside one's forward will do)"
        )


@torch.no_grad()
def check_batch_axis(model: nn.Module, example: Any, axis: int | None) -> None:
    """Refuse an axis as that of the batch along which layers of the model find the steps of a sequence.

    PyTorch's recurrent layers and attention have steps first unless told otherwise (``batch_first``); which they see
    is known from their inputs when the whole example runs.
    """
    layers = {
        path: each for path, each in model.named_modules() if getattr(each, "batch_first", True) is False
    }
    if not layers or axis is None:
        return
    whole = first_input(example, None)
    sizes = {each.shape[axis] for each in tensors(whole) if each.ndim > axis}
    if len(sizes) != 1 or sizes == {1}:
        return
    seen = _steps(model, layers, first_input(example, axis))
    for path, steps in _steps(model, layers, whole).items():
        if seen.get(path) == 1 and {steps} == sizes:
            other = "batch_axis=1, or None" if axis == 0 else "batch_axis=None"
            raise GraphError(
                f"{path} ({type(layers[path]).__name__}, batch_first=False) reads {steps} steps along axis {axis} of "
                f"the example, which is taken for its batch; pass {other} if the example is one input without a batch"
            )


def _steps(model: nn.Module, layers: Mapping[str, nn.Module], inputs: tuple[Any, ...]) -> dict[str, int]:
    """Return how many steps each of the layers reads when it is first called."""
    found: dict[str, int] = {}

    def hook(path: str) -> Any:
        def note(_: nn.Module, args: tuple[Any, ...], options: Mapping[str, Any]) -> None:
            given = [each for each in (*args, *options.values()) if isinstance(each, Tensor)]
            if given and path not in found:
                found[path] = given[0].shape[0]

        return note

    training = [each for each in model.modules() if each.training]
    handles = [each.register_forward_pre_hook(hook(path), with_kwargs=True) for path, each in layers.items()]
    try:
        model.eval()(*inputs)
    except Exception:  # capture itself tells what does not run
        return {}
    finally:
        for handle in handles:
            handle.remove()
        for each in training:
            each.training = True
    return found


def check_macs(model: nn.Module, graph: NetworkGraph, inputs: Any) -> None:
    """Refuse a graph whose MACs differ from what torch counts in one forward pass of one input."""
    calls = trace(model, first_input(inputs), lambda output: output).calls
    counted = sum(call.macs for call in calls)
    if counted == graph.macs:
        return
    by_module: Counter[str] = Counter()
    for call in calls:
        by_module[call.module] += call.macs
    differing = [
        name for name, macs in by_module.items() if name in graph.index and graph.op(name).macs != macs
    ]
    first = ""
    if differing:
        name = differing[0]
        first = f"; first at {name!r}: torch {by_module[name]}, the graph {graph.op(name).macs}"
    raise GraphError(
        f"network {graph.name!r}: torch counts {counted} MACs in one forward pass, the graph has "
        f"{graph.macs}{first}; the graph is of another network or image size"
    )


def check_each(graph: NetworkGraph, counted: Sequence[Counted]) -> None:
    """Refuse a captured graph in which an op's MACs differ from what torch counts for that operation."""
    known = set[str]()
    for each in counted:
        parts = [f"{name}{part}" for name in each.names for part in ("", *_DIRECTIONS)]
        names = [name for name in parts if name in graph.index]
        known.update(names)
        own = sum(graph.op(name).macs for name in names)
        if own != each.macs:
            raise GraphError(
                f"network {graph.name!r}: op {(names or each.names)[0]!r} has {own} MACs in the graph, torch counts "
                f"{each.macs}; this is a fault of the capture: please report the layer and its sizes"
            )
    missing = [op.name for op in graph.ops if op.macs and op.name not in known]
    if missing:
        raise GraphError(f"network {graph.name!r}: torch counts no MACs for {missing[0]!r}, the graph does")
