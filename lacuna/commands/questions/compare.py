"""``lacuna compare A B``: two replays of the same inputs."""

from __future__ import annotations

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from analysis import digits
from lacuna.console import percent, show_json, show_lines, show_table
from lacuna.options import AsJson


def compare(
    first: Annotated[Path, typer.Argument(help="Results of a replay.", metavar="A")],
    second: Annotated[
        Path, typer.Argument(help="Results of another replay of the same inputs.", metavar="B")
    ],
    seed: Annotated[int, typer.Option(help="Of the bootstrap.")] = 0,
    as_json: AsJson = False,
) -> None:
    """Compare two designs, policies or networks input by input, with 95 % confidence intervals."""
    from analysis import compare as paired  # noqa: PLC0415
    from simulator import load_results  # noqa: PLC0415

    found = paired(load_results(first), load_results(second), seed=seed)
    if as_json:
        differences = [asdict(row) for row in found.rows]
        show_json({"inputs": found.inputs, "differences": differences, "notes": found.notes})
        return
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


def _share(relative: float) -> str:
    return "" if math.isnan(relative) else percent(relative)
