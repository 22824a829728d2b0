"""``lacuna report DIR``: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import show_lines
from traces import ConfigError

_EVERY = "all"


def report(
    folder: Annotated[Path, typer.Argument(help="Results of replays or of a sweep.", metavar="DIR")],
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
) -> None:
    """Write one self-contained HTML report of a results folder."""
    from analysis import FIGURE_FORMATS, write_report  # noqa: PLC0415
    from traces import find_trace  # noqa: PLC0415

    asked = {name.strip() for name in figures.split(",") if name.strip()}
    unknown = sorted(asked - {*FIGURE_FORMATS, _EVERY})
    if unknown:
        raise ConfigError(f"--figures {unknown[0]!r}: must be of {', '.join([*FIGURE_FORMATS, _EVERY])}")
    source = None if trace is None else find_trace(trace)
    show_lines([f"wrote {write_report(folder, out, trace=source, points=points)}"])
    if asked:
        from analysis import write_figures  # noqa: PLC0415

        formats = [name for name in FIGURE_FORMATS if name in asked] or ["png"]
        written = write_figures(folder, folder / "figures", formats, trace=source, every=_EVERY in asked)
        show_lines([f"wrote {path}" for path in written])
