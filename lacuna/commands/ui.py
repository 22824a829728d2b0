"""``lacuna ui DIR``: results explored in a browser, and replayed again when a slider moves."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import show_lines


def ui(
    folder: Annotated[
        Path,
        typer.Argument(
            help="Folder of a replay, a folder of replays, or that of a sweep or search.", metavar="DIR"
        ),
    ],
    trace: Annotated[
        Path | None, typer.Option(help="What was replayed; looked for beside DIR and among those shipped.")
    ] = None,
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="On this machine alone; 0: any free one.")
    ] = 5006,
    limit: Annotated[int, typer.Option(min=1, help="Inputs of a live replay.")] = 500,
) -> None:
    """Explore results in a browser on this machine; sliders change the design and replay at once."""
    from analysis import serve, shown_points  # noqa: PLC0415  (loads the simulator)

    points = shown_points(folder, trace)
    serve(
        points,
        f"{folder}: {len(points):,} {'points' if len(points) > 1 else 'replay'}",
        port=port,
        limit=limit,
        say=lambda address: show_lines([f"open {address}; Ctrl-C ends it"]),
    )
