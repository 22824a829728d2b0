"""Tables of replays: what skipping is worth, and what estimates would have said."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from analysis.figures.report.time_spent import TIME_PARTS
from analysis.reports.replays.words import energy_saved, latency_saved, macs_saved, waterfall_infos
from analysis.reports.report_page import Cell, Table
from analysis.words import MISSING, change_words, digits, percent, quantity

if TYPE_CHECKING:
    from analysis.paired import Difference
    from analysis.reports.replays.view import ReplayView
    from simulator import Estimate

_FASTER = ("faster", "slower")
_LESS = ("less", "more")


def worth_table(views: Sequence[ReplayView]) -> Table:
    """Return one row per replay: its numbers, what they are against the dense network, and what took most."""
    written = any(view.written is not None for view in views)
    head = (
        "Network", "Design", "Accuracy", "MACs than dense", "Latency", "Latency than dense",
        *(["Latency as written"] if written else []), "p99 latency", "Energy", "Energy than dense",
        *(["Energy as written"] if written else []), "Largest loss of latency",
    )  # fmt: skip
    return Table("All replays", head, tuple(_worth_row(view, written) for view in views))


def _worth_row(view: ReplayView, written: bool) -> tuple[Cell, ...]:
    s, twin = view.figures, view.written
    latency = [_change(latency_saved(s), _FASTER)]
    energy = [_change(energy_saved(s), _LESS)]
    if written:
        latency.append(_change(latency_saved(twin), _FASTER) if twin else Cell(MISSING))
        energy.append(_change(energy_saved(twin), _LESS) if twin else Cell(MISSING))
    return (
        Cell(view.name.network),
        Cell(view.name.label, link=view.name.key),
        _share(s.accuracy),
        _change(macs_saved(s), _LESS),
        _number(s.latency_us.mean, "us"),
        *latency,
        _number(s.latency_us.p99, "us"),
        _number(s.energy_uj.mean, "uJ"),
        *energy,
        _largest(view),
    )


def estimate_tables(views: Sequence[ReplayView]) -> tuple[Table, ...]:
    """Return latency and energy beside their estimates, folded."""
    return (
        _estimates(
            "Latency of one input", views, lambda e: e.latency_us, lambda v: v.figures.latency_us.mean, "us"
        ),
        _estimates(
            "Energy of one input", views, lambda e: e.energy_uj, lambda v: v.figures.energy_uj.mean, "uJ"
        ),
    )


def _estimates(
    title: str,
    views: Sequence[ReplayView],
    value: Callable[[Estimate], float],
    replayed: Callable[[ReplayView], float],
    unit: str,
) -> Table:
    words = [word[0].upper() + word[1:] for word in (views[0].figures.answers if views else ())]
    head = ("Network", "Design", *words, "Per input (mean)")
    rows = []
    for view in views:
        numbers = (*(value(answer) for answer in view.figures.answers.values()), replayed(view))
        name = (Cell(view.name.network), Cell(view.name.label))
        rows.append((*name, *(_number(number, unit) for number in numbers)))
    return Table(title, head, tuple(rows), folded=True)


def op_time_table(view: ReplayView) -> tuple[Table, ...]:
    """Return what each op adds to the mean latency and on what it spends that, folded; none where it is not known."""
    us = 1e6 / view.results.design.clock
    ops = [op for op in view.results.ops if sum(op.latency_parts.values()) > 0]
    parts = [part for part in TIME_PARTS if any(op.latency_parts[part] for op in ops)]
    if not ops:
        return ()
    head = (
        "Op",
        "Unit",
        "Runs",
        "Adds",
        *(TIME_PARTS[part][0] for part in parts),
        "Utilization",
        "DRAM",
        "Energy",
    )
    rows = tuple(
        (
            Cell(op.op),
            Cell(op.unit),
            _share(op.rate),
            _number(us * sum(op.latency_parts.values()), "us"),
            *(_number(us * op.latency_parts[part], "us") for part in parts),
            _share(op.utilization),
            _number(op.dram_bytes_mean, "B"),
            _number(op.energy_pj_mean / 1e6, "uJ"),
        )
        for op in ops
    )
    return (Table("Where the time of each op goes", head, rows, folded=True),)


def paired_row(name: str, row: Difference) -> tuple[Cell, ...]:
    """Return one quantity of a replay beside that of the first."""
    chance = "no" if row.certain else "could explain it"
    relative = MISSING if math.isnan(row.relative) else f"{100 * row.relative:+.1f} %".replace("-", "−")
    order = None if math.isnan(row.relative) else row.relative
    return (
        Cell(name),
        Cell(row.name),
        Cell(digits(row.a), number=True, order=row.a),
        Cell(digits(row.b), number=True, order=row.b),
        Cell(row.unit),
        Cell(relative, number=True, order=order),
        Cell(f"{digits(row.low)} to {digits(row.high)}", number=True),
        Cell(chance),
    )


def _change(share: float, words: tuple[str, str]) -> Cell:
    """Return a share saved in words that are never a negative number; sorted by what is saved."""
    return Cell(change_words(share, *words), number=True, order=share)


def _share(share: float | None) -> Cell:
    return Cell(percent(share), number=True, order=share)


def _number(value: float, unit: str) -> Cell:
    return Cell(quantity(value, unit), number=True, order=value)


def _largest(view: ReplayView) -> Cell:
    loss = waterfall_infos(view.figures)[0].largest_loss
    return Cell(f"{loss.name}, {percent(-loss.change / 100)}" if loss else MISSING)
