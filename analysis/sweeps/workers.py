"""Who does the work of a sweep: this process, processes of this machine, or a Dask cluster.

All take tasks and answer with futures, so a sweep and a search run on any of them.
"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Thread
from time import sleep
from typing import Protocol

from analysis.sweeps.cluster import CENSUS_S, TlsScheduler, dask_workers
from analysis.sweeps.evaluate import Evaluator, SweepTask, one_thread
from analysis.sweeps.row import SweepRow
from traces import ConfigError, LacunaError

_LOOK_S = 1.0  # between two looks whether the parent lives
_MOST_DEATHS = (
    8  # of workers with one task in hand; Choice: one too big for the memory dies every time, chance not
)
_DASK_DEATHS = 4  # with one task in hand, after which Dask gives up on it (its allowed-failures, 3, and one)


class Workers(Protocol):
    """What runs tasks."""

    count: int  # that work at the same time; 0 is this process
    given_up: tuple[type[Exception], ...]  # what is raised for a task that killed one worker after another

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Begin a task."""

    def restart(self) -> None:
        """Replace workers that died, and what died with them."""

    def look(self) -> None:
        """Look now and then who works; ``LacunaError`` if nobody is left."""


class InProcess:
    """Each task runs here, when it is submitted."""

    count = 0
    given_up: tuple[type[Exception], ...] = ()

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Run the task and return its finished future."""
        future: Future[list[SweepRow]] = Future()
        future.set_result(evaluator(task))
        return future

    def restart(self) -> None:
        """Nothing to replace."""

    def look(self) -> None:
        """Nobody else works."""


class LocalProcesses:
    """Processes of this machine, started afresh, so that no thread or lock is copied into them."""

    given_up: tuple[type[Exception], ...] = ()  # run_tasks counts for itself

    def __init__(self, count: int) -> None:
        self.count = count
        self._pool = self._start()

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Begin a task in one of the processes."""
        return self._pool.submit(evaluator, task)

    def restart(self) -> None:
        """Start all processes anew; a pool that lost one takes no more work."""
        self.close()
        self._pool = self._start()

    def look(self) -> None:
        """Nothing to see: the pool itself tells when a process died."""

    def close(self) -> None:
        """Stop the processes; tasks that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.count, mp_context=get_context("spawn"), initializer=_begin_work, initargs=(os.getpid(),)
        )


@contextmanager
def open_workers(
    workers: int | None = None, scheduler: str | TlsScheduler | None = None
) -> Iterator[Workers]:
    """Yield who does the work, and dismiss them afterwards.

    Parameters
    ----------
    workers
        Processes of this machine; ``None`` is one per CPU, 0 runs everything in this process.
    scheduler
        Address of a Dask scheduler (``tcp://host:8786``), or ``local`` for a Dask cluster of ``workers``
        processes on this machine.  One at ``tls://host:8786`` is a :class:`TlsScheduler`, or has its
        certificates in Dask's own configuration.
    """
    count = workers if workers is not None else _cores()
    if count < 0:
        raise ConfigError(f"workers = {count}: must be at least 0")
    if scheduler is not None:
        with dask_workers(scheduler, max(1, count)) as cluster:
            yield cluster
    elif count == 0:
        yield InProcess()
    else:
        pool = LocalProcesses(count)
        try:
            yield pool
        finally:
            pool.close()


def run_tasks(
    workers: Workers, evaluator: Evaluator, tasks: Iterator[SweepTask]
) -> Iterator[tuple[SweepTask, list[SweepRow]]]:
    """Yield each task with its rows, in the order in which they finish.

    Few tasks are under way at a time, so ``tasks`` may be long and may react to what was yielded.  What a
    dead worker had not answered is asked again.
    """
    pending: dict[Future[list[SweepRow]], SweepTask] = {}
    deaths = Counter[str]()  # of workers while a task was under way, by its first request
    try:
        while True:
            while len(pending) < max(1, 2 * workers.count) and (task := next(tasks, None)) is not None:
                pending[_begun(workers, evaluator, task)] = task
            if not pending:
                return
            finished, _ = wait(pending, timeout=CENSUS_S, return_when=FIRST_COMPLETED)
            workers.look()
            lost = []
            for future in finished:
                task = pending.pop(future)
                if died := _died_with(workers, future):
                    deaths[task.requests[0].key] += died
                    lost.append(task)
                else:
                    yield task, future.result()
            if lost:
                deaths.update(task.requests[0].key for task in pending.values())
                lost += pending.values()
                _give_up_after(deaths, lost)
                for future in pending:
                    future.cancel()
                workers.restart()
                pending = {_begun(workers, evaluator, task): task for task in lost}
    finally:
        for future in pending:
            future.cancel()


def _begun(workers: Workers, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
    """Submit a task; if a worker has died a moment ago, the future says so as those of its tasks do."""
    try:
        return workers.submit(evaluator, task)
    except BrokenExecutor as death:
        dead: Future[list[SweepRow]] = Future()
        dead.set_exception(death)
        return dead


def _died_with(workers: Workers, future: Future[list[SweepRow]]) -> int:
    """Return how many workers died with a task, or, on a cluster, with the trace that it needed or its answer."""
    try:
        problem = future.exception()
    except CancelledError:
        return 1
    if isinstance(problem, workers.given_up):
        return _DASK_DEATHS
    return int(isinstance(problem, BrokenExecutor))


def _give_up_after(deaths: Counter[str], lost: list[SweepTask]) -> None:
    """Give up on a task that workers die with again and again; others that were under way die with it by chance."""
    worst = max(lost, key=lambda task: deaths[task.requests[0].key])
    count = deaths[worst.requests[0].key]
    if count > _MOST_DEATHS:
        names = sorted({request.base for request in worst.requests})
        raise LacunaError(
            f"a worker process died {count} times with the same designs of {', '.join(names)} in hand "
            f"(out of memory?); finished rows are kept: resume with fewer workers"
        )


def _begin_work(parent: int) -> None:
    """Begin a worker: one thread of arithmetic, and an end when the process that asked for it is gone."""
    one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; this ends with it
    Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """Wait until the parent is gone, killed perhaps, and end this process."""
    while os.getppid() == parent:
        sleep(_LOOK_S)
    os._exit(1)


def _cores() -> int:
    """Return how many cores this process may run on."""
    return len(os.sched_getaffinity(0))
