"""Every comparison's mean error: on rows that a fit saw beside rows that it did not, with its interval and bound."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.palette import BLUE, ORANGE, RED
from analysis.validation.comparison import Comparison
from analysis.validation.left_out import predicted_of
from analysis.words import shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

_LEAST = 0.001  # of the axis: exact comparisons stand at its edge [1]


@dataclass(frozen=True, slots=True)
class ErrorLine:
    """Mean absolute relative errors of one comparison [1]."""

    name: str
    fitted: float | None  # on rows that a fit saw; None where nothing was fitted
    predicted: float | None  # on rows that no fit saw; None where nothing was left out
    low: float | None  # 95 % interval of the latter
    high: float | None
    bound: float
    spread: float | None  # of the truth's own repetitions, mean

    def draw(self, canvas: Canvas, y: int) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        if self.spread is not None:
            axes.plot(
                [_LEAST, self.spread], [y, y], color="#DDDDDD", lw=6, solid_capstyle="butt",
                label="spread of the truth",
            )  # fmt: skip
        if self.low is not None and self.high is not None:
            axes.plot(_seen(self.low, self.high), [y, y], color=BLUE, lw=1.5)
        if self.predicted is not None:
            axes.plot(_seen(self.predicted), [y], "o", color=BLUE, ms=5, label="on predicted rows, 95 %")
        if self.fitted is not None:
            axes.plot(
                _seen(self.fitted), [y], "o", color=ORANGE, ms=5, mfc="none", label="on rows that a fit saw"
            )
        axes.plot(_seen(self.bound), [y], "|", color=RED, ms=7, label="bound")


def _seen(*values: float) -> list[float]:
    return [max(value, _LEAST) for value in values]


@dataclass(frozen=True, slots=True)
class ErrorsInfo:
    """A line per comparison."""

    lines: tuple[ErrorLine, ...]

    dots_per_inch = 100

    @property
    def size(self) -> tuple[float, float]:
        """Width and height [inch]."""
        return 9.6, 0.6 + 0.19 * len(self.lines)

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        for y, line in enumerate(self.lines):
            line.draw(canvas, y)
        canvas.logarithmic(x=True, y=False)
        axes.set(xlim=(_LEAST, 1.0), ylim=(len(self.lines) - 0.5, -0.5))
        axes.set_xlabel("mean absolute relative error; at the left edge: 0.1 % or less")
        axes.set_yticks(range(len(self.lines)), [shorten(line.name, 60) for line in self.lines], fontsize=7)
        named = {str(mark.get_label()): mark for mark in axes.lines}  # the last of each kind
        named = {name: mark for name, mark in named.items() if not name.startswith("_")}
        axes.legend(
            named.values(), named.keys(), fontsize=7, loc="lower left", bbox_to_anchor=(0.0, 1.0), ncols=4
        )


def errors_info(comparisons: Sequence[Comparison]) -> ErrorsInfo:
    """Return what was fitted beside what was predicted, in the comparisons' order."""
    return ErrorsInfo(tuple(map(_error_line, comparisons)))


def _error_line(c: Comparison) -> ErrorLine:
    predicted = predicted_of(c)
    return ErrorLine(
        name=c.name,
        fitted=c.mean_error if c.constants else None,
        predicted=predicted.mean if predicted else None,
        low=predicted.low if predicted else None,
        high=predicted.high if predicted else None,
        bound=c.promised[0],
        spread=None if c.spread is None else float(c.spread.mean()),
    )
