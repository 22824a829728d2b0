"""What a report page holds, before any markup: sections of words, key figures, pictures and tables."""

from __future__ import annotations

from dataclasses import dataclass, replace

from analysis.figures.pictures import Picture
from analysis.figures.report.story import StoryInfo
from analysis.reports.replays.words import KeyFigure
from analysis.reports.sweeps.explorer import ExplorerInfo


@dataclass(frozen=True, slots=True)
class Cell:
    """One cell of a table."""

    text: str
    number: bool = False  # set flush right
    link: str = ""  # anchor it leads to
    anchor: str = ""  # name under which others link here
    order: float | None = None  # what a number is sorted by, in base units


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
    explorer: ExplorerInfo | None = None  # points to be brushed and filtered
    drawn: tuple[Picture, ...] = ()  # the same as pictures, for files alone
    folds: tuple[Section, ...] = ()  # parts that open on a click, and are loaded then

    def moved(self, anchor: str, title: str = "") -> Section:
        """Return the section under another anchor, and another title if one is given."""
        return replace(self, anchor=anchor, title=title or self.title)


@dataclass(frozen=True, slots=True)
class Page:
    """A report."""

    title: str
    sections: tuple[Section, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """Every picture, in order."""
        folded = (picture for section in self.sections for fold in section.folds for picture in fold.pictures)
        return (*self.main_pictures, *folded)

    @property
    def main_pictures(self) -> tuple[Picture, ...]:
        """Those that stand in no fold, in order."""
        return tuple(picture for section in self.sections for picture in (*section.pictures, *section.drawn))

    @property
    def has_explorer(self) -> bool:
        """Whether any section has points to be explored."""
        return any(section.explorer is not None for section in self.sections)

    @property
    def has_charts(self) -> bool:
        """Whether any picture needs the drawing library."""
        shown = (
            picture
            for section in self.sections
            for part in (section, *section.folds)
            for picture in part.pictures
        )
        return any(not isinstance(picture.info, StoryInfo) for picture in shown)


def text_row(*texts: str) -> tuple[Cell, ...]:
    """Return a table row of plain words."""
    return tuple(Cell(text) for text in texts)
