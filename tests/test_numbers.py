"""Every column and row that is printed stands, with what it is, on docs/numbers.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from accel_models import load_design
from analysis import TIME_PARTS
from analysis.reports.report import page_on
from simulator import replay
from tests.report_folders import replay_folder, small_trace, sweep_folder

ROOT = Path(__file__).parents[1]
PAGE = (ROOT / "docs" / "numbers.md").read_text(encoding="utf-8")
KNOWN = set(re.findall(r"`([^`]+)`", PAGE))
HEADS = {"columns", "head"}  # what modules call the heads of a table
TABLES = {"show_table", "Table"}


def heads(tree: ast.AST) -> Iterator[str]:
    """Yield the words of every table's head: lists that are called so, or given to a table at once."""
    for node in ast.walk(tree):
        given: ast.expr | None = None
        if isinstance(node, ast.Assign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            given = node.value if {t.id for t in targets if isinstance(t, ast.Name)} & HEADS else None
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in TABLES:
            given = node.args[1] if len(node.args) > 1 else None
        if isinstance(given, ast.List | ast.Tuple):
            words = (part for part in ast.walk(given) if isinstance(part, ast.Constant))
            yield from (word.value for word in words if isinstance(word.value, str) and word.value.strip())


def test_every_column_of_a_table_is_explained() -> None:
    places = [*(ROOT / "lacuna").rglob("*.py"), *(ROOT / "analysis" / "reports").rglob("*.py")]
    printed = {head: path.name for path in places for head in heads(ast.parse(path.read_text("utf-8")))}
    assert len(printed) > 100
    assert {head: name for head, name in printed.items() if head not in KNOWN} == {}


def test_every_row_and_key_figure_of_a_replay_is_explained() -> None:
    results = replay(small_trace(4), load_design("edge_npu_16x16"))
    losses = {loss.name for loss in results.explained.waterfall.latency.losses}
    nomenclature = (ROOT / "docs" / "nomenclature.md").read_text(encoding="utf-8")
    assert losses <= set(re.findall(r"^\| ([^|]+) \|", nomenclature, re.MULTILINE))
    assert set(results.explained.answers) | {name for name, _ in TIME_PARTS.values()} <= KNOWN


def test_the_tables_of_reports_hold_no_other_columns(tmp_path: Path) -> None:
    """What is put together while a page is made: axes and objectives of a sweep aside, which are its own columns."""
    page = page_on(replay_folder(tmp_path / "replays", {"a": "edge_npu_16x16", "b": "cortex_m7"}))
    sections = [part for section in page.sections for part in (section, *section.folds)]
    found = {head for section in sections for table in section.tables for head in table.head}
    figures = {figure.label for section in sections for figure in section.key_figures}
    assert {word.lower() for word in found | figures if word} <= {word.lower() for word in KNOWN}
    explored = page_on(sweep_folder(tmp_path / "sweep", 30))
    assert any(section.explorer for section in explored.sections)
    for section in explored.sections:
        for column in section.explorer.columns if section.explorer else ():
            if column.role != "axis":
                assert column.title.lower() in {word.lower() for word in KNOWN}


def test_links_to_sections_of_the_model_lead_somewhere() -> None:
    model = (ROOT / "docs" / "model.md").read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", model, re.MULTILINE)
    anchors = {
        re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", heading).strip().lower()) for heading in headings
    }
    assert set(re.findall(r"\(model\.md#([^)]+)\)", PAGE)) <= anchors
