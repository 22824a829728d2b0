"""``lacuna validate``: the model beside RTL, other simulators and silicon."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import percent, show_json, show_lines, show_table
from lacuna.options import AsJson


def validate(
    docs: Annotated[
        Path | None, typer.Option(help="Also write validation.md and its figure to this folder.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare with every reference; exit code 1 if a bound is broken."""
    from analysis import all_comparisons  # noqa: PLC0415

    comparisons = all_comparisons()
    if as_json:
        show_json(
            [
                {
                    "name": c.name,
                    "truth": c.truth,
                    "rows": len(c.labels),
                    "mean_error": c.mean_error,
                    "worst_error": c.worst_error,
                    "bound_mean": c.bound_mean,
                    "bound_worst": c.bound_worst,
                    "holds": c.holds,
                }
                for c in comparisons
            ]
        )
    else:
        columns = ["comparison", "rows", "mean error", "bound", "worst", "bound", "", "truth"]
        rows = [
            [
                c.name,
                str(len(c.labels)),
                percent(c.mean_error),
                percent(c.bound_mean),
                percent(c.worst_error),
                percent(c.bound_worst),
                "ok" if c.holds else "BROKEN",
                c.truth,
            ]
            for c in comparisons
        ]
        show_table("Absolute relative errors", columns, rows)
    if docs is not None:
        from analysis import write_validation_page  # noqa: PLC0415

        show_lines([f"wrote {path}" for path in write_validation_page(comparisons, docs)])
    if not all(c.holds for c in comparisons):
        raise typer.Exit(1)
