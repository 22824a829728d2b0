"""The report page of a sweep or search: its fronts, every point, what did not fit, provenance."""

from __future__ import annotations

import importlib.util
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np

from accel_models import CORES_ALONE
from analysis.figures.pictures import Picture
from analysis.figures.report.pareto import Candidate, PlotAxis, pareto_info
from analysis.pareto.front import objectives_of
from analysis.pareto.ranks import Costs, knee_point, pareto_mask
from analysis.reports.provenance import sweep_tables
from analysis.reports.report_page import Cell, Page, Section, Table
from analysis.reports.sweeps.columns import QUANTITIES, setting_title, title_of, unit_of
from analysis.reports.sweeps.explorer import explorer_info
from analysis.sweeps.budgets import is_over, misfit_words
from analysis.words import MISSING, change_words, network_titles, percent, quantity, skipped_words, slug
from traces import unpriced_words

if TYPE_CHECKING:
    import pandas as pd

    from analysis.sweeps.row import SweepRow
    from analysis.sweeps.store import SweepResults
    from traces import Bools

_SAVED: Final = ("MACs against dense", "Latency against dense", "Energy against dense")
POINTS: Final = "points"  # folder of the replays of single points
POINT_KEY: Final = 8  # digits of a key that name a point, here and in `lacuna pareto`
_FOLD: Final = 40  # Choice: longer tables open on a click


