"""Tables in a terminal: every row whole, nothing beyond its edge."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from lacuna import console
from lacuna.commands.pareto import shared_ends

WORDS = st.text(alphabet="abcdefghij_", min_size=1, max_size=24)


def shown(columns: list[str], rows: list[list[str]], width: int) -> list[str]:
    """Return the lines that a table takes in a terminal so wide."""
    file = io.StringIO()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(console, "out", Console(file=file, width=width))
        console.show_table("", columns, rows)
    return file.getvalue().splitlines()


def test_columns_without_room_stand_on_a_second_line_of_their_row() -> None:
    rows = [["a", "1.5", "first_choice"], ["b", "12", "second_choice"]]
    assert shown(["", "number", "what it is called by all"], rows, 30) == [
        "   number",
        "   what it is called by all",
        "─" * 30,
        "a     1.5",
        "   first_choice",
        "b      12",
        "   second_choice",
        "",
    ]
    assert len(shown(["", "number", "what"], rows, 80)) == 5  # one line each where there is room


@given(
    rows=st.lists(st.lists(WORDS, min_size=6, max_size=6), min_size=1, max_size=6), width=st.integers(60, 140)
)
def test_no_line_is_longer_than_the_terminal_and_no_cell_is_lost(rows: list[list[str]], width: int) -> None:
    columns = [f"column_{i}" for i in range(6)]
    lines = shown(columns, rows, width)
    assert max(map(len, lines)) <= width
    words = set(" ".join(lines).split())
    assert {cell for row in rows for cell in row} <= words
    assert set(columns) <= words


@pytest.mark.parametrize(
    ("labels", "cells", "pattern"),
    [
        (
            ["lcnet_resnet20_30_cifar10", "lcnet_resnet20_50_cifar10"],
            ["30", "50"],
            "lcnet_resnet20_*_cifar10",
        ),
        (["lcnet_resnet20_30", "ddi_resnet20_50_x"], ["lcnet_resnet20_30", "ddi_resnet20_50_x"], ""),
        (["edge_npu_16x16_large", "edge_npu_16x16_large"], ["edge_npu_16x16_large"] * 2, ""),
        (["edge_npu_16x16_fast", "edge_npu_16x16_fast_b"], ["fast", "fast_b"], "edge_npu_16x16_*"),
        (["wait", "speculate", ""], ["wait", "speculate", ""], ""),
        (["_", "_" * 20], ["_", "_" * 20], ""),
    ],
)
def test_long_labels_lose_the_ends_they_share(labels: list[str], cells: list[str], pattern: str) -> None:
    found = shared_ends(labels)
    assert found.cells == cells
    assert found.pattern == pattern


@given(labels=st.lists(WORDS, min_size=2, max_size=5))
def test_cut_labels_read_in_full_with_their_pattern(labels: list[str]) -> None:
    found = shared_ends(labels)
    assert [found.pattern.replace("*", cell) if found.pattern else cell for cell in found.cells] == labels
    assert all(found.cells)
