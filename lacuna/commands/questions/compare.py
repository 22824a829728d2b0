"""``lacuna compare A B ...``: replays of the same inputs, each against the first."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from analysis import digits
from lacuna.console import percent, show_json, show_lines, show_table
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
)  # of several, a pair of columns each


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
        _show_all(found, folders)


def _show_pair(found: PairedComparison) -> None:
    rows = [
        [
            row.name,
            digits(row.a),
            digits(row.b),
            row.unit,
            _share(row.relative),
            f"{digits(row.low)} to {digits(row.high)}",
            "yes" if row.certain else "no",
        ]
        for row in found.rows
    ]
    columns = ["", "A", "B", "unit", "B / A - 1", "B - A, 95 % interval", "certain"]
    note = "certain: the interval leaves out zero; figures are means over inputs unless they say otherwise"
    show_lines(list(found.notes))
    show_table(f"A: {found.a}, B: {found.b}; {found.inputs:,} inputs, paired", columns, rows, note=note)


def _show_all(found: list[PairedComparison], folders: list[Path]) -> None:
    """Print a row per replay: each quantity, and what it is against the first."""
    shown = [row for row in found[0].rows if row.name in _SHOWN]
    columns = [""]
    for row in shown:
        columns += [f"{row.name} {row.unit}", "to A"]
    base = ["A", *(cell for row in shown for cell in (digits(row.a), ""))]
    rows = [base]
    for letter, one in zip(_letters(len(found)), found, strict=True):
        known = {row.name: row for row in one.rows}
        rows.append([letter, *(cell for row in shown for cell in _cells(known[row.name]))])
    names = [f"A: {found[0].a} ({folders[0]})"]
    names += [
        f"{letter}: {one.b} ({folder})"
        for letter, one, folder in zip(_letters(len(found)), found, folders[1:], strict=True)
    ]
    show_lines(list(dict.fromkeys(note for one in found for note in one.notes)))
    note = "\n".join([*names, "~: chance could explain it (95 % interval of paired differences holds zero)"])
    show_table(f"{found[0].inputs:,} inputs, paired with A", columns, rows, note=note)


def _letters(number: int) -> list[str]:
    """Return B, C, ... and beyond Z numbers."""
    return [chr(ord("B") + i) if i < 25 else str(i + 2) for i in range(number)]


def _cells(row: Difference) -> tuple[str, str]:
    doubt = "" if row.certain or not row.difference else " ~"
    return digits(row.b), f"{_signed(row.relative)}{doubt}"


def _signed(relative: float) -> str:
    return "" if math.isnan(relative) else f"{100 * relative:+.1f} %"


def _share(relative: float) -> str:
    return "" if math.isnan(relative) else percent(relative)
