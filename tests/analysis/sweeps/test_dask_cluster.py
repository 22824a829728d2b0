"""Sweeps on a Dask cluster: workers and schedulers that go away, and a cluster over TLS."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from analysis.sweeps.cluster import TlsScheduler, keeping_workers
from analysis.sweeps.sweep import Progress, sweep
from tests.analysis.sweeps.sweep_fakes import (
    SMALL,
    analytic,
    dying,
    dying_once,
    leaving_a_mark,
    make_space,
    slow,
)
from traces import LacunaError

ANY_PORT = {
    "dashboard_address": "127.0.0.1:0"
}  # of a scheduler's health checks: clusters of tests run at once


CONNECT_SECONDS = "analysis.sweeps.cluster.CONNECT_SECONDS"


def test_an_unreachable_scheduler_is_told_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(CONNECT_SECONDS, 1)
    space = make_space(tmp_path, SMALL)
    with pytest.raises(LacunaError, match="does not answer within 1 s; start one with 'dask scheduler'"):
        sweep(space, tmp_path / "out", scheduler="tcp://127.0.0.1:9", evaluator=analytic)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def cluster(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setattr(CONNECT_SECONDS, 200)  # how soon is the machine's business
    distributed = pytest.importorskip("distributed")
    count = getattr(request, "param", 2)
    with (
        keeping_workers(),
        distributed.LocalCluster(
            n_workers=count, threads_per_worker=1, dashboard_address=None, scheduler_kwargs=ANY_PORT
        ) as running,
    ):
        yield running


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_a_dask_worker_that_alone_held_the_trace_costs_nothing(tmp_path: Path, cluster: Any) -> None:
    """What was sent to the only worker is lost with it, and Dask cancels what needs it."""
    space = make_space(tmp_path, SMALL)
    address = cluster.scheduler_address
    results = sweep(space, tmp_path / "out", scheduler=address, evaluator=dying_once)
    assert (tmp_path / "died").exists()
    assert [row.index for row in results.rows] == list(range(16))


@pytest.mark.slow
@pytest.mark.parametrize("cluster", [1], indirect=True)
def test_a_task_that_kills_every_dask_worker_ends_the_sweep(tmp_path: Path, cluster: Any) -> None:
    space = make_space(tmp_path, SMALL)
    address = cluster.scheduler_address
    with pytest.raises(LacunaError, match=r"a worker process died .* edge_npu_16x16.*resume"):
        sweep(space, tmp_path / "out", scheduler=address, evaluator=dying)


@pytest.mark.slow
def test_a_scheduler_that_goes_away_is_named(tmp_path: Path, cluster: Any) -> None:
    space = make_space(tmp_path)  # 1,000 points

    def close(progress: Progress) -> None:
        if progress.done >= 40:
            cluster.close()

    address = cluster.scheduler_address
    with pytest.raises(LacunaError, match="scheduler went away and took tasks with it; start it and resume"):
        sweep(space, tmp_path / "out", scheduler=address, evaluator=slow, progress=close)


@pytest.mark.slow
def test_a_dask_worker_killed_in_mid_sweep_costs_nothing(tmp_path: Path, cluster: Any) -> None:
    """Two workers, one shot after the first rows; the other and its successor finish, nothing is lost."""
    space = make_space(tmp_path)  # 1,000 points
    killed: list[int] = []

    def kill_one(progress: Progress) -> None:
        if progress.done >= 40 and not killed:
            pid = cluster.workers[0].pid
            killed.append(pid)
            threading.Thread(target=os.kill, args=(pid, signal.SIGKILL)).start()

    results = sweep(
        space,
        tmp_path / "out",
        scheduler=cluster.scheduler_address,
        evaluator=leaving_a_mark,
        progress=kill_one,
    )
    assert killed
    assert [row.index for row in results.rows] == list(range(1000))
    alone = sweep(space, tmp_path / "alone", workers=0, evaluator=analytic)
    assert repr(alone.rows) == repr(results.rows)


@pytest.mark.slow
def test_a_cluster_of_this_machine(tmp_path: Path) -> None:
    pytest.importorskip("distributed")
    results = sweep(
        make_space(tmp_path, SMALL), tmp_path / "out", workers=2, scheduler="local", evaluator=slow
    )
    assert len(results.rows) == 16


@pytest.mark.parametrize(
    ("missing", "address", "said"),
    [
        ("", "tcp://127.0.0.1:9", "TLS needs an address that begins with tls://"),
        ("ca", "tls://127.0.0.1:9", r"ca\.pem: no such file; TLS needs a ca file"),
        ("key", "tls://127.0.0.1:9", r"key\.pem: no such file; TLS needs a key file"),
    ],
)
def test_tls_needs_its_files_and_address(tmp_path: Path, missing: str, address: str, said: str) -> None:
    files = {name: tmp_path / f"{name}.pem" for name in ("ca", "cert", "key")}
    for name in {*files} - {missing}:
        files[name].touch()
    with pytest.raises(LacunaError, match=said):
        TlsScheduler(address=address, **files)


def _made(folder: Path, name: str, signed_by: str = "") -> Path:
    """Make a key and a certificate, its own authority if nobody signs it."""
    subject = ["-subj", f"/CN={name}", "-days", "2", "-nodes", "-newkey", "ec:" + str(folder / "curve.pem")]
    signer = ["-CA", f"{signed_by}.pem", "-CAkey", f"{signed_by}.key"] if signed_by else []
    made = ["-keyout", f"{name}.key", "-out", f"{name}.pem"]
    command = ["openssl", "req", "-x509", *subject, *signer, *made]
    if not (folder / "curve.pem").exists():
        curve = ["openssl", "ecparam", "-name", "prime256v1", "-out", "curve.pem"]
        subprocess.run(curve, cwd=folder, check=True, capture_output=True)
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return folder / f"{name}.pem"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("openssl") is None, reason="certificates are made with openssl")
def test_a_cluster_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client of the same authority is served; one of another authority is not, nor one without certificates."""
    distributed = pytest.importorskip("distributed")
    ca, own, stranger = _made(tmp_path, "ca"), _made(tmp_path, "own", "ca"), _made(tmp_path, "stranger")
    key = {"tls_ca_file": str(ca)}
    key |= {f"tls_{role}_cert": str(own) for role in ("scheduler", "worker", "client")}
    key |= {f"tls_{role}_key": str(own.with_suffix(".key")) for role in ("scheduler", "worker", "client")}
    security = distributed.Security(require_encryption=True, **key)
    space = make_space(tmp_path, SMALL)
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        dashboard_address=None,
        scheduler_kwargs=ANY_PORT,
        security=security,
        protocol="tls://",
    ) as running:
        address = running.scheduler_address
        assert address.startswith("tls://")
        trusted = TlsScheduler(address=address, ca=ca, cert=own, key=own.with_suffix(".key"))
        with monkeypatch.context() as patience:
            patience.setattr(CONNECT_SECONDS, 200)
            assert len(sweep(space, tmp_path / "out", scheduler=trusted, evaluator=analytic).rows) == 16
        foreign = TlsScheduler(address=address, ca=stranger, cert=stranger, key=stranger.with_suffix(".key"))
        with pytest.raises(LacunaError, match="does not answer within"):
            sweep(space, tmp_path / "no", scheduler=foreign, evaluator=analytic)
        with pytest.raises(LacunaError, match="does not answer within"):
            sweep(space, tmp_path / "no", scheduler=address, evaluator=analytic)
        broken = TlsScheduler(
            address=address, ca=ca, cert=tmp_path / "curve.pem", key=own.with_suffix(".key")
        )
        with pytest.raises(LacunaError, match="does not answer within"):
            sweep(space, tmp_path / "no", scheduler=broken, evaluator=analytic)
