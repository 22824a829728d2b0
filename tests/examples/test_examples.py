"""Every example runs and prints what its ``.out`` file says.

``python examples/NAME.py > examples/NAME.out`` renews one after a change of numbers.
"""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.py"))
LONG = {"trained_for_design"}  # replays 19 networks on four designs


def test_there_are_examples() -> None:
    assert {path.stem for path in EXAMPLES} >= {"first_choice", "layers_or_channels", "speculation", "camera"}


@pytest.mark.parametrize(
    "path",
    [pytest.param(path, id=path.stem, marks=[pytest.mark.slow] * (path.stem in LONG)) for path in EXAMPLES],
)
def test_an_example_prints_what_is_beside_it(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(path), run_name="__main__")
    assert capsys.readouterr().out == path.with_suffix(".out").read_text()
