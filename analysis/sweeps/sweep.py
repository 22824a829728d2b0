"""Walk a space: every point that is not in the folder yet is replayed and its row kept."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from time import monotonic

from analysis.sweeps.cluster import TlsScheduler
from analysis.sweeps.evaluate import Evaluator, SweepTask, evaluate
from analysis.sweeps.folder.manifest import FolderRun, Manifest
from analysis.sweeps.folder.results import SweepResults, load_sweep
from analysis.sweeps.folder.store import Store
from analysis.sweeps.row import Request, SweepRow, row_key
from analysis.sweeps.spaces.space import Point, Space
from analysis.sweeps.workers import open_workers, run_tasks
from traces import ConfigError

SAVE_EVERY_S = 1.0  # Choice: at most so much work is done twice after a kill
TASK_S = (
    1.0  # Choice: of a task; long enough that handing it out costs nothing, short enough to show progress
)
_MOST_IN_TASK = 256
_FEWEST_IN_TASK = 16  # Choice: so many priced together cost a third of one by one ...
_LONGEST_S = 10.0  # Choice: ... but no task is to take longer for that


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a sweep is."""

    done: int  # points with a row, reused ones included
    total: int
    reused: int  # found in the folder
    infeasible: int
    rate_per_s: float  # new rows a second
    seconds_left: float


class Recorder:
    """Puts rows into the store, saves now and then, and tells how far it is."""

    def __init__(self, store: Store, total: int, report: Callable[[Progress], None] | None) -> None:
        self._store = store
        self._total = total
        self._report = report
        self._began = self._saved = monotonic()
        self._fresh = self._reused = self._infeasible = 0

    @property
    def rows_per_second(self) -> float:
        """Rows a second since the start; 0 before the first."""
        return self._fresh / max(monotonic() - self._began, 1e-9)

    def reuse(self, row: SweepRow) -> None:
        """Count a row that is there already."""
        self._reused += 1
        self._infeasible += not row.feasible

    def skip(self) -> None:
        """Count a point whose design, trace and policy are those of an earlier one."""
        self._reused += 1

    def add(self, rows: list[SweepRow]) -> None:
        """Take new rows in."""
        self._store.add(rows)
        self._fresh += len(rows)
        self._infeasible += sum(not row.feasible for row in rows)
        if monotonic() - self._saved > SAVE_EVERY_S:
            self._store.save()
            self._saved = monotonic()
        self.tell()

    def tell(self) -> None:
        """Report the progress to whoever asked for it."""
        if self._report is None:
            return
        done, rate = self._fresh + self._reused, self.rows_per_second
        left = (self._total - done) / rate if rate else float("inf")
        self._report(Progress(done, self._total, self._reused, self._infeasible, rate, left))


def sweep(  # noqa: PLR0913  # what a user may ask of a sweep, all by name
    space: Space,
    folder: str | Path,
    *,
    workers: int | None = None,
    scheduler: str | TlsScheduler | None = None,
    resume: bool = False,
    progress: Callable[[Progress], None] | None = None,
    evaluator: Evaluator = evaluate,
    command: str = "",
) -> SweepResults:
    """Evaluate every point of a space and return the folder's results.

    Parameters
    ----------
    space
        What to walk.
    folder
        Where rows go; made if missing.
    workers, scheduler
        See :func:`analysis.sweeps.workers.open_workers`.
    resume
        Go on with a folder that holds rows of this space and model version.
    progress
        Told after every task.
    evaluator
        What turns a task into rows; must be importable by the workers.
    command
        What was typed for it, kept in the folder.
    """
    space.check_walkable()
    path = Path(folder)
    version = model_version()
    with open_workers(workers, scheduler) as crew:
        store = Store.open(
            path, Manifest.of(space, version, FolderRun(kind="sweep", command=command)), resume=resume
        )
        recorder = Recorder(store, space.size, progress)
        try:
            tasks = _tasks(space, store, recorder, version, max(1, crew.count))
            for _, rows in run_tasks(crew, evaluator, tasks):
                recorder.add(rows)
        finally:
            store.finish()
        recorder.tell()
    return load_sweep(path, store.found)


def request_of(space: Space, point: Point, version: str) -> Request:
    """Return a point as it is sent to a worker."""
    problem, design = "", None
    parameters = json.dumps(space.parameters(point))
    try:
        design = space.design(point)
    except ConfigError as error:
        problem = str(error)
    base = space.families[point.family].base
    trace, policy = space.traces[point.trace], space.policies[point.policy]
    design_hash = design.hash if design else f"{base.hash} {parameters}"
    return Request(
        key=row_key(design_hash, trace.hash, policy, space.inputs, version),
        index=space.index(point),
        base=base.name,
        parameters=parameters,
        design=design,
        design_hash=design.hash if design else "",
        problem=problem,
    )


def task_of(space: Space, trace: int, policy: int, requests: list[Request]) -> SweepTask:
    """Return requests of one trace and policy as a task."""
    return SweepTask(space.traces[trace], space.policies[policy], space.inputs, tuple(requests))


def _tasks(space: Space, store: Store, recorder: Recorder, version: str, workers: int) -> Iterator[SweepTask]:
    """Yield what is not in the store, in batches that take about as long as ``TASK_S``, and are not small."""
    asked: set[str] = set()
    for (trace, policy), points in groupby(space.points(), lambda point: (point.trace, point.policy)):
        batch: list[Request] = []
        for point in points:
            kept = store.of_point(space.index(point))
            if kept is not None:  # to make a design takes a hundred times as long as to look
                recorder.reuse(kept)
                continue
            request = request_of(space, point, version)
            if request.key in store:
                recorder.reuse(store[request.key])
            elif request.key in asked:
                recorder.skip()
            else:
                asked.add(request.key)
                batch.append(request)
            if len(batch) >= _batch_size(recorder.rows_per_second / workers, space.size // (2 * workers)):
                yield task_of(space, trace, policy, batch)
                batch = []
        if batch:
            yield task_of(space, trace, policy, batch)


def _batch_size(pace: float, share: int) -> int:
    """Return designs in a task, from a worker's rows a second so far; one until that is known.

    ``share``: of all designs half of what one worker may get, so that none waits for the others' last task.
    """
    fewest = min(_FEWEST_IN_TASK, share, round(pace * _LONGEST_S))
    return min(max(1, round(pace * TASK_S), fewest), _MOST_IN_TASK)


def model_version() -> str:
    """Return the version of the model whose numbers the rows hold."""
    from simulator import MODEL_VERSION  # noqa: PLC0415  (keeps `import analysis.sweeps.sweep` light)

    return MODEL_VERSION
