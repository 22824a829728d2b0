"""What becomes of answers, traces and a sweep when workers of a Dask cluster go; no cluster is started here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from typing import Any

import pytest

from analysis.sweeps.cluster import DaskWorkers
from analysis.sweeps.evaluate import SweepTask
from analysis.sweeps.row import SweepRow
from analysis.sweeps.sweep import request_of, task_of
from analysis.sweeps.workers import run_tasks
from tests.analysis.sweeps.sweep_fakes import analytic, make_space
from traces import LacunaError

KilledWorker = pytest.importorskip("distributed").KilledWorker
ONE = "designs: edge_npu_16x16\ntraces: [easy.parquet]\nset: {array.rows: [4]}"


class Asked:
    """Stands in for a future of Dask that has ended."""

    def __init__(self, outcome: object) -> None:
        self._outcome = outcome
        self.status = "error" if isinstance(outcome, KilledWorker | ValueError) else "finished"

    def result(self, timeout: float) -> object:
        if isinstance(self._outcome, BaseException):
            raise self._outcome
        return self._outcome

    def exception(self) -> object:
        return self._outcome

    def cancel(self) -> None:
        raise OSError("the cluster is gone")

    def add_done_callback(self, told: Any) -> None:
        told(self)


class Cluster:
    """Stands in for a client of Dask: each task ends as it is told, the last outcome again and again."""

    status = "running"

    def __init__(self, *outcomes: object, workers: int = 1) -> None:
        self._outcomes, self.workers, self.scattered = list(outcomes), workers, 0

    def nthreads(self) -> dict[str, int]:
        return {f"w{i}": 1 for i in range(self.workers)}

    def wait_for_workers(self, count: int, timeout: float) -> None:
        if self.workers < count:
            raise TimeoutError

    def scatter(self, trace: object, *, broadcast: bool, hash: bool) -> object:
        self.scattered += 1
        if self.scattered == 1 and self._outcomes and self._outcomes[0] == "torn":
            del self._outcomes[0]
            raise OSError("a worker went away")
        return trace

    def submit(self, evaluator: Any, task: SweepTask, trace: object, *, pure: bool) -> Asked:
        found = self._outcomes.pop(0) if len(self._outcomes) > 1 else self._outcomes[0]
        return Asked(evaluator(task) if found == "done" else found)


@pytest.fixture
def task(tmp_path: Path) -> SweepTask:
    space = make_space(tmp_path, ONE)
    return task_of(space, 0, 0, [request_of(space, next(iter(space.points())), "1")])


def swept(task: SweepTask, *outcomes: object) -> tuple[list[SweepRow], Cluster]:
    cluster = Cluster(*outcomes)
    workers = DaskWorkers(cluster, scatter=True)
    tasks: Iterator[SweepTask] = iter([task])
    return [row for _, rows in run_tasks(workers, analytic, tasks) for row in rows], cluster


@pytest.mark.parametrize(
    "outcome",
    [
        asyncio.CancelledError("lost-dependencies"),
        OSError("in the middle of the answer"),
        TimeoutError(),
        KilledWorker("t", None, 3),
    ],
)
def test_an_answer_that_went_with_its_worker_is_asked_for_again(task: SweepTask, outcome: object) -> None:
    """Dask's own executor waited for ever for one cancelled while it was gathered."""
    rows, cluster = swept(task, outcome, "done")
    assert len(rows) == 1
    assert cluster.scattered == 2  # only the dead worker may have held the trace


def test_a_trace_that_breaks_off_on_its_way_is_sent_again(task: SweepTask) -> None:
    rows, cluster = swept(task, "torn", "done")
    assert (len(rows), cluster.scattered) == (1, 2)


def test_a_trace_that_nobody_takes_is_offered_again(task: SweepTask) -> None:
    """A worker that died a moment ago is still counted: Dask then finds none to send the trace to."""

    class Late(Cluster):
        def scatter(self, trace: object, *, broadcast: bool, hash: bool) -> object:
            self.scattered += 1
            if self.scattered == 1:
                raise TimeoutError("No valid workers found")
            return trace

    cluster = Late("done")
    found = list(run_tasks(DaskWorkers(cluster, scatter=True), analytic, iter([task])))
    assert (len(found), cluster.scattered) == (1, 2)


def test_a_task_that_kills_every_worker_is_given_up(task: SweepTask) -> None:
    with pytest.raises(LacunaError, match=r"a worker process died 12 times .* edge_npu_16x16"):
        swept(task, KilledWorker("t", None, 3))


def test_a_bug_in_a_task_is_no_death(task: SweepTask) -> None:
    with pytest.raises(ValueError, match="a bug"):
        swept(task, ValueError("a bug"))


def test_a_cluster_without_workers_ends_the_sweep(task: SweepTask, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster("done")
    workers = DaskWorkers(cluster, scatter=True)
    cluster.workers = 0
    monkeypatch.setattr("analysis.sweeps.cluster.CENSUS_S", -1.0)
    workers.look()  # not for two minutes yet
    monkeypatch.setattr("analysis.sweeps.cluster.MOST_IDLE_S", -1.0)
    with pytest.raises(LacunaError, match="no workers left; start some and resume"):
        list(run_tasks(workers, analytic, iter([task])))
    with pytest.raises(LacunaError, match="no workers left"):
        workers.look()


def test_workers_that_join_late_are_given_work(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster("done")
    workers = DaskWorkers(cluster, scatter=True)
    monkeypatch.setattr("analysis.sweeps.cluster.CENSUS_S", -1.0)
    cluster.workers = 3
    workers.look()
    assert workers.count == 3


def test_dropping_what_a_lost_cluster_held_says_nothing(task: SweepTask) -> None:
    class Waiting(Cluster):
        def submit(self, evaluator: Any, task: SweepTask, trace: object, *, pure: bool) -> Any:
            asked = Asked("done")
            asked.add_done_callback = lambda told: None  # type: ignore[method-assign]  # never ends
            return asked

    answer: Future[list[SweepRow]] = DaskWorkers(Waiting("done"), scatter=True).submit(analytic, task)
    assert answer.cancel()


def test_a_call_that_the_scheduler_cuts_short_is_a_death(task: SweepTask) -> None:
    class Gone(Cluster):
        def submit(self, evaluator: Any, task: SweepTask, trace: object, *, pure: bool) -> Any:
            raise RuntimeError("the client is closed")

    with pytest.raises(BrokenExecutor, match="the client is closed"):
        DaskWorkers(Gone("done"), scatter=True).submit(analytic, task)
