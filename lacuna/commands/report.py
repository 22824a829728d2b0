"""``lacuna report DIR``: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import show_lines
from lacuna.options import BudgetOption, Force, free_file
from traces import ConfigError

_EVERY = "all"


def report(
    folders: Annotated[
        list[Path],
        typer.Argument(
            help="Results of replays, streams, a sweep or a search, folders of such, tables of estimate --out.",
            metavar="DIR...",
        ),
    ],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; DIR/report.html if left out.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(help="Trace replayed, for the maps by class; found if one lies in DIR.")
    ] = None,
    figures: Annotated[
        str,
        typer.Option(
            help="Also write the dozen figures that compare, as png, svg, pdf, comma-separated; "
            "with `all` those of each replay too.",
        ),
    ] = "",
    points: Annotated[
        int,
        typer.Option(
            min=0, help="Of a sweep: also replay the first N points of its front, each with a page."
        ),
    ] = 0,
    budget: BudgetOption = [],  # noqa: B006  (typer copies it)
    force: Force = False,
) -> None:
    """Write one self-contained HTML report of results; of several together, replays are compared input by input."""
    from analysis import write_report  # noqa: PLC0415
    from traces import find_trace  # noqa: PLC0415

    formats, every = _asked(figures)
    if out is not None:
        free_file(out, force)
    elif len(folders) > 1:
        raise ConfigError("a report on several places needs a name of its own: --out FILE.html")
    source = None if trace is None else find_trace(trace)
    show_lines([f"wrote {write_report(folders, out, trace=source, points=points, budget=budget)}"])
    if formats:
        from analysis import write_figures  # noqa: PLC0415

        beside = (out.parent if out is not None else folders[0]) / "figures"
        written = write_figures(folders, beside, formats, trace=source, every=every, budget=budget)
        show_lines([f"wrote {path}" for path in written])


def _asked(figures: str) -> tuple[list[str], bool]:
    """Return the formats that figures are asked for in, and whether those of each replay are too."""
    from analysis import FIGURE_FORMATS  # noqa: PLC0415

    asked = {name.strip() for name in figures.split(",") if name.strip()}
    unknown = sorted(asked - {*FIGURE_FORMATS, _EVERY})
    if unknown:
        raise ConfigError(f"--figures {unknown[0]!r}: must be of {', '.join([*FIGURE_FORMATS, _EVERY])}")
    formats = [name for name in FIGURE_FORMATS if name in asked]
    return formats or ["png"] * bool(asked), _EVERY in asked
