"""Drawings that stand still, as files or for a notebook."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from analysis.figures.canvas import Canvas, Figure, styled
from analysis.figures.pictures import FIGURE_FORMATS, Picture
from traces import ConfigError, atomic_write, did_you_mean

WIDTH: Final = 6.0  # [inch]; 600 pixels at 100 dots per inch
_SHARP: Final = 150  # dots per inch of a picture's PNG: sharp on a screen with two dots a pixel


class DocsInfo(Protocol):
    """What a figure of a generated page shows, and how it is drawn."""

    @property
    def size(self) -> tuple[float, float]:
        """Width and height [inch]."""

    @property
    def dots_per_inch(self) -> int:
        """Of its PNG."""

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""


def write_picture(picture: Picture, folder: Path, formats: Sequence[str]) -> list[Path]:
    """Draw one picture into ``folder`` as ``<key>.<format>``; the same picture gives the same bytes."""
    for name in formats:
        if name not in FIGURE_FORMATS:
            raise ConfigError(
                f"figure format {name!r}: cannot be written{did_you_mean(name, FIGURE_FORMATS)}"
            )
    written = []
    with styled():
        canvas = _drawn(picture)
        for name in formats:
            path = folder / f"{picture.key}.{name}"
            with atomic_write(path) as part:
                canvas.save(part, name, _SHARP)
            written.append(path)
    return written


def styled_figure(picture: Picture) -> Figure:
    """Return the picture as a matplotlib figure in this project's style, as a notebook shows it."""
    with styled():
        return _drawn(picture).figure


def _drawn(picture: Picture) -> Canvas:
    canvas = Canvas.of_size(WIDTH, picture.info.height)
    picture.info.draw(canvas)
    canvas.title(picture.title)
    return canvas


def write_docs_figure(info: DocsInfo, path: Path) -> None:
    """Draw one figure of a generated page into a PNG."""
    with styled():
        canvas = Canvas.of_size(*info.size)
        info.draw(canvas)
        with atomic_write(path) as part:
            canvas.save(part, "png", info.dots_per_inch)
