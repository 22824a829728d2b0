"""Nodes, constants and cases of models that readers get wrong, written as tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest

from tests.traces.graphs.test_import_cases import Shape

onnx = pytest.importorskip("onnx", reason="the onnx extra is not installed")
helper, numpy_helper = onnx.helper, onnx.numpy_helper


class Case(NamedTuple):
    """A model, and the MACs that were worked by hand."""

    nodes: list[Any]
    inputs: Mapping[str, Shape]
    weights: Mapping[str, tuple[int, ...]]
    values: Mapping[str, Sequence[int]]
    macs: int
    opset: int
    options: dict[str, Any]


class Cases(dict[str, Case]):
    """Cases by their names."""

    def add(  # a row of a table
        self,
        name: str,
        nodes: list[Any],
        inputs: Mapping[str, Shape],
        weights: Mapping[str, tuple[int, ...]],
        values: Mapping[str, Sequence[int]],
        macs: int,
        *,
        opset: int = 17,
        **options: Any,
    ) -> None:
        """Add a case; a name stands for one."""
        assert name not in self, name
        self[name] = Case(nodes, inputs, weights, values, macs, opset, options)


def n(kind: str, inputs: str, outputs: str = "y", **attributes: Any) -> Any:
    """Return a node; ``_`` stands for an input or output left out."""
    name, domain = attributes.pop("name", kind.lower()), attributes.pop("domain", "")
    given, made = ([word.strip("_") for word in side.split()] for side in (inputs, outputs))
    return helper.make_node(kind, given, made, name=name, domain=domain, **attributes)


def c(name: str, value: Any) -> Any:
    """Return a constant."""
    return helper.make_node("Constant", [], [name], value=numpy_helper.from_array(np.asarray(value)))
