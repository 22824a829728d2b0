"""Where the saving of every replay goes, as one stacked bar each: small multiples of the waterfall in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.palette import BLACK, GREEN, loss_colour
from analysis.figures.plain_chart import Chart, laid_out
from analysis.figures.rows import BarPart, FigureRows, RowBars, RowName

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

COLOURED = 7  # Choice: losses with a colour of their own; the rest are summed
OTHER = "other losses"
_PROMISED = "MACs saved"


@dataclass(frozen=True, slots=True)
class LossesInfo(RowBars):
    """What is saved and what is lost add up to the MACs saved [% of the dense network]."""

    quantity: str  # "latency" or "energy"
    rows: FigureRows
    saved: tuple[float, ...]  # below zero where skipping costs
    losses: tuple[tuple[str, tuple[float, ...]], ...]  # name, one amount per row; a negative one is a gain
    promised: tuple[float, ...]  # MACs saved

    @property
    def title(self) -> str:
        """Of the axis."""
        return f"Share of the dense {self.quantity} [%]"

    @property
    def bars(self) -> list[BarPart]:
        """What a bar consists of: what is saved, then each loss."""
        lost = (BarPart(name, values, loss_colour(i)) for i, (name, values) in enumerate(self.losses))
        return [BarPart(f"{self.quantity} saved", self.saved, GREEN), *lost]

    def chart(self) -> Chart:
        """Return it for plotly."""
        bars = self.rows.chart_bars(self.bars, f"%{{x:.1f}} % of the dense {self.quantity}")
        promised = self.rows.chart_diamonds(self.promised, _PROMISED, "%{x:.1f} %")
        return laid_out([*bars, promised], (self.title, ""), y=self.rows.axis, barmode="relative")

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        self.rows.draw_bars(canvas, self.bars)
        self.rows.draw_diamonds(canvas, self.promised, _PROMISED, 7)
        canvas.level(0, BLACK, linewidth=0.8)
        canvas.axes.set(xlabel=self.title)
        canvas.legend(3)


def losses_info(
    quantity: str,
    names: Sequence[RowName],
    promised: Sequence[float],
    saved: Sequence[float],
    losses: Sequence[Mapping[str, float]],
) -> LossesInfo:
    """Return the bars of all replays.

    Parameters
    ----------
    quantity
        ``"latency"`` or ``"energy"``.
    names
        Of the replays.
    promised, saved
        Shares of the dense network's MACs, and of its latency or energy, that are saved.
    losses
        Per replay its losses by name, shares of the dense network; ``promised - sum(losses) = saved``.
    """
    known = list(dict.fromkeys(name for row in losses for name in row))
    amounts = {name: tuple(100 * row.get(name, 0.0) for row in losses) for name in known}
    largest = sorted(known, key=lambda name: -max(map(abs, amounts[name]), default=0.0))[:COLOURED]
    shown = [(name, amounts[name]) for name in known if name in largest and any(amounts[name])]
    rest = [amounts[name] for name in known if name not in largest]
    if any(map(any, rest)):
        shown.append((OTHER, tuple(map(sum, zip(*rest, strict=True)))))
    return LossesInfo(
        quantity=quantity,
        rows=FigureRows.of(names),
        saved=tuple(100 * share for share in saved),
        losses=tuple(shown),
        promised=tuple(100 * share for share in promised),
    )