def sweep_page(results: SweepResults) -> Page:
    """Return the page of a sweep."""
    rows = [row for row in results.rows if row.feasible]
    rest = [row for row in results.rows if not row.feasible]
    manifest, naming = results.manifest, Naming.of(results.rows)
    sections = [Section(anchor="summary", title="In short", words=_words(results, rows, naming))]
    if rows:
        mask = pareto_mask(_costs(rows, manifest.minimize, manifest.maximize))
        objectives = (*manifest.minimize, *manifest.maximize)
        front = _sorted_front(rows, mask, objectives[0])
        sections += [
            Section(
                anchor="explore",
                title="Which designs are best",
                explorer=explorer_info(
                    results, rows, mask.tolist(), [_page_of(results, row) for row in rows]
                ),
                drawn=_pictures(rows, naming, manifest.minimize, manifest.maximize),
                tables=_importance(results),
            ),
            Section(
                anchor="front",
                title="Pareto front",
                tables=(_table("Designs that no other beats in every objective", front, naming, objectives),),
            ),
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

    titles: dict[str, str]  # trace: its network as people write it
    by_trace: bool  # more than one trace
    by_prefetch: bool  # more than one policy

    @classmethod
    def of(cls, rows: Sequence[SweepRow]) -> Naming:
        """Return what varies between rows, beside the axes of the space."""
        titles = network_titles({row.trace for row in rows})
        return cls(titles, len(titles) > 1, len({row.prefetch for row in rows}) > 1)

    def labels(self, row: SweepRow) -> dict[str, str]:
        """Return what varies in the sweep, by column, with one row's values."""
        labels = {name: str(value) for name, value in json.loads(row.parameters).items()}
        if self.by_trace:
            labels["trace"] = self.titles[row.trace]
        if self.by_prefetch:
            labels["prefetch"] = row.prefetch
        return labels

    def name(self, row: SweepRow) -> str:
        """Return a name for one row: ``LC-Net ResNet-20 50 % on edge_npu_16x16, array rows 8``."""
        labels = self.labels(row)
        network = labels.pop("trace", "")
        settings = [f"{_inside(setting_title(name))} {value}" for name, value in labels.items()]
        return ", ".join([f"{network} on {row.design}" if network else row.design, *settings])


def _inside(title: str) -> str:
    """Return a title as it stands inside a sentence."""
    return title if title[:2].isupper() else title[:1].lower() + title[1:]


def _words(results: SweepResults, rows: Sequence[SweepRow], naming: Naming) -> tuple[str, ...]:
    manifest, total = results.manifest, len(results.rows)
    bounds = " and ".join(bound.words for bound in results.budget)
    fit = f"fit and are within the budget ({bounds})" if bounds else "fit"
    first = f"{total:,} of the space's {manifest.size:,} points were evaluated; {len(rows):,} of them {fit}."
    missing = [f"{name} is {unpriced_words(nodes)}." for name, nodes in manifest.skipped.items()]
    if "batch" in results.frame and int(results.frame["batch"].max()) > 1:
        missing.append("Latency is that of a whole batch; MACs, bytes and energy are per input.")
    if not rows:
        return (first, *missing, "No design fits; the table below says why.")
    costs = _costs(rows, manifest.minimize, manifest.maximize)
    best = [
        f"Objectives: {_objectives(manifest.minimize, manifest.maximize)}. "
        f"{int(pareto_mask(costs).sum()):,} points are on their Pareto front: no other beats them everywhere.",
        *_of_areas(results, rows),
        *_unknown(rows, costs),
    ]
    knee = knee_point(costs)
    if knee is not None:
        row = rows[knee]
        best.append(
            f"The best compromise (the knee of the front) is {naming.name(row)}: "
            f"{quantity(row.latency_us, 'us')}, {quantity(row.energy_uj, 'uJ')} per input{_accurate(row)}."
        )
    return (first, *missing, *best, *_saved(rows))


def _accurate(row: SweepRow) -> str:
    return "" if math.isnan(row.accuracy) else f", {percent(row.accuracy)} accurate"


def _objectives(minimize: Sequence[str], maximize: Sequence[str]) -> str:
    small = [f"{title_of(name).lower()} small" for name in minimize]
    return ", ".join([*small, *(f"{title_of(name).lower()} large" for name in maximize)])


def _of_areas(results: SweepResults, rows: Sequence[SweepRow]) -> tuple[str, ...]:
    """Say of which designs the area is that of a core alone, where it is compared."""
    cores = [name for name in results.cores if any(row.design == name for row in rows)]
    if not cores or "area_mm2" not in results.manifest.minimize:
        return ()
    return (f"{CORES_ALONE[0].upper()}{CORES_ALONE[1:]} ({', '.join(cores)}).",)


def _unknown(rows: Sequence[SweepRow], costs: Costs) -> tuple[str, ...]:
    """Say which designs no front holds, because they lack a value of an objective."""
    lacking: Bools = np.asarray(np.isnan(costs).any(axis=1))
    if not lacking.any():
        return ()
    names = sorted({row.design for row, lacks in zip(rows, lacking, strict=True) if lacks})
    return (
        f"{int(lacking.sum()):,} points are on no front, for they lack a value of an objective: {', '.join(names)}.",
    )


def _saved(rows: Sequence[SweepRow]) -> tuple[str, ...]:
    saved = [1 - row.latency_us / row.dense_latency_us for row in rows if row.dense_latency_us > 0]
    macs = [1 - row.macs / row.dense_macs for row in rows if row.dense_macs > 0]
    if not saved or not macs:
        return ()
    worth = _span(*(change_words(share, "faster", "slower") for share in (min(saved), max(saved))))
    return (
        f"The gates {skipped_words(macs, 'skip', 'add')} the MACs; that is {worth} than the dense network.",
    )


def _span(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


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


def _depends(frame: pd.DataFrame, column: str) -> bool:
    """Return whether a quantity differs between points of one network, as accuracy does not."""
    return int(frame.groupby("trace")[column].nunique().max()) > 1


def page_of(row: SweepRow) -> Path:
    """Return where the replay of a point is kept, relative to the sweep's folder."""
    return Path(POINTS) / row.key[:POINT_KEY]


def _sorted_front(rows: Sequence[SweepRow], mask: Bools, first: str) -> list[SweepRow]:
    """Return the rows on the front in order of the first objective."""
    on_front = [row for row, keep in zip(rows, mask, strict=True) if keep]
    return sorted(on_front, key=lambda row: (_value(row, first), row.index))


def _page_of(results: SweepResults, row: SweepRow) -> str:
    """Return where the replay of a point is told, relative to the folder; "" where it was not replayed alone."""
    page = page_of(row) / "report.html"
    return page.as_posix() if (results.folder / page).is_file() else ""


def _importance(results: SweepResults) -> tuple[Table, ...]:
    """Return how much each axis decides who is among the best, where Optuna is there to tell."""
    if importlib.util.find_spec("optuna") is None:
        return ()
    from analysis.sweeps.sensitivity import importances  # noqa: PLC0415  (pandas and Optuna are slow to import)

    frame, manifest = results.frame, results.manifest
    fits = frame[frame["feasible"].astype(bool)]
    axes = [axis for axis in manifest.axes if fits[axis].nunique() > 1]
    objectives = [o for o in objectives_of(manifest.minimize, manifest.maximize) if _depends(fits, o.column)]
    if not axes or not objectives:
        return ()
    shares = [importances(fits, axes, objective) for objective in objectives]
    head = ("Axis", *(title_of(objective.column) for objective in objectives))
    rows = tuple(
        (
            Cell(setting_title(axis)),
            *(Cell(percent(each[axis]), number=True, order=each[axis]) for each in shares),
        )
        for axis in sorted(axes, key=lambda axis: -max(each[axis] for each in shares))
    )
    return (
        Table("What decides: how much each axis tells whether a design is among the best tenth", head, rows),
    )


def _costs(rows: Sequence[SweepRow], minimize: Sequence[str], maximize: Sequence[str]) -> Costs:
    columns = [[_value(row, name) for row in rows] for name in minimize]
    columns += [[-_value(row, name) for row in rows] for name in maximize]
    return np.array(columns, np.float64).T


def _table(title: str, shown: Sequence[SweepRow], naming: Naming, objectives: Sequence[str]) -> Table:
    varied = list(dict.fromkeys(name for row in shown for name in naming.labels(row)))
    figures = list(dict.fromkeys([*(name for name in objectives if name in QUANTITIES), "latency_us_p99"]))
    heads = ["Network" if name == "trace" else setting_title(name) for name in varied]
    head = ("Design", *heads, *(title_of(column) for column in figures), *_SAVED)
    body = []
    for row in shown:
        chosen = naming.labels(row)
        saved = (
            (_share(row.macs, row.dense_macs), "less", "more"),
            (_share(row.latency_us, row.dense_latency_us), "faster", "slower"),
            (_share(row.energy_uj, row.dense_energy_uj), "less", "more"),
        )
        body.append(
            (
                Cell(row.design, anchor=_anchor(row)),
                *(Cell(value := chosen.get(name, ""), number=value[:1].isdigit()) for name in varied),
                *(
                    Cell(_text(row, column), number=True, order=_order(_value(row, column)))
                    for column in figures
                ),
                *(Cell(_change(*each), number=True, order=_order(each[0])) for each in saved),
            )
        )
    return Table(title, head, tuple(body), folded=len(body) > _FOLD)


def _change(share: float, better: str, worse: str) -> str:
    return MISSING if math.isnan(share) else change_words(share, better, worse)


def _order(value: float) -> float | None:
    return None if math.isnan(value) else value


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
    over = sum(is_over(row.reason) for row in rest)
    words = (f"Of {total:,} points {misfit_words(len(rest), over)}.",)
    return Section(anchor="infeasible", title="What did not fit", words=words, tables=(table,))


def _objective(column: str, maximize: bool = False) -> PlotAxis:
    return PlotAxis(title_of(column), unit_of(column), maximize)


def _value(row: SweepRow, column: str) -> float:
    value = float(getattr(row, column))
    return 100 * value if column == "accuracy" else value


def _text(row: SweepRow, column: str) -> str:
    value, unit = _value(row, column), unit_of(column)
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
