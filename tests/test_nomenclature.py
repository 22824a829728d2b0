"""Command line, report, guide and nomenclature say the same thing by the same word."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accel_models import load_design
from analysis.figures.palette import REFERENCES
from simulator import replay
from tests.report_folders import small_trace

ROOT = Path(__file__).parents[1]
NOMENCLATURE = (ROOT / "docs" / "nomenclature.md").read_text(encoding="utf-8")
PAGES = ["README.md", "docs/guide.md", "docs/index.md", "docs/model.md"]
BANNED = {  # what people also say, and the word of docs/nomenclature.md
    r"the static network": "dense network",
    r"static (self|twin)|static in": "dense network",
    r"average[- ]rate|mean-rate|at mean rates": "mean rate",
    r"(FLOP|FLOPs|MACs)[- ]proportional|MACs kept x": "MAC-proportional",
    r"decisions (are )?known ahead|clairvoyant|perfect (knowledge|prediction)": "oracle",
    r"distinct polic|unique (decisions|masks|polic)|different policies of the gates": "distinct decisions",
    r"(energy )?cost per (action|access|operation)|energy costs? of an? (action|access)": "price",
    r"price in cycles|prices? of cycles|cycle price": "cost",
    r"skipping rate|drop rate|skip ratio": "skip rate",
    r"utilisation": "utilization",
    r"run rate|activation rate|firing rate": "execution rate",
}
PLACES = [
    *sorted((ROOT / "lacuna").rglob("*.py")),
    *sorted((ROOT / "analysis" / "questions").glob("*.py")),
    *sorted((ROOT / "analysis" / "reports").rglob("*.py")),
    *sorted((ROOT / "analysis" / "figures").rglob("*.py")),
    *(ROOT / page for page in PAGES),
]


def texts(path: Path) -> Iterator[tuple[int, str]]:
    """Yield what a file says to people: every text of a module, its help with it; every line of a page."""
    if path.suffix != ".py":
        yield from enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        return
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.lineno, node.value


@pytest.mark.parametrize(("banned", "word"), BANNED.items(), ids=BANNED.values())
def test_one_thing_has_one_word(banned: str, word: str) -> None:
    pattern = re.compile(rf"\b({banned})", re.IGNORECASE)
    found = [
        f"{path.relative_to(ROOT)}:{line}: {match[0]}: say {word!r}"
        for path in PLACES
        for line, text in texts(path)
        if (match := pattern.search(text))
    ]
    assert found == []


def test_the_words_are_those_of_the_nomenclature() -> None:
    """What a replay is held against: in the summary, the figures and the page of words."""
    words = {row.split("|")[1].strip() for row in NOMENCLATURE.splitlines() if row.startswith("| ")}
    answers = replay(small_trace(4), load_design("cortex_m4")).explained.answers
    assert set(answers) == set(REFERENCES) <= words
    assert {re.sub(r" network$", "", word) for word in BANNED.values()} <= words
