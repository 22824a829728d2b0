"""Who does the work of a sweep: this process, processes of this machine, or a Dask cluster.

All take tasks and answer with futures, so a sweep and a search run on any of them.
"""

from __future__ import annotations

import logging
import os
import signal
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    CancelledError,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing import get_context
from threading import Thread, current_thread, main_thread
from time import sleep
from typing import Any, Protocol

from analysis.sweeps.evaluate import SweepTask
from analysis.sweeps.row import SweepRow
from analysis.sweeps.tls import TlsScheduler
from traces import ConfigError, LacunaError, first_line

Evaluator = Callable[..., list[SweepRow]]  # evaluate(task, trace=None), or what stands in for it

LOCAL_CLUSTER = "local"  # as a scheduler: a Dask cluster of this machine's processes
CONNECT_SECONDS = 5
_LOOK_S = 1.0  # between two looks whether the parent lives
_MOST_DEATHS = (
    8  # of workers with one task in hand; Choice: one too big for the memory dies every time, chance not
)


class Workers(Protocol):
    """What runs tasks."""

    count: int  # that work at the same time; 0 is this process
    given_up: tuple[type[Exception], ...]  # what is raised for a task that killed one worker after another

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Begin a task."""

    def restart(self) -> None:
        """Replace workers that died, and what died with them."""


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

    def close(self) -> None:
        """Stop the processes; tasks that have not begun are dropped."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _start(self) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(
            self.count, mp_context=get_context("spawn"), initializer=_begin_work, initargs=(os.getpid(),)
        )


class DaskWorkers:
    """Workers of a Dask cluster; the scheduler gives the tasks of a worker that dies to another.

    With ``scatter`` a trace is sent to all workers once, for they may not see this machine's files.
    """

    def __init__(self, client: Any, *, scatter: bool) -> None:
        from distributed import KilledWorker  # noqa: PLC0415  (optional, and slow to import)

        self.given_up: tuple[type[Exception], ...] = (KilledWorker,)
        self.count = max(1, sum(client.nthreads().values()))
        self._client = client
        self._executor: Executor = client.get_executor(pure=False)
        self._scatter = scatter
        self._sent: dict[str, Any] = {}

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Begin a task on the cluster."""
        if not self._scatter:
            return self._executor.submit(evaluator, task)
        return self._executor.submit(evaluator, task, self._trace(task))

    def restart(self) -> None:
        """Send traces anew: the scheduler replaces workers that died, but not what only they held."""
        if self._client.status != "running":
            raise LacunaError("the scheduler went away and took tasks with it; start it and resume")
        self._sent = {}

    def _trace(self, task: SweepTask) -> Any:
        """Return the handle of a trace on the cluster; only the latest is kept there."""
        if task.trace.hash not in self._sent:
            trace = task.trace.inputs(task.inputs)
            self._sent = {task.trace.hash: self._client.scatter(trace, broadcast=True)}
        return self._sent[task.trace.hash]


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
    count = workers if workers is not None else len(os.sched_getaffinity(0))
    if count < 0:
        raise ConfigError(f"workers = {count}: must be at least 0")
    if scheduler is not None:
        with _dask(scheduler, max(1, count)) as cluster:
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
            finished, _ = wait(pending, return_when=FIRST_COMPLETED)
            lost = []
            for future in finished:
                task = pending.pop(future)
                if _is_lost(future):
                    lost.append(task)
                else:
                    yield task, _answer(workers, future, task)
            if lost:
                lost += pending.values()
                deaths.update(task.requests[0].key for task in lost)
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


def _is_lost(future: Future[list[SweepRow]]) -> bool:
    """Tell whether workers died with a task, or, on a cluster, with the trace that it needed."""
    try:
        return isinstance(future.exception(), BrokenExecutor)
    except CancelledError:
        return True


def _answer(workers: Workers, future: Future[list[SweepRow]], task: SweepTask) -> list[SweepRow]:
    try:
        return future.result()
    except workers.given_up:
        raise _deadly(task, "again and again") from None


def _give_up_after(deaths: Counter[str], lost: list[SweepTask]) -> None:
    """Give up on a task that workers die with again and again; others that were under way die with it by chance."""
    worst = max(lost, key=lambda task: deaths[task.requests[0].key])
    count = deaths[worst.requests[0].key]
    if count > _MOST_DEATHS:
        raise _deadly(worst, f"{count} times")


def _deadly(task: SweepTask, often: str) -> LacunaError:
    names = sorted({request.base for request in task.requests})
    return LacunaError(
        f"a worker process died {often} with the same designs of {', '.join(names)} in hand "
        f"(out of memory?); finished rows are kept: resume with fewer workers"
    )


@contextmanager
def _dask(scheduler: str | TlsScheduler, count: int) -> Iterator[Workers]:
    """Yield the workers of a cluster; a scheduler that does not answer is an error after a few seconds."""
    try:
        import distributed  # noqa: PLC0415  (optional, and slow to import)
    except ModuleNotFoundError:
        raise ConfigError("a scheduler needs Dask: install lacuna[cluster]") from None
    dask: Any = distributed
    if scheduler == LOCAL_CLUSTER:
        with _deaf_to_interrupts():  # workers inherit it: Ctrl-C is the parent's to handle
            cluster = dask.LocalCluster(
                n_workers=count,
                threads_per_worker=1,
                dashboard_address=None,
                scheduler_kwargs={
                    "dashboard_address": "127.0.0.1:0"
                },  # its port for health checks: any free one
                silence_logs=logging.CRITICAL,
            )
        with cluster, dask.Client(cluster) as client:
            client.run(_one_thread)
            yield DaskWorkers(client, scatter=False)
        return
    tls = scheduler if isinstance(scheduler, TlsScheduler) else None
    address = tls.address if tls else scheduler
    try:
        client = dask.Client(address, timeout=CONNECT_SECONDS, security=tls.security() if tls else None)
    except (
        OSError,
        ValueError,
        TypeError,
    ) as problem:  # no answer in time; no address; a certificate that is none
        raise LacunaError(
            f"scheduler {address!r}: does not answer within {CONNECT_SECONDS} s; "
            f"start one with 'dask scheduler' and give its address, e.g. tcp://127.0.0.1:8786 "
            f"({first_line(problem)})"
        ) from None
    with client:
        if not client.nthreads():
            raise LacunaError(
                f"scheduler {address!r}: has no workers; start some with 'dask worker {address}'"
            )
        yield DaskWorkers(client, scatter=True)


@contextmanager
def _deaf_to_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach; only the main thread may ask for it."""
    if current_thread() is not main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin_work(parent: int) -> None:
    """Begin a worker: one thread of arithmetic, and an end when the process that asked for it is gone."""
    _one_thread()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle; this ends with it
    Thread(target=_leave_with, args=(parent,), daemon=True).start()


def _leave_with(parent: int) -> None:
    """Wait until the parent is gone, killed perhaps, and end this process."""
    while os.getppid() == parent:
        sleep(_LOOK_S)
    os._exit(1)


def _one_thread() -> None:
    """Keep a worker to one thread: there is a worker for every CPU."""
    os.environ["OMP_NUM_THREADS"] = "1"
