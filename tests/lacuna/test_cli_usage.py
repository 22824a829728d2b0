"""What is typed wrong before any file is read: one line, the option's name, exit code 2."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.lacuna.lacuna_runner import Lacuna

NPU = ("--design", "edge_npu_16x16")


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("rplay",), "Did you mean 'replay'"),
        (("replay",), "Missing argument"),
        (("designs", "--jsn"), "--json"),
        (("--verion",), "--version"),
        (("pareto", "x", "--best", "0"), "--best"),
        (("replay", "t", "-d", "x", "--batch", "eight", "-o", "r"), "--batch"),
    ],
)
def test_what_is_typed_wrong_is_told_on_one_line(
    lacuna: Lacuna, arguments: tuple[str, ...], part: str
) -> None:
    ran = lacuna(*arguments)
    assert part in ran.message
    assert len(ran.err.splitlines()) == 1
    assert ran.message.endswith("--help tells more")


@pytest.mark.parametrize(
    ("option", "text"),
    [("--rate", "30"), ("--deadline", "33 sec"), ("--latency-budget", "5"), ("--energy-budget", "5 W")],
)
def test_quantities_are_refused_by_their_options(
    lacuna: Lacuna, trace: Path, tmp_path: Path, option: str, text: str
) -> None:
    asked = {"--rate": "30 fps", option: text}
    words = [word for pair in asked.items() for word in pair]
    told = lacuna("stream", trace, *NPU, *words, "--out", tmp_path / "s").message
    assert told.startswith(f"{option}: '{text}'")
