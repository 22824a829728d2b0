"""Workers of a Dask cluster: one of this machine, or one that somebody else started."""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import current_thread, main_thread
from time import monotonic, sleep
from typing import Any

from analysis.sweeps.evaluate import Evaluator, SweepTask, one_thread
from analysis.sweeps.row import SweepRow
from traces import ConfigError, FileProblem, LacunaError, first_line

LOCAL_CLUSTER = "local"  # as a scheduler: a Dask cluster of this machine's processes
CONNECT_SECONDS = 5
CENSUS_S = 5.0  # between two looks at who works
MOST_IDLE_S = 120.0  # without any worker; Choice: long enough to start one anew on a busy machine
_AGAIN_S = 0.5  # until a trace that nobody took is offered again
_GATHER_S = 30.0  # for the rows of a task that has ended; Choice: a machine that pages may take that long
_NOBODY = "the cluster has no workers left; start some and resume"


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsScheduler:
    """A Dask scheduler that is reached over TLS, each side proving itself by a certificate of one authority."""

    address: str  # tls://host:8786
    ca: Path  # certificate of the authority (PEM)
    cert: Path  # of this client (PEM)
    key: Path  # to it (PEM)

    def __post_init__(self) -> None:
        if not self.address.startswith("tls://"):
            raise ConfigError(f"scheduler {self.address!r}: TLS needs an address that begins with tls://")
        for name in ("ca", "cert", "key"):
            path = getattr(self, name)
            if not path.is_file():
                raise FileProblem(f"{path}: no such file; TLS needs a {name} file (PEM)")

    def security(self) -> Any:
        """Return it in Dask's words; what is not encrypted is refused."""
        from distributed.security import Security  # noqa: PLC0415  (optional, and slow to import)

        files = {
            "tls_ca_file": str(self.ca),
            "tls_client_cert": str(self.cert),
            "tls_client_key": str(self.key),
        }
        return Security(require_encryption=True, **files)


class DaskWorkers:
    """Workers of a Dask cluster; the scheduler gives the tasks of a worker that dies to another.

    With ``scatter`` a trace is sent to all workers once, for they may not see this machine's files.
    """

    def __init__(self, client: Any, *, scatter: bool) -> None:
        from distributed import KilledWorker  # noqa: PLC0415  (optional, and slow to import)

        self.given_up: tuple[type[Exception], ...] = (KilledWorker,)
        self.count = max(1, sum(client.nthreads().values()))
        self._client = client
        self._scatter = scatter
        self._sent: dict[str, Any] = {}
        self._looked = self._worked = monotonic()

    def submit(self, evaluator: Evaluator, task: SweepTask) -> Future[list[SweepRow]]:
        """Begin a task on the cluster."""
        given = (task, self._trace(task)) if self._scatter else (task,)
        answer: Future[list[SweepRow]] = Future()
        try:
            asked = self._client.submit(evaluator, *given, pure=False)
            asked.add_done_callback(
                partial(_hand_on, answer, given)
            )  # which keeps the trace there until then
        except Exception as problem:  # of a client that lost its scheduler; Dask names no common kind
            raise BrokenExecutor(first_line(problem)) from None
        answer.add_done_callback(partial(_drop, asked))
        return answer

    def restart(self) -> None:
        """Send traces anew: the scheduler replaces workers that died, but not what only they held."""
        if self._client.status != "running":
            raise LacunaError("the scheduler went away and took tasks with it; start it and resume")
        self._sent = {}

    def look(self) -> None:
        """Count workers that joined or left; a cluster without any for two minutes is an error."""
        now = monotonic()
        if now - self._looked < CENSUS_S or self._client.status != "running":
            return
        self._looked = now
        threads = 0
        with suppress(OSError):  # the scheduler is gone, which futures will tell
            threads = sum(self._client.nthreads().values())
        if threads:
            self.count, self._worked = threads, now
        elif now - self._worked > MOST_IDLE_S:
            raise LacunaError(_NOBODY)

    def _trace(self, task: SweepTask) -> Any:
        """Return the handle of a trace on the cluster; only the latest is kept there."""
        last = monotonic() + MOST_IDLE_S
        while task.trace.hash not in self._sent:
            trace = task.trace.inputs(task.inputs)
            try:
                self._client.wait_for_workers(1, timeout=MOST_IDLE_S)
                # under a name of its own each time: Dask forgets data that come under a name that it is
                # about to release, and then waits for them for ever (distributed 2026.8.0)
                self._sent = {task.trace.hash: self._client.scatter(trace, broadcast=True, hash=False)}
            except TimeoutError:  # nobody is there, or whoever was has just gone
                if monotonic() > last:
                    raise LacunaError(_NOBODY) from None
                sleep(_AGAIN_S)
            except Exception as problem:  # a transfer broke off; Dask names no common kind
                raise BrokenExecutor(first_line(problem)) from None
        return self._sent[task.trace.hash]


def _hand_on(answer: Future[list[SweepRow]], given: tuple[object, ...], asked: Any) -> None:
    """Give the outcome of a future of Dask to one of ours; ``BrokenExecutor`` is one that went with its worker.

    Dask's own executor leaves a future pending for ever whose worker dies between the end of the task and
    the gathering of its answer (distributed 2026.8.0, ``cfexecutor._cascade_future``).  Gathering rows takes
    no time; Dask may wait for ever for those of a task that it runs again.
    """
    if not answer.set_running_or_notify_cancel():
        return
    try:
        problem = asked.exception() if asked.status == "error" else None
        if problem is None:
            answer.set_result(asked.result(timeout=_GATHER_S))
    except (Exception, asyncio.CancelledError) as loss:
        problem = BrokenExecutor(first_line(loss))
    if problem is not None:
        answer.set_exception(problem)


def _drop(asked: Any, answer: Future[list[SweepRow]]) -> None:
    """Tell the cluster that nobody waits for an answer any more; one that is gone need not know."""
    if answer.cancelled():
        with suppress(Exception):
            asked.cancel()


@contextmanager
def dask_workers(scheduler: str | TlsScheduler, count: int) -> Iterator[DaskWorkers]:
    """Yield the workers of a cluster; a scheduler that does not answer is an error after a few seconds."""
    try:
        import distributed  # noqa: PLC0415  (optional, and slow to import)
    except ModuleNotFoundError:
        raise ConfigError("a scheduler needs Dask: install lacuna[cluster]") from None
    dask: Any = distributed
    if scheduler == LOCAL_CLUSTER:
        with _deaf_to_interrupts(), keeping_workers():  # workers inherit it: Ctrl-C is the parent's to handle
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
            client.run(one_thread)
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
def keeping_workers() -> Iterator[None]:
    """Start a cluster of this machine that never strikes a worker off which is being started anew.

    By default it does so 15 s after a death, whoever has come in its place (distributed 2026.8.0, ``SpecCluster``).
    Nor do its workers give memory back with every array, look a hundred times a second at what they do, or the event
    loops wake fifty times a second: that took half as much time again as a sweep's tasks.
    """
    import dask  # noqa: PLC0415  (optional, and slow to import)

    spawned = {
        name: value
        for name, value in dask.config.get("distributed.nanny.pre-spawn-environ").items()
        if name != "MALLOC_TRIM_THRESHOLD_"  # 64 KiB: pages come and go with every array
    }
    settings = {
        "distributed.deploy.lost-worker-timeout": "365 days",
        "distributed.nanny.pre-spawn-environ": spawned,
        "distributed.worker.profile.enabled": False,
        "distributed.admin.tick.interval": "1s",
        "distributed.admin.system-monitor.interval": "5s",
    }
    with dask.config.set(settings):
        yield


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
