"""What a report page holds, before any markup: sections of words, key figures, pictures and tables."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from analysis.figures.pictures import Picture
from analysis.reports.replay_words import KeyFigure


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    number: bool = False  # set flush right
    link: str = ""  # anchor it leads to
    anchor: str = ""  # name under which others link here


@dataclass(frozen=True, slots=True)
class Table:
    """A table with its title; ``folded`` ones open on a click."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    folded: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A part of the page."""

    anchor: str
    title: str
    words: tuple[str, ...] = ()
    key_figures: tuple[KeyFigure, ...] = ()
    pictures: tuple[Picture, ...] = ()
    tables: tuple[Table, ...] = ()
    code: tuple[str, ...] = ()  # files, letter by letter


@dataclass(frozen=True, slots=True)
class Page:
    """A report."""

    title: str
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> Iterator[Picture]:
        """Every picture in order."""
        return (picture for section in self.sections for picture in section.pictures)


def text_row(*texts: str) -> tuple[Cell, ...]:
    """Return a table row of plain words."""
    return tuple(Cell(text) for text in texts)
