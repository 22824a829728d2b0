"""The report page of a sweep or search: its fronts, every point, what did not fit, provenance."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.figures.pareto_info import Candidate, PlotAxis, pareto_info
from analysis.figures.pictures import Picture
from analysis.pareto.ranks import Costs, knee_point, pareto_mask
from analysis.reports.provenance import sweep_tables
from analysis.reports.report_page import Cell, Page, Section, Table
from analysis.words import MISSING, percent, quantity, slug
from traces import unpriced_words

if TYPE_CHECKING:
    from analysis.sweeps.row import SweepRow
    from analysis.sweeps.store import SweepResults

_COLUMNS: Final = {
    # column of a row: (title, unit)
    "latency_us": ("Mean latency", "us"),
    "latency_us_p50": ("Latency p50", "us"),
    "latency_us_p95": ("Latency p95", "us"),
    "latency_us_p99": ("Latency p99", "us"),
    "latency_us_max": ("Largest latency", "us"),
    "energy_uj": ("Mean energy", "uJ"),
    "energy_uj_p99": ("Energy p99", "uJ"),
    "area_mm2": ("Area", "mm2"),
    "power_mw": ("Power", "mW"),
    "accuracy": ("Accuracy", "%"),
    "macs": ("MACs", "MAC"),
    "dram_bytes": ("DRAM traffic", "B"),
}
_SHOWN: Final = ("accuracy", "macs", "latency_us", "latency_us_p99", "energy_uj", "area_mm2", "dram_bytes")
_SAVED: Final = ("MACs saved", "Latency saved", "Energy saved")
_FOLD: Final = 40  # Choice: longer tables open on a click


def sweep_page(results: SweepResults) -> Page:
    """Return the page of a sweep."""
    rows = [row for row in results.rows if row.feasible]
    rest = [row for row in results.rows if not row.feasible]
    manifest, naming = results.manifest, Naming.of(results.rows)
    sections = [Section(anchor="summary", title="In short", words=_words(results, rows, naming))]
    if rows:
        front = _front(rows, manifest.minimize, manifest.maximize)
        sections += [
            Section(
                anchor="fronts",
                title="Which designs are best",
                words=("Tap a point to go to its row.",),
                pictures=_pictures(rows, naming, manifest.minimize, manifest.maximize),
                tables=(
                    _table("Designs that no other beats in every objective", front, naming, anchors=False),
                ),
            ),
            Section(anchor="points", title="Every design", tables=(_table("All points", rows, naming),)),
        ]
    if rest:
        sections.append(_infeasible(rest, naming, len(results.rows)))
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


@dataclass(frozen=True, slots=True)
class Naming:
    """How the points of one sweep are told apart."""

    by_trace: bool  # more than one trace
    by_prefetch: bool  # more than one policy

    @classmethod
    def of(cls, rows: Sequence[SweepRow]) -> Naming:
        """Return what varies between rows, beside the axes of the space."""
        return cls(len({row.trace for row in rows}) > 1, len({row.prefetch for row in rows}) > 1)

    def labels(self, row: SweepRow) -> dict[str, str]:
        """Return what varies in the sweep, by column, with one row's values."""
        labels = {name: str(value) for name, value in json.loads(row.parameters).items()}
        if self.by_trace:
            labels["trace"] = row.trace
        if self.by_prefetch:
            labels["prefetch"] = row.prefetch
        return labels

    def name(self, row: SweepRow) -> str:
        """Return a name for one row."""
        return ", ".join([row.design, *(f"{name}={value}" for name, value in self.labels(row).items())])


def _words(results: SweepResults, rows: Sequence[SweepRow], naming: Naming) -> tuple[str, ...]:
    manifest, total = results.manifest, len(results.rows)
    first = f"{total:,} of the space's {manifest.size:,} points were evaluated; {len(rows):,} of them fit."
    missing = [f"{name} is {unpriced_words(nodes)}." for name, nodes in manifest.skipped.items()]
    if not rows:
        return (first, *missing, "No design fits; the table below says why.")
    front = _front(rows, manifest.minimize, manifest.maximize)
    objectives = ", ".join(
        _objective(name).title.lower() for name in (*manifest.minimize, *manifest.maximize)
    )
    best = [
        f"{len(front):,} of them are on the Pareto front in {objectives}: no other beats them everywhere."
    ]
    knee = knee_point(_costs(rows, manifest.minimize, manifest.maximize))
    if knee is not None:
        row = rows[knee]
        best.append(
            f"The best compromise (the knee of the front) is {naming.name(row)}: "
            f"{quantity(row.latency_us, 'us')}, {quantity(row.energy_uj, 'uJ')} per input{_accurate(row)}."
        )
    return (first, *missing, *best, *_saved(rows))


