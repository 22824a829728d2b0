"""A folder of results: what was asked (``space.json``) and one row per point, in Parquet parts.

Every part is written whole or not at all, so a sweep that is killed, or meets a full disk, leaves only
whole rows; what is missing is done again by ``resume``.  A row that two runs both wrote counts once.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from math import inf, isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field, ValidationError, field_validator

from accel_models import Design, assign, has_matrix_unit, parse_design
from analysis.sweeps.budgets import changed_budget, held_against, limit_of
from analysis.sweeps.ranges import Limit
from analysis.sweeps.row import SweepRow, field_kinds
from analysis.sweeps.space import Space
from traces import (
    ConfigError,
    FileProblem,
    Frozen,
    atomic_write,
    check_version,
    clear_parts,
    explain,
    file_bytes,
    parse_json_mapping,
    reading,
    seal,
    shown,
    verify_seal,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from analysis.pareto.front import Front

# Major: readers refuse another; 1.1: parts are sealed; 2.0: trace_file_hash; 2.1: skipped; 2.2: budget.
SWEEP_SCHEMA_VERSION = "2.2"
MANIFEST = "space.json"
ROWS = "rows"

_KINDS = field_kinds()
_JSON = ("parameters", "policy", "utilization", "busy")
_ARROW = {"str": "string", "bool": "bool_", "int": "int64", "float": "float64"}


class Manifest(Frozen):
    """What a folder of results holds the answers to."""

    schema_version: str = SWEEP_SCHEMA_VERSION
    model_version: str
    space_hash: str
    space_text: str  # the space file as it was read
    size: int  # points of the grid
    designs: dict[str, dict[str, Any]]  # base designs in full, by name
    axes: dict[str, tuple[str, ...]]  # axis name -> settings it drives
    links: dict[str, dict[str, tuple[Any, ...]]] = Field(
        default_factory=dict
    )  # linked axis -> label -> value of each setting
    traces: dict[str, str]  # name -> path
    trace_file_hashes: dict[str, str]
    skipped: dict[str, tuple[str, ...]] = Field(default_factory=dict)  # network -> what of it has no price
    inputs: int | None
    minimize: tuple[str, ...]
    maximize: tuple[str, ...]
    budget: dict[str, float] = Field(default_factory=dict)  # quantity -> bound in the unit of its column

    @field_validator("budget")
    @classmethod
    def _check_budget(cls, budget: dict[str, float]) -> dict[str, float]:
        for quantity, limit in budget.items():
            limit_of(quantity, limit)
        return budget

    @classmethod
    def of(cls, space: Space, model_version: str) -> Manifest:
        """Return the manifest of a space."""
        return cls(
            model_version=model_version,
            space_hash=space.hash,
            space_text=space.text,
            size=space.size,
            designs={family.base.name: dict(family.data) for family in space.families},
            axes={axis.name: axis.paths for axis in space.axes},
            links=_links(space),
            traces={trace.name: str(trace.path) for trace in space.traces},
            trace_file_hashes={trace.name: trace.hash for trace in space.traces},
            skipped={trace.name: trace.skipped for trace in space.traces if trace.skipped},
            inputs=space.inputs,
            minimize=space.minimize,
            maximize=space.maximize,
            budget={bound.quantity: bound.limit for bound in space.budget},
        )


class Store:
    """The rows of one folder, open for more."""

    def __init__(self, folder: Path, rows: Sequence[SweepRow], lock: int) -> None:
        self.folder = folder
        self._lock = lock
        self._rows = {row.key: row for row in rows}
        self._unsaved: list[SweepRow] = []
        self._parts = 1 + max((int(part.stem.split("-")[1]) for part in _parts(folder)), default=-1)

    @classmethod
    def open(cls, folder: Path, manifest: Manifest, *, resume: bool) -> Store:
        """Begin a folder, or go on with it.

        Raises
        ------
        FileProblem
            Without ``resume`` if the folder holds results already; with it if they are of another space or
            another version of the model.
        """
        if (folder / MANIFEST).exists() and not resume:
            raise FileProblem(f"{folder}: holds results already; resume them, or name another folder")
        _make(folder / ROWS)
        lock = _lock(folder)
        try:
            for place in (folder, folder / ROWS):
                clear_parts(place)
            if (folder / MANIFEST).exists():
                _check_same(folder, read_manifest(folder), manifest)
            with atomic_write(folder / MANIFEST) as part:  # budget and objectives may be others than before
                part.write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
            return cls(folder, _read_rows(folder), lock)
        except BaseException:
            os.close(lock)
            raise

    def finish(self) -> None:
        """Save, and let other writers in even if that fails."""
        try:
            self.save()
        finally:
            self.close()

    def close(self) -> None:
        """Let other writers in."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def __contains__(self, key: object) -> bool:
        return key in self._rows

    def __getitem__(self, key: str) -> SweepRow:
        return self._rows[key]

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, rows: Iterable[SweepRow]) -> None:
        """Take rows in; they are on the disk after :meth:`save`."""
        for row in rows:
            if row.key not in self._rows:
                self._rows[row.key] = row
                self._unsaved.append(row)

    def save(self) -> None:
        """Write what is not on the disk yet as one more part."""
        if not self._unsaved:
            return
        _write_part(self.folder / ROWS / f"part-{self._parts:06d}.parquet", self._unsaved)
        self._parts += 1
        self._unsaved = []


