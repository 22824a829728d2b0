"""The rows of a folder as one reads them: in the order of the grid, under a budget, as a table, by their front."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from accel_models import Design, assign, has_matrix_unit, parse_design
from analysis.sweeps.budgets import changed_budget, held_against, limit_of
from analysis.sweeps.folder.manifest import MANIFEST, Manifest, read_manifest
from analysis.sweeps.folder.parts import PartsRead, read_parts
from analysis.sweeps.row import ROW_COLUMNS, SweepRow
from analysis.sweeps.spaces.ranges import Limit
from traces import ConfigError, reading

if TYPE_CHECKING:
    import pandas as pd

    from analysis.pareto.front import Front


_SHOWN = 10  # Choice: points of a look


@dataclass(frozen=True, eq=False, repr=False)
class SweepResults:
    """The rows of a folder in the order of the grid, held against a budget; the table is built once."""

    manifest: Manifest
    found: tuple[SweepRow, ...]  # as evaluated, whatever the budget
    folder: Path
    evaluated: tuple[str, ...] = ()  # keys in the order in which their points were evaluated
    budget: tuple[Limit, ...] = ()

    @cached_property
    def rows(self) -> tuple[SweepRow, ...]:
        """The rows; those beyond the budget are marked as not feasible and keep their figures."""
        return tuple(held_against(row, self.budget) for row in self.found)

    def under(self, budget: Mapping[str, object] | Iterable[str]) -> SweepResults:
        """Return the same results under a changed budget, e.g. ``{"latency_p99": "5 ms"}``; nothing is replayed.

        See :func:`analysis.sweeps.budgets.changed_budget`.
        """
        return replace(self, budget=changed_budget(self.budget, budget))

    @property
    def frame(self) -> pd.DataFrame:
        """One row per point; one column more per setting of the policy, and per axis as the file names it."""
        return self._table.copy()

    @cached_property
    def _table(self) -> pd.DataFrame:
        return _frame(self.rows, list(self.manifest.axes))

    def __repr__(self) -> str:
        axes = ", ".join(self.manifest.axes) or "none"
        return f"<SweepResults: {len(self.rows):,} points in {self.folder}; axes {axes}>"

    def _repr_html_(self) -> str:
        manifest, frame = self.manifest, self.frame
        asked = ["design", "trace", *manifest.axes, *manifest.minimize, *manifest.maximize]
        told = [name for name in ("prefetch", "reason") if frame[name].nunique() > 1]
        shown = frame[[*dict.fromkeys([*asked, *told])]].head(_SHOWN).to_html(index=False)  # escapes
        return f"<div><strong>{escape(repr(self)[1:-1])}</strong>{shown}</div>"

    def to_frame(self) -> pd.DataFrame:
        """Return one row per point, as :attr:`frame`."""
        return self.frame

    def design(self, key: str) -> Design:
        """Return the design of a row, in full."""
        row = next((row for row in self.rows if row.key == key), None)
        if row is None:
            raise ConfigError(f"{self.folder}: no row with key {key!r}")
        with reading(self.folder / MANIFEST, "does not match the rows"):
            return _rebuilt(row, self.manifest)

    @property
    def cores(self) -> tuple[str, ...]:
        """Designs that are processor cores: their area is known without their memories alone."""
        bases = {name: parse_design(data, name) for name, data in sorted(self.manifest.designs.items())}
        return tuple(name for name, base in bases.items() if not has_matrix_unit(base))

    def front(
        self, minimize: Sequence[str] = (), maximize: Sequence[str] = (), *, where: str | None = None
    ) -> Front:
        """Return the Pareto front of the rows that meet a condition; by default in the objectives of the space."""
        from analysis.pareto import select  # noqa: PLC0415  (pandas)
        from analysis.pareto.front import find_front  # noqa: PLC0415  (pandas)

        if not minimize and not maximize:
            minimize, maximize = self.manifest.minimize, self.manifest.maximize
        return find_front(select.where(self.frame, where), minimize, maximize)

    def ranked(self, fronts: int, front: Front, *, where: str | None = None) -> pd.DataFrame:
        """Return the rows of the first fronts in the objectives of one; their column ``front`` counts from 1."""
        from analysis.pareto import select  # noqa: PLC0415  (pandas)

        return select.ranked(select.where(self.frame, where), front.objectives, fronts)


def load_sweep(folder: str | Path, before: PartsRead | None = None) -> SweepResults:
    """Return the results in a folder of a sweep or search, under the budget of its space.

    ``before``: what was read of it already.
    """
    path = Path(folder)
    found = read_parts(path, before or PartsRead()).rows
    rows = sorted(found, key=lambda row: row.index)
    manifest = read_manifest(path)
    budget = tuple(limit_of(quantity, limit) for quantity, limit in manifest.budget.items())
    return SweepResults(manifest, tuple(rows), path, tuple(row.key for row in found), budget)


def _frame(rows: Sequence[SweepRow], axes: Sequence[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (slow to import)

    frame = pd.DataFrame([asdict(row) for row in rows], columns=list(ROW_COLUMNS))
    policies = [json.loads(row.policy) for row in rows]
    for name in sorted({name for policy in policies for name in policy} - set(frame.columns)):
        frame[name] = [policy.get(name) for policy in policies]
    parameters = [json.loads(row.parameters) for row in rows]
    for axis in axes:
        frame[axis] = [values.get(axis) for values in parameters]
    return frame


def _rebuilt(row: SweepRow, manifest: Manifest) -> Design:
    """Return the design of a row from its base and the choices on its axes."""
    data = json.loads(json.dumps(manifest.designs[row.design]))
    for axis, label in json.loads(row.parameters).items():
        values = manifest.links[axis][str(label)] if axis in manifest.links else (label,)
        for path, value in zip(manifest.axes[axis], values, strict=True):
            assign(data, path, value)
    return parse_design(data, row.design)
