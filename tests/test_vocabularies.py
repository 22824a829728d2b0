"""What depends on a kind is told by its row in a table: nothing compares with the name of a kind outside its one place.

A comparison with a name (``unit == "array"``, ``kind in {"channel", "spatial"}``, a ``match``, a dictionary) is a
branch that a new kind walks past in silence.  Matches that end in ``assert_never`` are not: mypy stops there.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import get_args

import pytest

from accel_models import KINDS
from accel_models.design.unit_sections import DATAFLOWS, Dataflow
from simulator.policy import PREFETCH, Prefetch
from traces.graphs.kinds import GATE_KINDS, GateKind

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ("traces", "accel_models", "simulator", "analysis", "networks", "lacuna")
VOCABULARIES: dict[str, tuple[Sequence[str], tuple[str, ...], dict[str, str]]] = {
    # words; their one place; who else compares with the same letters, and why that is none of its business
    "kinds of units": (
        (*KINDS, "dma"),
        ("accel_models/units/kinds.py",),
        {
            "accel_models/units/array/unit.py": "array.depthwise_on, a setting of its own section",
            "simulator/schedules/schedule.py": "the DMA is no kind of unit: the schedule names it",
        },
    ),
    "kinds of gates": (
        get_args(GateKind),
        ("traces/graphs/kinds.py",),
        {
            "accel_models/design/importing/timeloop.py": "a key of Timeloop's files",
            "analysis/validation/vela/networks.py": "which gates a reference network has",
            "traces/graphs/resnets.py": "which gates a named network is asked for",
        },
    ),
    "dataflows": (
        get_args(Dataflow),
        ("accel_models/design/unit_sections.py",),
        {
            "accel_models/design/importing/scalesim_cfg.py": "words of SCALE-Sim's files",
        },
    ),
    "ways to prefetch": (get_args(Prefetch), ("simulator/policy.py",), {}),
}


@pytest.mark.parametrize("name", VOCABULARIES)
def test_nothing_compares_with_a_kind_outside_its_place(name: str) -> None:
    words, places, others = VOCABULARIES[name]
    found: dict[str, list[str]] = {}
    for folder in FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            at = str(path.relative_to(ROOT))
            lines = [f"{line}: {word}" for line, word in compared(path) if word in words]
            if lines and at not in places:
                found[at] = lines
    assert {at: lines for at, lines in found.items() if at not in others} == {}
    assert [at for at in others if at not in found] == [], "an exception that is none any more"


@pytest.mark.parametrize(
    ("table", "words"), [(GATE_KINDS, GateKind), (DATAFLOWS, Dataflow), (PREFETCH, Prefetch)]
)
def test_a_table_has_a_row_for_every_word(table: dict[str, object], words: object) -> None:
    assert set(table) == set(get_args(words))


def test_a_comparison_is_found_in_every_spelling(tmp_path: Path) -> None:
    code = tmp_path / "code.py"
    code.write_text(
        "a = unit == 'w1'\nb = 'w2' in units\nc = kind in {'w3', 'w4'}\nd = unit.startswith('w5')\n"
        "e = {'w6': 1, 'w7': 2}[kind]\nf = {'w8': 1}.get(kind, 0)\n"
        "match kind:\n    case 'w9' | 'w10':\n        pass\n    case _:\n        pass\n"
        "match kind:\n    case 'x1':\n        pass\n    case _:\n        assert_never(kind)\n"
        "g = Gate(kind='x2')\nh: Kind = 'x3'\ni = call('x4')\n",
        encoding="utf-8",
    )
    assert {word for _, word in compared(code)} == {f"w{k}" for k in range(1, 11)}


def compared(path: Path) -> Iterator[tuple[int, str]]:
    """Yield line and text of every string that code compares with, matches against or looks a case up by."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for part in branches(node):
            for inner in ast.walk(part):
                if isinstance(inner, ast.Constant) and isinstance(inner.value, str):
                    yield inner.lineno, inner.value


def branches(node: ast.AST) -> list[ast.AST]:
    """Return the parts of a node that values are compared with."""
    if isinstance(node, ast.Compare):
        return [node.left, *node.comparators]
    if isinstance(node, ast.Match) and not ends_in_assert_never(node):
        return [case.pattern for case in node.cases]
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Dict):  # {...}[kind]
        return [key for key in node.value.keys if key is not None]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        if node.func.attr in {"startswith", "endswith"}:
            return list(node.args)
        if node.func.attr == "get" and isinstance(node.func.value, ast.Dict):  # {...}.get(kind)
            return [key for key in node.func.value.keys if key is not None]
    return []


def ends_in_assert_never(node: ast.Match) -> bool:
    """Whether mypy proves that no kind is left."""
    last = node.cases[-1].body[-1]
    call = last.value if isinstance(last, ast.Expr) else None
    return isinstance(call, ast.Call) and isinstance(call.func, ast.Name) and call.func.id == "assert_never"