@dataclass(frozen=True, eq=False, repr=False)
class SweepResults:
    """The rows of a folder in the order of the grid, held against a budget; the table is built once."""

    manifest: Manifest
    found: tuple[SweepRow, ...]  # as evaluated, whatever the budget
    folder: Path
    evaluated: tuple[str, ...] = ()  # keys in the order in which their points were evaluated
    budget: tuple[Limit, ...] = ()
    _cache: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def rows(self) -> tuple[SweepRow, ...]:
        """The rows; those beyond the budget are marked as not feasible and keep their figures."""
        if "rows" not in self._cache:
            self._cache["rows"] = tuple(held_against(row, self.budget) for row in self.found)
        return self._cache["rows"]  # type: ignore[no-any-return]  # put there above

    def under(self, budget: Mapping[str, object] | Iterable[str]) -> SweepResults:
        """Return the same results under a changed budget, e.g. ``{"latency_p99": "5 ms"}``; nothing is replayed.

        See :func:`analysis.sweeps.budgets.changed_budget`.
        """
        return replace(self, budget=changed_budget(self.budget, budget), _cache={})

    @property
    def frame(self) -> pd.DataFrame:
        """One row per point; one column more per setting of the policy, and per axis as the file names it."""
        if "frame" not in self._cache:
            self._cache["frame"] = _frame(self.rows, list(self.manifest.axes))
        return self._cache["frame"].copy()

    def __repr__(self) -> str:
        axes = ", ".join(self.manifest.axes) or "none"
        return f"<SweepResults: {len(self.rows):,} points in {self.folder}; axes {axes}>"

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


def load_sweep(folder: str | Path) -> SweepResults:
    """Return the results in a folder of a sweep or search, under the budget of its space."""
    path = Path(folder)
    found = _read_rows(path)
    rows = sorted(found, key=lambda row: row.index)
    manifest = read_manifest(path)
    budget = tuple(limit_of(quantity, limit) for quantity, limit in manifest.budget.items())
    return SweepResults(manifest, tuple(rows), path, tuple(row.key for row in found), budget)


def read_manifest(folder: Path) -> Manifest:
    """Return what a folder of results was asked."""
    path = folder / MANIFEST
    if not path.is_file():
        raise FileProblem(f"{folder}: holds no sweep: there is no {MANIFEST} in it")
    data = parse_json_mapping(file_bytes(path), f"{path}: is damaged")
    check_version(
        data.get("schema_version"), SWEEP_SCHEMA_VERSION, f"{path}: schema version", "name another folder"
    )
    try:
        return Manifest.model_validate(data)
    except ValidationError as problem:
        raise FileProblem(f"{path}: is damaged: {explain(problem, Manifest)}") from None


def _links(space: Space) -> dict[str, dict[str, tuple[Any, ...]]]:
    """Return what each choice of a linked axis sets, over all families."""
    links: dict[str, dict[str, tuple[Any, ...]]] = {}
    for family in space.families:
        for axis in family.axes:
            if axis.paths != (axis.name,):
                choices = links.setdefault(axis.name, {})
                choices |= {str(axis.label(i)): values for i, values in enumerate(axis.values)}
    return links


