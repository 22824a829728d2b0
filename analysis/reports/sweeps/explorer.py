"""The points of a sweep as columns, for pictures in a page that are brushed, linked and filtered."""

from __future__ import annotations

import json
import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from analysis.names import design_title, network_titles, setting_title
from analysis.reports.sweeps.columns import QUANTITIES, SHOWN, title_of, unit_of
from analysis.words import fitting_unit
from traces import is_number

if TYPE_CHECKING:
    from analysis.sweeps.folder.results import SweepResults
    from analysis.sweeps.row import SweepRow

_DIGITS: Final = 6  # significant digits a page holds
_USUAL: Final = {  # settings of a policy that a command leaves out
    "prefetch": "wait",
    "theta": 0.5,
    "batch": 1,
    "batch_order": "arrival",
    "compaction": "union",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerColumn:
    """One quantity or choice of every point."""

    name: str  # as `lacuna pareto --where` calls it
    title: str
    role: Literal["objective", "measure", "axis"]
    values: tuple[float | None, ...]  # in the column's own unit; of a choice its place among the labels
    labels: tuple[str, ...] = ()  # of a choice, in the order of the space
    shown: tuple[str, ...] = ()  # the same as people write them
    unit: str = ""  # that is shown,
    holds: float = 1.0  # and how many of the column's own it holds
    maximize: bool = False


@dataclass(frozen=True, slots=True)
class ExplorerKind:
    """What points share beside their settings."""

    design: str  # base,
    typed: str  # and as `--design` takes it
    changed: dict[str, str]  # values set over those of the base, the same in all points
    network: str  # as `lacuna replay` takes it
    policy: dict[str, Any]  # as a row holds it, read from JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class ExplorerInfo:
    """All feasible points of a sweep."""

    keys: tuple[str, ...]
    indices: tuple[int, ...]  # of their anchors
    order: tuple[int, ...]  # when each was evaluated, counted among these points
    columns: tuple[ExplorerColumn, ...]  # objectives first, then axes, then other measures
    front: tuple[bool, ...]  # no other beats it in every objective
    energy_scaled: tuple[bool, ...]
    area_scaled: tuple[bool, ...]
    pages: tuple[str, ...]  # where a point's replay is told, "" where it is not
    kinds: tuple[ExplorerKind, ...]
    commands: tuple[str, ...]  # one per kind, with %s for the settings: see settings
    replayed_by: tuple[int, ...]  # the kind of each point
    paths: dict[str, tuple[str, ...]]  # axis: settings it drives
    settings: dict[str, dict[str, tuple[Any, ...]]]  # linked axis: label: value per setting
    fixed: dict[str, str]  # axes that have one value in all points, and that value
    inputs: int | None  # replayed of each network
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Return what the page's script reads."""
        return {
            "keys": self.keys, "indices": self.indices, "order": self.order, "front": self.front,
            "energyScaled": self.energy_scaled, "areaScaled": self.area_scaled, "pages": self.pages,
            "commands": self.commands, "replayedBy": self.replayed_by, "paths": self.paths, "settings": self.settings,
            "space": {  # what a space file of a selection needs beside its points
                "inputs": self.inputs, "minimize": self.minimize, "maximize": self.maximize, "fixed": self.fixed,
                "kinds": [asdict(kind) for kind in self.kinds],
            },
            "columns": [
                {
                    "name": c.name, "title": c.title, "role": c.role, "labels": c.labels, "shown": c.shown,
                    "words": bool(c.labels) and not all(label[:1].isdigit() for label in c.labels if label),
                    "unit": c.unit, "holds": c.holds, "maximize": c.maximize, "values": c.values,
                }
                for c in self.columns
            ],
        }  # fmt: skip


def explorer_info(
    results: SweepResults, rows: Sequence[SweepRow], front: Sequence[bool], pages: Sequence[str]
) -> ExplorerInfo:
    """Return the feasible ``rows`` of a sweep as columns; ``front`` and ``pages`` have one entry per row."""
    manifest = results.manifest
    ranks = {key: i for i, key in enumerate(results.evaluated)}
    order = sorted(range(len(rows)), key=lambda i: ranks.get(rows[i].key, i))
    place = {row: at for at, row in enumerate(order)}
    asked = [(row.design, row.trace, row.policy) for row in rows]
    different = list(dict.fromkeys(asked))
    kinds = tuple(
        ExplorerKind(
            design,
            manifest.design_files.get(design, design),
            _changed(manifest.designs.get(design, {})),
            manifest.traces.get(trace, trace),
            json.loads(policy),
        )
        for design, trace, policy in different
    )
    return ExplorerInfo(
        keys=tuple(row.key for row in rows),
        indices=tuple(row.index for row in rows),
        order=tuple(place[i] for i in range(len(rows))),
        columns=_columns(results, rows),
        front=tuple(front),
        energy_scaled=tuple(row.energy_scaled for row in rows),
        area_scaled=tuple(row.area_scaled for row in rows),
        pages=tuple(pages),
        kinds=kinds,
        commands=tuple(_command(kind, manifest.inputs) for kind in kinds),
        replayed_by=tuple(different.index(one) for one in asked),
        paths={name: tuple(paths) for name, paths in manifest.axes.items()},
        settings={name: dict(labels) for name, labels in manifest.links.items()},
        fixed=_fixed(results, rows),
        inputs=manifest.inputs,
        minimize=manifest.minimize,
        maximize=manifest.maximize,
    )


def _fixed(results: SweepResults, rows: Sequence[SweepRow]) -> dict[str, str]:
    """Return the axes that have one value in all points, and that value."""
    parameters = [json.loads(row.parameters) for row in rows]
    values = {axis: {str(each.get(axis, "")) for each in parameters} for axis in results.manifest.axes}
    return {axis: next(iter(found)) for axis, found in values.items() if len(found) == 1 and found != {""}}


def _changed(design: Mapping[str, Any]) -> dict[str, str]:
    """Return what was set over the values of a base design for all points: `lacuna sweep --set`."""
    changed = design.get("changed", {})
    return {str(path): str(value) for path, value in changed.items()} if isinstance(changed, dict) else {}


def _command(kind: ExplorerKind, limit: int | None) -> str:
    """Return the command that replays a point; its settings go where ``%s`` stands."""
    words = ["lacuna replay", shlex.quote(kind.network), "--design", shlex.quote(kind.typed)]
    words += [shlex.join(["--set", f"{path}={value}"]) for path, value in kind.changed.items()]
    words.append("%s")
    for name, usual in _USUAL.items():
        if name in kind.policy and kind.policy[name] != usual:
            words.append(f"--{name.replace('_', '-')} {kind.policy[name]}")
    words += [f"--without {step}" for step, taken in kind.policy.items() if taken is False]
    words += [f"--limit {limit}"] if limit is not None else []
    return " ".join([*words, "--out DIR"])


def _columns(results: SweepResults, rows: Sequence[SweepRow]) -> tuple[ExplorerColumn, ...]:
    manifest = results.manifest
    objectives = [*manifest.minimize, *manifest.maximize]
    found = [_measure(name, rows, "objective", maximize=name in manifest.maximize) for name in objectives]
    found += [_choice(name, title, values) for name, title, values in _choices(results, rows)]
    found += [_measure(name, rows, "measure") for name in SHOWN if name not in objectives]
    return tuple(column for column in found if column is not None)


def _measure(
    name: str, rows: Sequence[SweepRow], role: Literal["objective", "measure"], *, maximize: bool = False
) -> ExplorerColumn | None:
    """Return a quantity; ``None`` where no point has a value, or it is an axis."""
    if name not in QUANTITIES and not (rows and hasattr(rows[0], name)):
        return None
    values = [float(getattr(row, name)) for row in rows]
    known = [value for value in values if not math.isnan(value)]
    if not known:
        return None
    unit, holds = unit_of(name), 1.0
    if unit == "%":
        holds = 0.01
    elif unit:
        unit, holds = fitting_unit(max(known), unit)
    return ExplorerColumn(
        name=name, title=title_of(name), role=role, unit=unit, holds=holds, maximize=maximize,
        values=tuple(None if math.isnan(value) else float(f"{value:.{_DIGITS}g}") for value in values),
    )  # fmt: skip


def _choices(results: SweepResults, rows: Sequence[SweepRow]) -> list[tuple[str, str, list[str]]]:
    """Return what varies between points beside their figures: axes, design, network and policy."""
    parameters = [json.loads(row.parameters) for row in rows]
    policies = [json.loads(row.policy) for row in rows]
    found = [
        (axis, setting_title(axis), [str(values.get(axis, "")) for values in parameters])
        for axis in results.manifest.axes
    ]
    found.append(("design", "Design", [row.design for row in rows]))
    found.append(("trace", "Network", [row.trace for row in rows]))
    found += [
        (name, setting_title(name), [str(policy[name]) for policy in policies])
        for name in sorted({name for policy in policies for name in policy})
        if all(name in policy for policy in policies)
    ]
    return [each for each in found if len(set(each[2])) > 1]


def _choice(name: str, title: str, values: Sequence[str]) -> ExplorerColumn:
    labels = tuple(dict.fromkeys(values))
    if all(is_number(label) for label in labels):
        labels = tuple(sorted(labels, key=float))
    places = {label: float(i) for i, label in enumerate(labels)}
    titles = network_titles(labels) if name == "trace" else {}
    if name == "design":
        titles = {label: design_title(label) for label in labels}
    return ExplorerColumn(
        name=name, title=title, role="axis", labels=labels, shown=tuple(titles.get(label, label) for label in labels),
        values=tuple(places[value] for value in values),
    )  # fmt: skip