def _accurate(row: SweepRow) -> str:
    return "" if math.isnan(row.accuracy) else f", {percent(row.accuracy)} accurate"


def _saved(rows: Sequence[SweepRow]) -> tuple[str, ...]:
    saved = [1 - row.latency_us / row.dense_latency_us for row in rows if row.dense_latency_us > 0]
    macs = [1 - row.macs / row.dense_macs for row in rows if row.dense_macs > 0]
    if not saved or not macs:
        return ()
    return (
        f"The gates skip {percent(min(macs))} to {percent(max(macs))} of the MACs; "
        f"that saves {percent(min(saved))} to {percent(max(saved))} of the latency of the dense network.",
    )


def _pictures(
    rows: Sequence[SweepRow], naming: Naming, minimize: Sequence[str], maximize: Sequence[str]
) -> tuple[Picture, ...]:
    """Return the first objective against every other one that varies."""
    names = [naming.name(row) for row in rows]
    columns = [*minimize, *maximize]
    pictures = []
    for column in columns[1:]:
        x, y = _objective(columns[0], columns[0] in maximize), _objective(column, column in maximize)
        values = {value for row in rows if not math.isnan(value := _value(row, column))}
        if len(values) < 2:
            continue
        candidates = [
            Candidate(
                name=name,
                x=_value(row, columns[0]),
                y=_value(row, column),
                anchor=_anchor(row),
                x_scaled=_scaled(row, columns[0]),
                y_scaled=_scaled(row, column),
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


def _front(rows: Sequence[SweepRow], minimize: Sequence[str], maximize: Sequence[str]) -> list[SweepRow]:
    """Return the rows on the front in all objectives, in order of the first."""
    mask = pareto_mask(_costs(rows, minimize, maximize))
    first = (*minimize, *maximize)[0]
    on_front = [row for row, keep in zip(rows, mask, strict=True) if keep]
    return sorted(on_front, key=lambda row: (_value(row, first), row.index))


def _costs(rows: Sequence[SweepRow], minimize: Sequence[str], maximize: Sequence[str]) -> Costs:
    columns = [[_value(row, name) for row in rows] for name in minimize]
    columns += [[-_value(row, name) for row in rows] for name in maximize]
    return np.array(columns, np.float64).T


def _table(title: str, shown: Sequence[SweepRow], naming: Naming, *, anchors: bool = True) -> Table:
    varied = list(dict.fromkeys(name for row in shown for name in naming.labels(row)))
    head = ("Design", *varied, *(_COLUMNS[column][0] for column in _SHOWN), *_SAVED)
    body = []
    for row in shown:
        first = Cell(row.design, anchor=_anchor(row)) if anchors else Cell(row.design, link=_anchor(row))
        chosen = naming.labels(row)
        saved = (
            _share(row.macs, row.dense_macs),
            _share(row.latency_us, row.dense_latency_us),
            _share(row.energy_uj, row.dense_energy_uj),
        )
        texts = [_text(row, column) for column in _SHOWN] + [percent(share) for share in saved]
        values = (Cell(chosen.get(name, ""), number=True) for name in varied)
        body.append((first, *values, *(Cell(text, number=True) for text in texts)))
    return Table(title, head, tuple(body), folded=len(body) > _FOLD)


def _infeasible(rest: Sequence[SweepRow], naming: Naming, total: int) -> Section:
    def number(value: float) -> Cell:
        return Cell(MISSING if math.isnan(value) else f"{value:,.0f}", number=True)

    body = tuple(
        (
            Cell(naming.name(row), anchor=_anchor(row)),
            Cell(row.reason),
            number(row.demand),
            number(row.bound),
        )
        for row in rest
    )
    table = Table(
        "Designs without a result", ("Design", "Reason", "Needs", "Has"), body, folded=len(body) > _FOLD
    )
    words = (f"{len(rest):,} of {total:,} points do not fit.",)
    return Section(anchor="infeasible", title="What did not fit", words=words, tables=(table,))


def _objective(column: str, maximize: bool = False) -> PlotAxis:
    title, unit = _COLUMNS.get(column, (column, ""))
    return PlotAxis(title, unit, maximize)


def _value(row: SweepRow, column: str) -> float:
    value = float(getattr(row, column))
    return 100 * value if column == "accuracy" else value


def _text(row: SweepRow, column: str) -> str:
    value, unit = _value(row, column), _COLUMNS[column][1]
    return percent(value / 100) if unit == "%" else quantity(value, unit)


def _share(value: float, dense: float) -> float:
    return 1 - value / dense if dense else math.nan


def _scaled(row: SweepRow, column: str) -> bool:
    return (
        row.area_scaled
        if column == "area_mm2"
        else row.energy_scaled and column.startswith(("energy", "power"))
    )


def _anchor(row: SweepRow) -> str:
    return f"point-{row.index}"
