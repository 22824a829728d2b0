"""The fronts of a sweep as pictures, for files: a page has them as its explorer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.pictures import Picture
from analysis.figures.report.pareto import Candidate, PlotAxis, pareto_info
from analysis.reports.sweeps.columns import is_scaled, title_of, unit_of, value_of
from analysis.reports.sweeps.naming import Naming, anchor_of
from analysis.words import percent, slug

if TYPE_CHECKING:
    from analysis.sweeps.row import SweepRow


def front_pictures(
    rows: Sequence[SweepRow], naming: Naming, minimize: Sequence[str], maximize: Sequence[str]
) -> tuple[Picture, ...]:
    """Return the first objective against every other one that varies."""
    names = [naming.name(row) for row in rows]
    columns = [*minimize, *maximize]
    pictures = []
    for column in columns[1:]:
        x, y = _objective(columns[0], columns[0] in maximize), _objective(column, column in maximize)
        values = {value for row in rows if not math.isnan(value := value_of(row, column))}
        if len(values) < 2:
            continue
        candidates = [
            Candidate(
                name=name,
                x=value_of(row, columns[0]),
                y=value_of(row, column),
                anchor=anchor_of(row),
                x_scaled=is_scaled(row, columns[0]),
                y_scaled=is_scaled(row, column),
                family=row.energy_table,
                note="" if math.isnan(row.accuracy) else f"accuracy {percent(row.accuracy)}",
            )
            for name, row in zip(names, rows, strict=True)
        ]
        pictures.append(
            Picture(
                f"pareto-{slug(columns[0])}-{slug(column)}",
                f"{x.title} against {y.title.lower()}",
                "Points on the line are beaten by no other. Thin lines: the ±2× band where prices were scaled; "
                "hollow points could change places in it.",
                pareto_info(candidates, x, y),
            )
        )
    return tuple(pictures)


def _objective(column: str, maximize: bool) -> PlotAxis:
    return PlotAxis(title_of(column), unit_of(column), maximize)
