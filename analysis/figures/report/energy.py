"""Where energy goes: the mean energy of one input by part, a row per replay, beside the dense network's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from analysis.figures.palette import series_colour
from analysis.figures.plain_chart import Chart, laid_out
from analysis.figures.rows import RELATIVE, BarPart, FigureRows, RowBars, RowName
from analysis.words import fitting_unit

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

RELATIVE_FROM = 20.0  # Choice: beyond this ratio of energies the bars of the thriftiest design vanish
_DENSE = "dense network"


@dataclass(frozen=True, slots=True)
class EnergyInfo(RowBars):
    """Energy of one input, by part and design."""

    unit: str  # a unit of energy, or RELATIVE
    rows: FigureRows  # replays
    parts: tuple[tuple[str, tuple[float, ...]], ...]  # part, one value per replay [unit]
    dense: tuple[float, ...]  # of the dense network per replay, NaN where it is not known [unit]

    @property
    def title(self) -> str:
        """Of the axis."""
        return f"Energy of one input [{self.unit}]"

    @property
    def bars(self) -> list[BarPart]:
        """What a bar consists of."""
        return [BarPart(name, values, series_colour(i)) for i, (name, values) in enumerate(self.parts)]

    def chart(self) -> Chart:
        """Return it for plotly."""
        amount = f"%{{x:.4g}} {self.unit}"
        bars = self.rows.chart_bars(self.bars, amount)
        dense = self.rows.chart_diamonds(self.dense, _DENSE, amount)
        return laid_out([*bars, dense], (self.title, ""), y=self.rows.axis, barmode="stack")

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        self.rows.draw_bars(canvas, self.bars)
        self.rows.draw_diamonds(canvas, self.dense, _DENSE, 8)
        canvas.axes.set(xlabel=self.title)
        canvas.legend(4)


def energy_info(
    parts_pj: Mapping[str, Sequence[float]], names: Sequence[RowName | str], dense_uj: Sequence[float]
) -> EnergyInfo:
    """Return mean energy by part.

    Parts that are zero on every design are left out.  Designs far apart are shown relative to their own
    dense network, where that is known of all.

    Parameters
    ----------
    parts_pj
        ``parts_pj[part][replay]`` [pJ].
    names
        Of the replays.
    dense_uj
        The dense network's total per replay, NaN where it is not known [uJ].
    """
    values = np.array(list(parts_pj.values()), np.float64).reshape(len(parts_pj), len(names)) * 1e-6
    dense = np.asarray(dense_uj, np.float64)
    totals = values.sum(axis=0)
    if (dense > 0).all() and totals.max(initial=0) > RELATIVE_FROM * totals.min(initial=np.inf):
        unit, holds = RELATIVE, dense / 100
    else:
        unit, one = fitting_unit(float(np.nanmax([*totals, *dense, 0.0])), "uJ")
        holds = np.full(len(names), one)
    return EnergyInfo(
        unit=unit,
        rows=FigureRows.of(names),
        parts=tuple(
            (name, tuple(map(float, row / holds)))
            for name, row in zip(parts_pj, values, strict=True)
            if row.any()
        ),
        dense=tuple(map(float, dense / holds)),
    )
