"""``lacuna compare A B``: two replays of the same inputs."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import percent, quantity, show_json, show_table
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
    from analysis.compare import compare as paired  # noqa: PLC0415

    from simulator import load_results  # noqa: PLC0415

    found = paired(load_results(first), load_results(second), seed=seed)
    if as_json:
        show_json({"inputs": found.inputs, "differences": [asdict(row) for row in found.rows]})
        return
    rows = [
        [
            row.name,
            quantity(row.a),
            quantity(row.b),
            row.unit,
            percent(row.relative),
            f"{percent(row.relative_low)} to {percent(row.relative_high)}",
            "yes" if row.certain else "no",
        ]
        for row in found.rows
    ]
    columns = ["mean of", "A", "B", "unit", "B - A", "95 % interval", "certain"]
    show_table(f"{found.inputs:,} inputs, paired", columns, rows)
