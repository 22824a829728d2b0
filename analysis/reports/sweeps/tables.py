"""The tables of a sweep: its front, what decides, what did not fit."""

from __future__ import annotations

import importlib.util
import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from analysis.names import design_title, setting_title
from analysis.pareto.front import objectives_of
from analysis.reports.report_page import Cell, Section, Table
from analysis.reports.sweeps.columns import QUANTITIES, text_of, title_of, value_of
from analysis.reports.sweeps.naming import Naming, anchor_of
from analysis.sweeps.budgets import is_over, misfit_words
from analysis.words import MISSING, change_words, percent

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow

_SAVED: Final = ("MACs against dense", "Latency against dense", "Energy against dense")
_FOLD: Final = 40  # Choice: longer tables open on a click


def front_table(title: str, shown: Sequence[SweepRow], naming: Naming, objectives: Sequence[str]) -> Table:
    """Return what rows reach and save, one a line, under what varies between them."""
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
                Cell(design_title(row.design), anchor=anchor_of(row)),
                *(Cell(value := chosen.get(name, ""), number=value[:1].isdigit()) for name in varied),
                *(
                    Cell(text_of(row, column), number=True, order=_order(value_of(row, column)))
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


def _share(value: float, dense: float) -> float:
    return 1 - value / dense if dense else math.nan


def misfit_section(rest: Sequence[SweepRow], naming: Naming, total: int) -> Section:
    """Return why so many of all points have no result."""

    def number(value: float) -> Cell:
        return Cell(MISSING if math.isnan(value) else f"{value:,.0f}", number=True)

    body = tuple(
        (
            Cell(naming.name(row), anchor=anchor_of(row)),
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


def importance_tables(results: SweepResults) -> tuple[Table, ...]:
    """Return how much each axis decides who is among the best, where Optuna is there to tell."""
    if importlib.util.find_spec("optuna") is None:
        return ()
    from analysis.sweeps.sensitivity import importances  # noqa: PLC0415  (pandas and Optuna are slow to import)

    frame, manifest = results.frame, results.manifest
    fits = frame[frame["feasible"].astype(bool)]
    axes = [axis for axis in manifest.axes if fits[axis].nunique() > 1]
    objectives = objectives_of(manifest.minimize, manifest.maximize) if axes else ()
    found = {title_of(each.column): importances(fits, axes, each) for each in objectives}
    told = {title: shares for title, shares in found.items() if any(shares.values())}
    if not told:
        return ()
    head, shares = ("Axis", *told), told.values()
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
