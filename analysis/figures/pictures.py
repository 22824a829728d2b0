"""One figure as a page and every drawer sees it: what it is called, what it says, and what it shows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from analysis.figures.report.story import StoryInfo

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas
    from analysis.figures.plain_chart import Chart

FREE_HEIGHT = 380  # of a chart without rows [CSS pixels]; print makes it lower
FREE_INCHES = 3.8  # of a drawing without rows
FIGURE_FORMATS = ("png", "svg", "pdf")  # in which a picture is written


class ChartInfo(Protocol):
    """What a figure shows, as a frozen value in the units of its axes, and how either library draws it."""

    @property
    def height(self) -> float:
        """Height of the drawing [inch]: fixed, or growing with its rows."""

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""

    def chart(self) -> Chart:
        """Return it for plotly."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure before it is drawn."""

    key: str  # unique in a report: file name and anchor, ASCII
    title: str
    caption: str  # how to read it, in a sentence
    info: ChartInfo | StoryInfo  # the story stands in a page as words and bars, without a drawing library
