"""Tables in a terminal: every row whole, nothing beyond its edge."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from types import SimpleNamespace
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lacuna import console
from lacuna.commands import networks
from lacuna.commands.pareto import what_differs
from lacuna.tables import is_numeric, wrap

WORDS = st.text(alphabet="abcdefghij_", min_size=1, max_size=24)


def shown(columns: list[str], rows: list[list[str]], width: int) -> list[str]:
    """Return the lines that a table takes in a terminal so wide."""
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "out", lambda: Console(file=file, width=width, markup=False))
        console.show_table("", columns, rows)
    return file.getvalue().splitlines()


def test_texts_wrap_where_that_takes_fewer_lines_than_a_second_line_for_each_row() -> None:
    rows = [["a", "1.5", "first"], ["b", "12", "a choice of many words"], ["c", "7", "third"]]
    assert shown(["", "number", "what"], rows, 30) == [
        "   number  what",
        "─" * 27,
        "a     1.5  first",
        "b      12  a choice of many",
        "           words",
        "c       7  third",
        "",
    ]
    assert len(shown(["", "number", "what"], rows, 80)) == 6  # one line each where there is room


def test_columns_without_room_stand_on_a_further_line_of_their_row() -> None:
    rows = [
        ["first_name", "1.5", "20.25", "a text of many words"],
        ["b", "12", "3", "another one of so many"],
    ]
    assert shown(["", "total cycles", "energy", "what"], rows, 30) == [
        "                 total  energy",
        "                cycles",
        "    what",
        "─" * 30,
        "first_name         1.5   20.25",
        "    a text of many words",
        "b                   12       3",
        "    another one of so many",
        "",
    ]


def test_a_name_is_broken_between_its_parts_or_not_at_all() -> None:
    assert wrap("memory.dram.requests_in_flight", 20) == ["memory.dram.", "requests_in_flight"]
    assert wrap("a memory.dram.price", 17) == ["a", "memory.dram.price"]
    assert wrap("requests_in_flight", 12) == ["requests_in_", "flight"]
    assert wrap("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert wrap("", 10) == [""]


@pytest.mark.parametrize(
    "cell", ["1,234", "-3.5 %", "28.7 % faster", "-2.4 to -0.9 %", "3 x", "12 ~", "-1.5 % ~"]
)
def test_numbers_are_aligned_right_whatever_is_said_of_them(cell: str) -> None:
    assert is_numeric([cell, ""])
    assert not is_numeric([cell, "word"])


@given(share=st.floats(-3, 1), what=st.sampled_from(["latency", "energy"]))
def test_nothing_is_saved_negatively(share: float, what: Literal["latency", "energy"]) -> None:
    words = console.gain_words(share, what)
    assert not words.startswith("-")
    assert words.endswith(("slower", "more") if share <= -0.0005 else ("faster", "less"))


@given(
    rows=st.lists(st.lists(WORDS, min_size=6, max_size=6), min_size=1, max_size=6), width=st.integers(60, 140)
)
def test_no_line_is_longer_than_the_terminal_and_no_cell_is_lost(rows: list[list[str]], width: int) -> None:
    columns = [f"column_{i}" for i in range(6)]
    lines = shown(columns, rows, width)
    assert max(map(len, lines)) <= width
    words = set(" ".join(lines).split())
    assert {cell for row in rows for cell in row} <= words
    assert {part for name in columns for part in (name.split("_") if name not in words else [])} <= words


@pytest.mark.parametrize(
    ("labels", "cells", "left_out"),
    [
        (
            ["lcnet_resnet20_30_cifar10", "lcnet_resnet20_50_cifar10"],
            ["30", "50"],
            ["lcnet", "resnet20", "cifar10"],
        ),
        (["lcnet_resnet20_30", "exits_resnet20"], ["lcnet_30", "exits"], ["resnet20"]),
        (["edge_npu_16x16_large", "edge_npu_16x16_large"], ["edge_npu_16x16_large"] * 2, []),
        (["edge_npu_16x16_fast", "edge_npu_16x16_fast_b"], ["fast", "fast_b"], ["edge", "npu", "16x16"]),
        (["a_b_c_long_enough", "b_a_c_long_enough"], ["a_b_c_long_enough", "b_a_c_long_enough"], []),
        (["wait", "speculate", ""], ["wait", "speculate", ""], []),
        (["_", "_" * 20], ["_", "_" * 20], []),
    ],
)
def test_long_labels_lose_the_parts_they_share(
    labels: list[str], cells: list[str], left_out: list[str]
) -> None:
    found = what_differs(labels)
    assert (found.cells, found.left_out) == (cells, left_out)


@given(labels=st.lists(WORDS, min_size=2, max_size=5))
def test_cut_labels_are_as_different_as_whole_ones(labels: list[str]) -> None:
    cells = what_differs(labels).cells
    assert all(cells)
    assert [cells.index(cell) for cell in cells] == [labels.index(label) for label in labels]


def test_a_front_of_many_settings_has_a_line_a_point_in_eighty_columns() -> None:
    """Heads break between their parts, and columns move together, before a row takes a second line."""
    columns = [
        "point", "latency_us", "energy_uj", "area_mm2", "accuracy", "trace", "prefetch", "cols", "activation_buffer",
    ]  # fmt: skip
    rows = [
        ["07f595d1", "82.59", "35.35", "2.126", "85.1 %", "lcnet_30", "speculate", "32", "96 KiB"],
        ["398a58c0", "55,537", "7,851", "0.7523", "87.8 %", "exits", "wait", "8", "48 KiB"],
    ]
    assert shown(columns, rows, 80) == [
        "point     latency   energy area_mm2 accuracy trace    prefetch  cols activation",
        "               us       uj                                               buffer",
        "─" * 79,
        "07f595d1    82.59    35.35    2.126   85.1 % lcnet_30 speculate   32     96 KiB",
        "398a58c0   55,537    7,851   0.7523   87.8 % exits    wait         8     48 KiB",
        "",
    ]


def test_the_second_line_of_a_row_begins_where_it_is_told_to() -> None:
    columns, row = ["key", "latency_us", "energy_uj", "design"], ["one", "2", "3", "a_design_of_a_long_name"]
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "out", lambda: Console(file=file, width=30, markup=False))
        console.show_table("", columns, [row], second=3)
    assert file.getvalue().splitlines() == [
        "key  latency_us  energy_uj",
        "    design",
        "─" * 27,
        "one           2          3",
        "    a_design_of_a_long_name",
        "",
    ]


@pytest.mark.parametrize("terminal", [True, False])
def test_an_error_is_broken_between_words_for_a_terminal_and_nowhere_in_a_file(
    monkeypatch: pytest.MonkeyPatch, terminal: bool
) -> None:
    file = io.StringIO()
    shown_on = Console(file=file, width=30, markup=False, force_terminal=terminal, no_color=True)
    monkeypatch.setattr(console, "err", lambda: shown_on)
    words = "'mobilenet_v1': no such network; known: cnet_resnet20_30, cnet_resnet20_50"
    console.show_error(words)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in file.getvalue().splitlines()]
    assert " ".join(" ".join(lines).split()) == f"error: {words}"
    assert (len(lines) > 1) == terminal
    if terminal:
        assert max(map(len, lines)) <= 30
        assert all(line.split()[-1] in words.split() for line in lines[1:])  # no word in two


def test_an_epoch_is_told_in_eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    file = io.StringIO()
    narrow = Console(file=file, width=80, markup=False)
    monkeypatch.setattr(networks, "err", lambda: narrow)
    extra = {"cost_kept": 0.487, "never_open": 12.0, "always_open": 101.0, "rate.block1": 0.5}
    report: Any = SimpleNamespace(
        epoch=101, epochs=120, seconds=1234.5, loss=1.2345, validation_accuracy=0.853, extra=extra
    )
    networks._show_epoch(report)
    assert file.getvalue().splitlines() == [
        "epoch 101/120: 1234 s, loss 1.234, validation 85.3 %, cost kept 0.487, never",
        "    open 12, always open 101",
    ]


def test_control_characters_of_names_are_spelled_out_in_tables(capsys: pytest.CaptureFixture[str]) -> None:
    """A terminal would clear its screen at the first, and set its title at the second."""
    console.show_table("a\x1b[2Jb", ["op"], [["\x1b]0;title\x07"], ["[bold]"]])
    console.show_lines(["\x9b31m"])
    found = capsys.readouterr().out
    assert "\x1b" not in found
    assert "\x9b" not in found
    assert r"\x1b[2Jb" in found
    assert r"\x1b]0;title\x07" in found
    assert "[bold]" in found


def test_a_terminal_without_a_sign_for_a_letter_is_shown_another() -> None:
    command = [sys.executable, "-m", "lacuna", "designs"]
    alone = {**os.environ, "PYTHONIOENCODING": "ascii"}
    ended = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "edge_npu_16x16" in ended.stdout