def _check_same(folder: Path, old: Manifest, new: Manifest) -> None:
    if old.model_version != new.model_version:
        raise FileProblem(
            f"{folder}: holds results of model version {old.model_version}, this is {new.model_version}: "
            f"their numbers do not compare; name another folder"
        )
    if old.space_hash != new.space_hash:
        differ = [
            name
            for name in ("designs", "axes", "links", "trace_file_hashes", "inputs")
            if getattr(old, name) != getattr(new, name)
        ]
        why = f": {', '.join(differ)} differ" if differ else ""
        raise FileProblem(f"{folder}: holds results of another space{why}; name another folder")


def _parts(folder: Path) -> list[Path]:
    return sorted((folder / ROWS).glob("part-*.parquet"))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise FileProblem(f"{folder}: cannot be made: {problem.strerror}") from None


def _lock(folder: Path) -> int:
    """Return a lock on the folder, which ends with this process; one writer at a time."""
    import fcntl  # noqa: PLC0415  (not on Windows)

    handle = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise FileProblem(
            f"{folder}: another sweep or search is writing here; wait for it, or name another folder"
        ) from None
    return handle


def _arrow_schema() -> pa.Schema:
    import pyarrow as pa  # noqa: PLC0415  (slow to import)

    return pa.schema([(name, getattr(pa, _ARROW[kind])()) for name, kind in field_kinds().items()])


def _write_part(path: Path, rows: Sequence[SweepRow]) -> None:
    import pyarrow as pa  # noqa: PLC0415  (slow to import)
    import pyarrow.parquet as pq  # noqa: PLC0415

    table = pa.Table.from_pylist([asdict(row) for row in rows], schema=_arrow_schema())
    with atomic_write(path) as part:
        pq.write_table(table, part, compression="zstd", write_page_checksum=True)
        seal(part)


def _read_rows(folder: Path) -> list[SweepRow]:
    """Return every row of the folder once."""
    import pyarrow.parquet as pq  # noqa: PLC0415  (slow to import)

    rows: dict[str, SweepRow] = {}
    parts = _parts(folder)
    sealed = bool(parts) and read_manifest(folder).schema_version != "1.0"
    for path in parts:
        with _part_to_delete(path):
            if not verify_seal(path) and sealed:
                raise FileProblem(f"{path}: is damaged: has lost its seal")
            table = pq.read_table(path, page_checksum_verification=True)
            if not table.schema.equals(_arrow_schema()):
                raise FileProblem(f"{path}: has other columns than this tool writes")
            for values in table.to_pylist():
                row = SweepRow(**values)
                _check_row(row, path)
                rows.setdefault(row.key, row)
    return list(rows.values())


@contextmanager
def _part_to_delete(path: Path) -> Iterator[None]:
    """Say of a part that cannot be read what to do about it."""
    try:
        with reading(path):
            yield
    except FileProblem as problem:
        raise FileProblem(f"{problem}; delete it and resume") from None


def _check_row(row: SweepRow, path: Path) -> None:
    """Refuse a row that no evaluation can have: what was found is not negative, and of a feasible row is known."""
    wrong = next((name for name, kind in _KINDS.items() if not _can_be(getattr(row, name), kind)), None)
    if wrong is None and row.feasible:
        wrong = next((name for name in ("latency_us", "energy_uj") if isnan(getattr(row, name))), None)
    if wrong is None and row.accuracy > 1:
        wrong = "accuracy"
    if wrong is not None:
        value = shown(getattr(row, wrong))
        raise FileProblem(f"{path}: is damaged: row {shown(row.key)}: {wrong} = {value} cannot be")
    for name in _JSON:
        parse_json_mapping(getattr(row, name), f"{path}: is damaged: row {shown(row.key)}: {name}")


def _can_be(value: object, kind: str) -> bool:
    """Whether a cell holds what its column holds: a number that is not negative, or one that is not known."""
    match kind:
        case "int":
            return isinstance(value, int) and value >= 0
        case "float":
            return isinstance(value, float) and (isnan(value) or 0 <= value < inf)
        case _:
            return value is not None


def _frame(rows: Sequence[SweepRow], axes: Sequence[str]) -> pd.DataFrame:
    import pandas as pd  # noqa: PLC0415  (slow to import)

    frame = pd.DataFrame([asdict(row) for row in rows], columns=list(field_kinds()))
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
