"""``lacuna compare A B ...``: replays of the same inputs, each against the first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import show_json, show_notes, show_table
from lacuna.options import AsJson
from traces import ConfigError

if TYPE_CHECKING:
    from analysis import Difference, PairedComparison

_SHOWN = (
    "accuracy",
    "latency",
    "latency p99",
    "energy",
    "DRAM traffic",
)  # of several
_MANY = 9.0  # Choice: from ten times on "x" reads better than a share


def compare(
    folders: Annotated[
        list[Path],
        typer.Argument(help="Results of replays of the same inputs; A is the base.", metavar="A B..."),
    ],
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare designs, settings, policies or networks input by input, with 95 % confidence intervals."""
    from analysis import compare as paired  # noqa: PLC0415
    from analysis import told_apart  # noqa: PLC0415
    from simulator import load_results  # noqa: PLC0415

    if len(folders) < 2:
        raise ConfigError(f"compare {folders[0]}: needs two folders or more")
    first, *others = [load_results(folder) for folder in folders]
    found = [paired(first, other, seed=seed) for other in others]
    if as_json:
        comparisons = [
            {
                "folder": str(folder),
                "b": one.b,
                "differences": [asdict(row) for row in one.rows],
                "notes": one.notes,
            }
            for folder, one in zip(folders[1:], found, strict=True)
        ]
        show_json({"inputs": found[0].inputs, "a": found[0].a, "comparisons": comparisons})
    elif len(found) == 1:
        _show_pair(found[0])
    else:
        _show_all(found, told_apart([first, *others], [""] * len(folders)), folders)


def _show_pair(found: PairedComparison) -> None:
    rows = [
        [
            row.name,
            digits(row.a),
            digits(row.b),
            row.unit,
            _signed(row.relative),
            f"{digits(row.low)} to {digits(row.high)}",
            "yes" if row.certain else "no",
        ]
        for row in found.rows
    ]
    columns = ["", "A", "B", "unit", "B / A - 1", "B - A, 95 % interval", "certain"]
    note = "certain: the interval leaves out zero; figures are means over inputs unless they say otherwise"
    show_notes(list(found.notes))
    show_table(f"A: {found.a}, B: {found.b}; {found.inputs:,} inputs, paired", columns, rows, note=note)


def _show_all(found: list[PairedComparison], names: Sequence[str], folders: list[Path]) -> None:
    """Print two lines per replay: each quantity, and below it what that is against the first."""
    shown = [row for row in found[0].rows if row.name in _SHOWN]
    rows = [["A", *(digits(row.a) for row in shown)]]
    for letter, one in zip(_letters(len(found)), found, strict=True):
        known = {row.name: row for row in one.rows}
        mine = [known[row.name] for row in shown]
        rows.append([letter, *(digits(row.b) for row in mine)])
        rows.append(["", *(_against_first(row) for row in mine)])
    show_notes(list(dict.fromkeys(note for one in found for note in one.notes)))
    letters = ["A", *_letters(len(found))]
    show_notes(
        [f"{letter}: {name} ({folder})" for letter, name, folder in zip(letters, names, folders, strict=True)]
    )
    note = (
        "second lines: against A; ~: chance could explain it (95 % interval of paired differences holds zero)"
    )
    columns = ["", *(f"{row.name} {row.unit}" for row in shown)]
    show_table(f"{found[0].inputs:,} inputs, paired with A", columns, rows, note=note)


def _letters(number: int) -> list[str]:
    """Return B, C, ... and beyond Z numbers."""
    return [chr(ord("B") + i) if i < 25 else str(i + 2) for i in range(number)]


def _against_first(row: Difference) -> str:
    doubt = "" if row.certain or not row.difference else " ~"
    if row.unit == "%":
        return f"{row.difference:+.1f} points{doubt}"
    return f"{_signed(row.relative)}{doubt}"


def _signed(relative: float) -> str:
    """Return what a quantity is against the first: a share, or how many times it where it is far more."""
    if math.isnan(relative):
        return ""
    return f"{100 * relative:+.1f} %" if relative < _MANY else f"{digits(1 + relative, 3)} x"
