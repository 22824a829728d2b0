"""A kind of gate is one row, and whatever asks about a gate asks the row."""

import ast
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from traces.graphs.kinds import GATE_KINDS, GateKind

ROOT = Path(__file__).resolve().parents[2]


def test_every_kind_has_its_row() -> None:
    assert set(GATE_KINDS) == set(get_args(GateKind))


@pytest.mark.parametrize(
    ("kind", "shape", "dtype"),
    [
        ("layer", (3,), "bool"),
        ("channel", (3, 2), "uint8"),
        ("spatial", (3, 2), "uint8"),
        ("exit", (3,), "uint8"),
        ("width", (3,), "uint8"),
    ],
)
def test_storage_of_three_inputs_and_size_nine(kind: GateKind, shape: tuple[int, ...], dtype: str) -> None:
    """Nine bits take two bytes; a flag or an index takes one."""
    rules = GATE_KINDS[kind]
    assert rules.shape(3, 9) == shape
    assert rules.dtype is getattr(np, "bool_" if dtype == "bool" else dtype)
    opened = rules.all_open(3, 9)
    assert opened.shape == shape
    assert opened.dtype == rules.dtype


def test_bits_are_packed_little_end_first() -> None:
    bits = np.array([[True, False, False, False, False, False, False, False, True]])
    assert GATE_KINDS["channel"].store(bits).tolist() == [[1, 1]]
    assert GATE_KINDS["channel"].all_open(1, 9).tolist() == [[255, 1]]
    assert GATE_KINDS["exit"].all_open(1, 9).tolist() == [8]  # the deepest
    assert GATE_KINDS["layer"].all_open(1, 1).tolist() == [True]


def test_nobody_asks_a_gate_for_its_kind_by_name() -> None:
    """Outside the table no code compares a kind of gate with a word, so a new kind is found by its row."""
    kinds = set(get_args(GateKind))
    found = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for folder in ("traces", "accel_models", "simulator", "analysis", "networks", "lacuna")
        for path in (ROOT / folder).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Compare)
        and ast.unparse(node.left).endswith(".kind")
        and kinds & {leaf.value for leaf in ast.walk(node) if isinstance(leaf, ast.Constant)}
    ]
    assert found == []


def test_rules_are_what_lowering_knows() -> None:
    """A flag or an index decides runs or channels; bits decide channels, tiles, rows or elements."""
    known = {
        ("flag", "runs"),
        ("index", "runs"),
        ("index", "channels"),
        ("bits", "channels"),
        ("bits", "tiles"),
        ("bits", "rows"),
        ("bits", "elements"),
    }
    assert {(rules.stored, rules.decides) for rules in GATE_KINDS.values()} <= known
