"""``lacuna pareto``: the best points of a sweep, and what each of them is."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import and_
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from analysis import digits
from lacuna.console import percent, show_json, show_notes, show_table
from lacuna.options import AsJson, BudgetOption, missing_of_each, takes

if TYPE_CHECKING:
    from pandas import DataFrame

    from analysis import Front, SweepResults

_CHOICES: Final = ("design", "trace", "prefetch", "theta", "batch", "batch_order", "compaction")
_LONG: Final = 16  # Choice: characters of a label from which on shared parts are left out


@dataclass(frozen=True, kw_only=True)
class ParetoOptions:
    """Which points are looked at, in which objectives, and how many are shown."""

    folder: Annotated[Path, typer.Argument(help="Results of a sweep or search.", metavar="DIR")]
    minimize: Annotated[str, typer.Option(help="Columns, comma-separated.")] = ""
    maximize: Annotated[str, typer.Option(help="Columns, comma-separated.")] = ""
    budget: BudgetOption = field(default_factory=list)
    where: Annotated[
        str | None,
        typer.Option(help='Only points that meet this, e.g. "latency_us_p99 <= 5000".', metavar="CONDITION"),
    ] = None
    sort: Annotated[
        str | None,
        typer.Option(help="Column to sort by, smallest first; -COLUMN: largest first.", metavar="COLUMN"),
    ] = None
    best: Annotated[int | None, typer.Option(min=1, help="Only the first N of the front.", metavar="N")] = (
        None
    )
    fronts: Annotated[
        int,
        typer.Option(min=1, help="Also the front of what is left without the first, and so on.", metavar="N"),
    ] = 1
    as_json: AsJson = False

    def points(self, results: SweepResults) -> tuple[Front, DataFrame]:
        """Return the front, and the points of as many fronts as are asked for, in order."""
        from analysis import ordered  # noqa: PLC0415

        chosen: dict[str, Any] = {}
        if self.minimize or self.maximize:
            chosen = {"minimize": _names(self.minimize), "maximize": _names(self.maximize)}
        front = results.front(**chosen, where=self.where)
        found = front.frame if self.fronts == 1 else results.ranked(self.fronts, front, where=self.where)
        return front, found if self.sort is None else ordered(found, self.sort)

    def title(self, front: Front, shown: int, found: int) -> str:
        """Return what is shown, and what is not."""
        from analysis import misfit_words  # noqa: PLC0415

        which = "the front" if self.fronts == 1 else f"the first {self.fronts} fronts"
        told = f"{found} on {which}, {front.dominated} dominated, {misfit_words(front.infeasible, front.over_budget)}"
        told = f"{shown} of {told}" if shown < found else told
        return told if self.where is None else f"Where {self.where}: {told}"


@takes(ParetoOptions)
def pareto(_: typer.Context, asked: ParetoOptions) -> None:
    """Print the points that no other point beats in every objective, of those that meet a condition."""
    from analysis import load_sweep  # noqa: PLC0415

    results = load_sweep(asked.folder).under(asked.budget)
    front, found = asked.points(results)
    rows = found.head(asked.best or len(found)).to_dict("records")
    if asked.as_json:
        told = {"hypervolume": front.hypervolume, "points": _plain(rows)}
        show_json({**told, "skipped": results.manifest.skipped})
        return
    title = asked.title(front, len(rows), len(found))
    if rows:
        _show_points(rows, title, results, front)
    else:
        spans = [_span_of(results.frame, asked.where)] if asked.where else []
        show_notes([f"{title}: no point meets this", *spans])


def _show_points(rows: Sequence[dict[str, Any]], title: str, results: SweepResults, front: Front) -> None:
    """Print the table of points, and what is to be known of it."""
    objectives = [objective.column for objective in front.objectives]
    names = [*_that_differ(results.frame), *(axis for axis in results.manifest.axes if axis in front.frame)]
    labels = {name: what_differs([_choice(row[name]) for row in rows]) for name in names}
    columns = ["point", "mark", *objectives, *_short(names)]
    table = [
        [
            str(row["key"])[:8],
            _mark(row),
            *(_cell(name, row[name]) for name in objectives),
            *(labels[name].cells[i] for name in names),
        ]
        for i, row in enumerate(rows)
    ]
    alike = _alike(columns, table)
    columns, table = _without(columns, table, alike)
    full = dict(zip(_short(names), names, strict=True))
    notes = _of_alike(alike, full)
    notes += [
        f"{name}: every name also holds {' and '.join(each.left_out)}"
        for name, each in labels.items()
        if each.left_out and name in columns
    ]
    notes += _of_settings({short: name for short, name in full.items() if short in columns})
    notes += [f"budget: {', '.join(bound.words for bound in results.budget)}"] if results.budget else []
    notes += _of_areas(results, objectives)
    if any(row.get("doubtful") for row in rows):
        notes += ["doubtful: the x/÷ 2 energy band could put another point in its place"]
    if "batch" in results.frame and int(results.frame["batch"].max()) > 1:
        notes += ["latency is that of a whole batch, MACs, bytes and energy are per input"]
    notes += missing_of_each(results.manifest.skipped)
    described = next((i for i, name in enumerate(columns) if name in full), None)
    show_table(title, columns, table, note="\n".join(notes), second=described)


def _span_of(frame: DataFrame, where: str) -> str:
    """Return from where to where the quantities of a condition reach in the whole sweep."""
    asked = [name for name in re.findall(r"[A-Za-z_][\w.]*", where) if name in frame.columns]
    known = {name: frame[name].dropna() for name in asked if frame[name].dtype.kind in "if"}
    spans = [
        f"{name} goes from {digits(each.min())} to {digits(each.max())}"
        for name, each in known.items()
        if len(each)
    ]
    return "; ".join(spans) or "it asks for no number of this sweep"


@dataclass(frozen=True, slots=True)
class Shortened:
    """Labels without the parts that all of them hold."""

    cells: list[str]
    left_out: list[str] = field(default_factory=list)


def what_differs(labels: Sequence[str]) -> Shortened:
    """Leave out the parts between ``_`` that all long labels hold.

    Of ``lcnet_resnet20_30_cifar10`` and ``exits_resnet20_cifar10`` are left ``lcnet_30`` and ``exits``.
    """
    known = {label: [part for part in label.split("_") if part] for label in labels if label}
    if len(known) < 2 or max(map(len, known)) < _LONG:
        return Shortened(list(labels))
    counts = list(map(Counter, known.values()))
    shared = reduce(and_, counts)
    if any(count == shared for count in counts):  # one would have no name
        shared -= Counter(list(shared.elements())[-1:])
    cut = {label: _without_parts(parts, shared) for label, parts in known.items()}
    if not all(cut.values()) or len(set(cut.values())) < len(cut):
        return Shortened(list(labels))
    return Shortened([cut.get(label, label) for label in labels], list(shared.elements()))


def _without_parts(parts: Sequence[str], left_out: Counter[str]) -> str:
    left, kept = left_out.copy(), []
    for part in parts:
        if left[part]:
            left[part] -= 1
        else:
            kept.append(part)
    return "_".join(kept)


def _of_areas(results: SweepResults, objectives: list[str]) -> list[str]:
    """Say of which designs the area is that of a core alone, where it is compared."""
    from accel_models import CORES_ALONE  # noqa: PLC0415  (pydantic is slow to import)

    cores = results.cores if "area_mm2" in objectives else ()
    if not cores:
        return []
    return [f"{CORES_ALONE} ({', '.join(cores)})"]


def _short(names: list[str]) -> list[str]:
    """Return the last part of each dotted path, where it is enough to tell it from the others."""
    last = [name.rpartition(".")[2] for name in names]
    return [short if last.count(short) == 1 else name for short, name in zip(last, names, strict=True)]


@dataclass(frozen=True, slots=True)
class Alike:
    """What a column says in every row that has one."""

    value: str  # empty where no row has one
    by_all: bool


def _alike(columns: list[str], table: list[list[str]]) -> dict[str, Alike]:
    """Return the columns that say the same in every one of several rows that have one."""
    if len(table) < 2:
        return {}
    found = {}
    for name, values in zip(columns, zip(*table, strict=True), strict=True):
        said = sorted({value for value in values if value})
        if len(said) > 1 or (name == "mark" and said and not all(values)):
            continue
        found[name] = Alike(said[0] if said else "", all(values))
    return found


def _of_alike(alike: Mapping[str, Alike], full: Mapping[str, str]) -> list[str]:
    """Say what all rows have, and what all have that have one."""
    notes = []
    for who, by_all in (("all have", True), ("all that have one have", False)):
        told = [
            f"{full.get(name, name)} {each.value}"
            for name, each in alike.items()
            if each.value and each.by_all == by_all
        ]
        notes += [f"{who} {', '.join(told)}"] if told else []
    return notes


def _of_settings(full: Mapping[str, str]) -> list[str]:
    """Say in full the settings whose last part stands above a column."""
    told = [f"{short} is {name}" for short, name in full.items() if short != name]
    return [", ".join(told)] if told else []


def _without(
    columns: list[str], table: list[list[str]], left_out: Collection[str]
) -> tuple[list[str], list[list[str]]]:
    """Return a table without some of its columns."""
    kept = [i for i, name in enumerate(columns) if name not in left_out]
    return [columns[i] for i in kept], [[row[i] for i in kept] for row in table]


def _that_differ(frame: DataFrame) -> list[str]:
    """Return what of design, trace and policy is not the same for all points."""
    return [name for name in _CHOICES if name in frame and frame[name].nunique() > 1]


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


def _cell(name: str, value: float) -> str:
    return percent(value) if name == "accuracy" else digits(float(value))


def _choice(value: object) -> str:
    """Return a value of an axis; nothing where the design has no such setting."""
    if isinstance(value, float):
        return "" if math.isnan(value) else f"{value:g}"
    return "" if value is None else str(value)


def _mark(row: dict[str, Any]) -> str:
    marks = [mark for mark in ("knee", "doubtful") if row.get(mark)]
    return " ".join([f"front {row['front']}", *marks] if "front" in row else marks)


def _plain(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with NumPy's numbers as Python's."""
    return [
        {name: value.item() if hasattr(value, "item") else value for name, value in row.items()}
        for row in rows
    ]
