"""Do the notebooks run from the first cell to the last, and show something where a cell ends with a value?"""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[2] / "examples" / "notebooks").glob("*.ipynb"))


def test_all_four_are_there() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["co_design", "first_replay", "own_design", "own_network"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path: Path) -> None:
    """Each cell's last expression is shown by a notebook, so it has to have a value."""
    names: dict[str, Any] = {"__name__": "__main__"}
    shown = 0
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            assert cell["outputs"] == []  # nothing of a run is committed
            shown += _run("".join(cell["source"]), names)
    assert shown >= 3


def _run(source: str, names: dict[str, Any]) -> bool:
    tree = ast.parse(source)
    last = tree.body.pop() if isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "cell", "exec"), names)
    if not isinstance(last, ast.Expr):
        return False
    value = eval(compile(ast.Expression(last.value), "cell", "eval"), names)
    assert value is not None
    assert repr(value)
    return True
