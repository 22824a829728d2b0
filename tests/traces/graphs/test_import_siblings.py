"""Siblings of the models that readers get wrong: other axis orders, opsets, paddings, domains; MACs worked by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.traces.graphs.siblings import (
    attention,
    axes,
    functions,
    moves,
    pools,
    quantised,
    recurrences,
    sums,
    weights,
    windows,
)
from tests.traces.graphs.siblings.nodes import Cases
from tests.traces.graphs.test_import_cases import read

TABLES = (axes, weights, functions, windows, sums, attention, recurrences, pools, quantised, moves)
CASES = Cases({name: case for table in TABLES for name, case in table.CASES.items()})


def test_names_stand_for_one_case_each() -> None:
    assert len(CASES) == sum(len(table.CASES) for table in TABLES)


@pytest.mark.parametrize("name", CASES)
def test_macs_are_those_worked_by_hand(name: str, tmp_path: Path) -> None:
    nodes, inputs, shapes, values, macs, opset, options = CASES[name]
    assert read(tmp_path, nodes, inputs, shapes, values, opset=opset, **options).macs == macs


@pytest.mark.parametrize(
    ("name", "batch"),
    [
        ("LSTM batch4", 4),
        ("GRU batch first", 4),
        ("batch8 fc", 8),
        ("batch by size", 5),
        ("unsqueeze img", 1),
        ("batched attn", 1),
    ],
)
def test_a_batch_is_what_nodes_take_for_one(name: str, batch: int, tmp_path: Path) -> None:
    nodes, inputs, shapes, values, _, opset, options = CASES[name]
    assert read(tmp_path, nodes, inputs, shapes, values, opset=opset, **options).batch == batch
