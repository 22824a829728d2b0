"""``lacuna report DIR``: one self-contained HTML file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import show_lines
from traces import ConfigError


def report(
    folder: Annotated[Path, typer.Argument(help="Results of replays or of a sweep.", metavar="DIR")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; DIR/report.html if left out.")
    ] = None,
    trace: Annotated[
        str | None, typer.Option(help="Trace replayed, for the maps by class; found if one lies in DIR.")
    ] = None,
    figures: Annotated[
        str, typer.Option(help="Also write every figure: png, svg, pdf, comma-separated.")
    ] = "",
) -> None:
    """Write one self-contained HTML report of a results folder."""
    from analysis import FIGURE_FORMATS, write_report  # noqa: PLC0415
    from traces import find_trace  # noqa: PLC0415

    formats = tuple(name.strip() for name in figures.split(",") if name.strip())
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise ConfigError(f"--figures {name!r}: must be of {', '.join(FIGURE_FORMATS)}")
    source = None if trace is None else find_trace(trace)
    show_lines([f"wrote {write_report(folder, out, trace=source)}"])
    if formats:
        from analysis import write_figures  # noqa: PLC0415

        show_lines(
            [f"wrote {path}" for path in write_figures(folder, folder / "figures", formats, trace=source)]
        )
