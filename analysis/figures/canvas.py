"""What drawings share, by matplotlib: the only file that imports it.  Readable at 600 pixels and in print."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter, PercentFormatter

__all__ = ["Canvas", "Figure", "styled"]

_DASH: Final = {"solid": "-", "dash": "--", "dot": ":", "dashdot": "-."}  # plotly's name: matplotlib's
_STYLE: Final[dict[str, Any]] = {
    "figure.constrained_layout.use": True,
    "font.size": 9,
    "font.family": "DejaVu Sans",  # ships with matplotlib: the same picture on every machine
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#DDDDDD",
    "legend.frameon": False,
    "svg.hashsalt": "lacuna",  # element names of an SVG do not change from run to run
    "svg.fonttype": "path",
    "text.parse_math": False,  # a name with two $ is a name
}
_NO_DATE: Final[dict[str, dict[str, str | None]]] = {
    "png": {"Software": None},
    "svg": {"Date": None},
    "pdf": {"CreationDate": None, "Producer": None, "Creator": None},
}


@contextmanager
def styled() -> Iterator[None]:
    """Draw and write in this project's style."""
    with mpl.rc_context(_STYLE):  # type: ignore[arg-type]  # wants literal names of its hundreds of settings
        yield


class Canvas:
    """A figure, or a panel of one, that is drawn on; ``axes`` and ``figure`` are matplotlib's own."""

    def __init__(self, figure: Figure, place: tuple[int, int, int] = (1, 1, 1)) -> None:
        self.figure = figure
        self._place = place  # rows and columns of panels, and which one, from 1

    @classmethod
    def of_size(cls, width: float, height: float) -> Canvas:
        """Return an empty one [inch]."""
        return cls(Figure(figsize=(width, height)))

    @cached_property
    def axes(self) -> Axes:
        """The axes, made on first use: a figure of panels has none of its own."""
        return self.figure.add_subplot(*self._place)

    def panels(self, count: int, columns: int) -> list[Canvas]:
        """Return so many panels, row by row."""
        rows = -(-count // columns)
        return [Canvas(self.figure, (rows, columns, i + 1)) for i in range(count)]

    def title(self, text: str) -> None:
        """Write what the figure is called above it."""
        self.figure.suptitle(text, fontsize=10, x=0.01, ha="left", wrap=True)

    def save(self, path: Path, kind: str, dots_per_inch: int) -> None:
        """Write the figure in one of the formats; the same figure gives the same bytes."""
        self.figure.savefig(path, format=kind, dpi=dots_per_inch, metadata=_NO_DATE[kind])

    def legend(self, columns: int, handles: Sequence[Artist] = ()) -> None:
        """Write the legend below; of everything that has a label unless ``handles`` say of what."""
        below: dict[str, Any] = {"loc": "outside lower center", "ncols": columns, "fontsize": 8}
        if handles:
            self.figure.legend(handles=handles, **below)
        else:
            self.figure.legend(**below)

    def level(self, at: float, colour: str, dash: str = "solid", **more: Any) -> None:
        """Draw a line from the bottom to the top; ``dash`` is plotly's name."""
        self.axes.axvline(at, color=colour, linestyle=_DASH[dash], **more)

    def logarithmic(self, *, x: bool, y: bool) -> None:
        """Make axes logarithmic, their ticks plain numbers."""
        for wanted, scale, axis in (
            (x, self.axes.set_xscale, self.axes.xaxis),
            (y, self.axes.set_yscale, self.axes.yaxis),
        ):
            if wanted:
                scale("log")
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
                axis.set_minor_formatter(NullFormatter())

    def in_percent(self, *, x: bool, y: bool) -> None:
        """Write the ticks of axes of shares in percent."""
        for wanted, axis in ((x, self.axes.xaxis), (y, self.axes.yaxis)):
            if wanted:
                axis.set_major_formatter(PercentFormatter(1.0))

    @staticmethod
    def line_key(label: str, colour: str, **more: Any) -> Line2D:
        """Return what stands in a legend for a line or a mark."""
        return Line2D([], [], color=colour, label=label, **more)

    @staticmethod
    def patch_key(label: str, colour: str) -> Patch:
        """Return what stands in a legend for a bar."""
        return Patch(color=colour, label=label)
