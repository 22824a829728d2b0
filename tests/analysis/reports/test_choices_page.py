"""The list of choices is that of the code."""

from pathlib import Path

from analysis.reports.choices_page import _ROOT, choices, choices_page

MARK = "Choice" + ":"


def test_the_page_is_current() -> None:
    """`make docs` renews it."""
    assert (_ROOT / "docs" / "choices.md").read_text(encoding="utf-8") == choices_page()


def test_a_choice_is_its_sentence(tmp_path: Path) -> None:
    file = tmp_path / "some.py"
    file.write_text(
        f'"""A model.\n\n{MARK} waits are shared\nby all units.  More follows.\n"""\n'
        f"x = 1  # {MARK} one is enough\ny = 2\n",
        encoding="utf-8",
    )
    assert list(choices(file)) == ["waits are shared by all units.", "one is enough"]
