"""``lacuna new-design NAME --like D`` and ``lacuna schema``: files to begin with, and what editors check them by."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from lacuna.console import shell, show_json, show_lines
from lacuna.options import Force, Settings, design_from, free_file
from traces import ConfigError, atomic_write, did_you_mean


def new_design(
    name: Annotated[str, typer.Argument(help="Name of the new design.", metavar="NAME")],
    like: Annotated[str, typer.Option(help="Design to begin with: shipped name or YAML.", metavar="D")],
    out: Annotated[
        Path | None, typer.Option("--out", "-o", help="File to write; NAME.yaml if left out.", metavar="FILE")
    ] = None,
    force: Force = False,
    settings: Settings = [],  # noqa: B006  (typer copies it)
) -> None:
    """Write a design file with every key explained, to be changed by hand."""
    from accel_models import commented_yaml  # noqa: PLC0415  (pydantic and YAML are slow to import)

    if not name.replace("_", "").replace("-", "").replace(".", "").isalnum():
        raise ConfigError(f"{name!r}: a design's name is letters, digits, '_', '-' and '.'")
    path = out or Path(f"{name}.yaml")
    free_file(path, force)
    text = commented_yaml(design_from(like, settings), name)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")
    look, price = shell("lacuna", "inspect", path), shell("lacuna", "estimate", "resnet8_tiny", "-d", path)
    show_lines([f"wrote {path}", f"next: edit it; {look}; {price}"])


def schema(
    what: Annotated[str, typer.Argument(help="design or space.", metavar="design|space")],
) -> None:
    """Print the JSON Schema of a file, by which editors complete and check it."""
    if what not in {"design", "space"}:
        raise ConfigError(f"schema {what!r}: no such file{did_you_mean(what, ('design', 'space'))}")
    if what == "design":
        from accel_models import design_schema  # noqa: PLC0415  (as above)

        show_json(design_schema())
        return
    from analysis import space_schema  # noqa: PLC0415  (as above)

    show_json(space_schema())
