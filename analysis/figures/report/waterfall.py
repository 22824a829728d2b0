"""From MACs saved to latency (or energy) saved: where the difference went, as floating bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from analysis.figures.palette import BAR_COLOUR, BLACK
from analysis.figures.plain_chart import DOWNWARDS, Chart, laid_out

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

_TITLE = "Share of the dense network [%]"


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """One named loss; a negative one is a gain."""

    name: str
    loss: float  # share of the dense network's latency or energy


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from ``bottom`` to ``top``, in percent of the dense network."""

    name: str
    bottom: float
    top: float
    kind: Literal["total", "deficit", "loss", "gain"]  # deficit: a total below zero

    @property
    def change(self) -> float:
        """What the bar says: totals and gains above zero, losses and deficits below [% of dense]."""
        height = self.top - self.bottom
        return -height if self.kind in {"loss", "deficit"} else height

    @property
    def label(self) -> str:
        """The change as it is written beside the bar; only steps carry a plus."""
        sign = "+" if self.kind == "gain" else "−" if self.change < 0 else ""
        return f"{sign}{abs(self.change):.1f}"


@dataclass(frozen=True, slots=True)
class WaterfallInfo:
    """Bars from MACs saved over every loss to what is saved in the end."""

    quantity: str  # "latency" or "energy"
    bars: tuple[Bar, ...]

    @property
    def largest_loss(self) -> Bar | None:
        """The loss that takes most; ``None`` where nothing is lost."""
        losses = [bar for bar in self.bars if bar.kind == "loss"]
        return min(losses, key=lambda bar: bar.change, default=None)

    @property
    def height(self) -> float:
        """Height of the drawing [inch]."""
        return 1.3 + 0.32 * len(self.bars)

    @property
    def chart_height(self) -> int:
        """Height of the chart [CSS pixels]."""
        return 110 + 34 * len(self.bars)

    def chart(self) -> Chart:
        """Return it for plotly."""
        bars = {
            "type": "bar", "x": [bar.top - bar.bottom for bar in self.bars], "base": [bar.bottom for bar in self.bars],
            "y": [bar.name for bar in self.bars], "orientation": "h", "showlegend": False,
            "marker": {"color": [BAR_COLOUR[bar.kind] for bar in self.bars]},
            "text": [bar.label for bar in self.bars], "textposition": "outside", "cliponaxis": False,
            "hovertemplate": "%{y}: %{text} % of dense<extra></extra>",
        }  # fmt: skip
        ends = [end for bar in self.bars for end in (bar.bottom, bar.top)]
        room = 0.16 * (max(ends) - min(ends))  # for the numbers beside the bars
        x = {"range": [min(ends) - room * (min(ends) < 0), max(ends) + room]}
        return laid_out([bars], (_TITLE, ""), x=x, y=DOWNWARDS)

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes, rows = canvas.axes, np.arange(len(self.bars))
        for row, bar in zip(rows, self.bars, strict=True):
            axes.barh(row, bar.top - bar.bottom, left=bar.bottom, color=BAR_COLOUR[bar.kind], height=0.62)
            axes.annotate(bar.label, (bar.top, row), (4, 0), textcoords="offset points", va="center")
        canvas.level(0, BLACK, linewidth=0.8)
        axes.set_yticks(rows, [bar.name for bar in self.bars])
        axes.set_ylim(len(rows) - 0.4, -0.6)
        axes.margins(x=0.12)
        axes.grid(axis="y", visible=False)
        axes.set(xlabel=_TITLE)


def waterfall_info(
    quantity: str, macs_saved: float, steps: Sequence[WaterfallStep], saved: float
) -> WaterfallInfo:
    """Return the bars of a waterfall.

    Parameters
    ----------
    quantity
        ``"latency"`` or ``"energy"``.
    macs_saved, saved
        Shares of the dense network's MACs and latency (or energy) that are saved.
    steps
        Losses in order; ``macs_saved - sum(losses) = saved``.  Losses of zero are left out.
    """
    level, bars = 100 * macs_saved, [_total("MACs saved", 100 * macs_saved)]
    for step in steps:
        after = level - 100 * step.loss
        if step.loss:
            low, high = sorted((level, after))
            bars.append(Bar(step.name, low, high, "loss" if step.loss > 0 else "gain"))
        level = after
    bars.append(_total(f"{quantity} saved", 100 * saved))
    return WaterfallInfo(quantity, tuple(bars))


def _total(name: str, value: float) -> Bar:
    return Bar(name, 0.0, value, "total") if value >= 0 else Bar(name, value, 0.0, "deficit")
