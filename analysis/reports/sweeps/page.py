"""The report page of a sweep or search: its fronts, every point, what did not fit, provenance; and fronts for files."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from analysis.figures.pictures import Picture
from analysis.figures.report.pareto import Candidate, PlotAxis, pareto_info
from analysis.pareto.ranks import pareto_mask
from analysis.reports.provenance import sweep_tables
from analysis.reports.report_page import Page, Section
from analysis.reports.sweeps.columns import costs_of_rows, is_scaled, title_of, unit_of, value_of
from analysis.reports.sweeps.explorer import explorer_info
from analysis.reports.sweeps.naming import Naming, anchor_of, page_of
from analysis.reports.sweeps.tables import front_table, importance_tables, misfit_section
from analysis.reports.sweeps.words import best_words, objective_figures, sweep_words
from analysis.words import percent, slug

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow
    from traces import Bools


def sweep_page(results: SweepResults) -> Page:
    """Return the page of a sweep."""
    rows = [row for row in results.rows if row.feasible]
    rest = [row for row in results.rows if not row.feasible]
    manifest, naming = results.manifest, Naming.of(results.rows)
    evaluated = Section(anchor="summary", title="What was evaluated", words=sweep_words(results, rows))
    if not rows:
        sections = [evaluated]
    else:
        costs = costs_of_rows(rows, manifest.minimize, manifest.maximize)
        mask = pareto_mask(costs)
        objectives = (*manifest.minimize, *manifest.maximize)
        front = _sorted_front(rows, mask, objectives[0])
        sections = [
            Section(
                anchor="explore",
                title="Which designs are best",
                key_figures=objective_figures(results, rows, costs),
                words=best_words(results, rows, naming, costs),
                explorer=explorer_info(
                    results, rows, mask.tolist(), [_page_of(results, row) for row in rows]
                ),
                drawn=front_pictures(rows, naming, manifest.minimize, manifest.maximize),
                tables=importance_tables(results),
            ),
            Section(
                anchor="front",
                title="Pareto front",
                tables=(
                    front_table("Designs that no other beats in every objective", front, naming, objectives),
                ),
            ),
            evaluated,
        ]
    if rest:
        sections.append(misfit_section(rest, naming, len(results.rows)))
    sections.append(
        Section(
            anchor="provenance",
            title="Where the numbers come from",
            words=("The same space, traces and model version give the same numbers, bit for bit.",),
            tables=sweep_tables(results),
            code=(manifest.space_text,),
        )
    )
    return Page(f"{len(results.rows):,} designs explored", tuple(sections))


def _sorted_front(rows: Sequence[SweepRow], mask: Bools, first: str) -> list[SweepRow]:
    """Return the rows on the front in order of the first objective."""
    on_front = [row for row, keep in zip(rows, mask, strict=True) if keep]
    return sorted(on_front, key=lambda row: (value_of(row, first), row.index))


def _page_of(results: SweepResults, row: SweepRow) -> str:
    """Return where the replay of a point is told, relative to the folder; "" where it was not replayed alone."""
    page = page_of(row) / "report.html"
    return page.as_posix() if (results.folder / page).is_file() else ""


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
