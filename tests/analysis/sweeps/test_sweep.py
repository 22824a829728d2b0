"""Sweeps: every point once, nothing lost or repeated, whoever does the work and whatever dies."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.sweeps.cluster import TlsScheduler, keeping_workers
from analysis.sweeps.folder.manifest import Manifest
from analysis.sweeps.folder.results import load_sweep
from analysis.sweeps.folder.store import Store
from analysis.sweeps.sweep import Progress, sweep
from tests.analysis.sweeps.sweep_fakes import (
    analytic,
    breaking_after_five,
    dying,
    dying_once,
    leaving_a_mark,
    make_space,
    make_trace,
    slow,
)
from traces import FileProblem, LacunaError, seal

SMALL = """
designs: edge_npu_16x16
set: {array.rows: 1..4, array.cols: [2, 100], clock: [100 MHz, 200 MHz]}
traces: easy.parquet
"""
ANY_PORT = {
    "dashboard_address": "127.0.0.1:0"
}  # of a scheduler's health checks: clusters of tests run at once


def marks(folder: Path) -> list[tuple[str, ...]]:
    return [tuple(line.split()) for line in (folder / "marks.txt").read_text().splitlines()]


def test_every_point_gets_its_row(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    results = sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    assert [row.index for row in results.rows] == list(range(16))
    frame = results.frame
    assert frame["array.rows"].tolist() == [1] * 4 + [2] * 4 + [3] * 4 + [4] * 4
    best = frame.sort_values("latency_us").iloc[0]
    assert (best["array.rows"], best["array.cols"], best["clock"]) == (1, 100, "200 MHz")


def test_a_policy_has_its_columns(tmp_path: Path) -> None:
    text = "designs: edge_npu_16x16\ntraces: easy.parquet\nset: {array.rows: 4}\npolicies: {batch: [1, 2]}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    assert frame["batch"].tolist() == [1, 2]
    assert frame["prefetch"].tolist() == ["wait", "wait"]
    assert frame["theta"].tolist() == [0.5, 0.5]


def test_infeasible_designs_are_rows(tmp_path: Path) -> None:
    frame = sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic).frame
    infeasible = frame[~frame["feasible"]]
    assert len(infeasible) == 6
    assert set(infeasible["reason"]) == {"too big"}
    assert (infeasible["demand"] > infeasible["bound"]).all()


def test_values_that_do_not_go_together_are_infeasible(tmp_path: Path) -> None:
    axes = "set: {skip.channels: tile, skip.group: [1, 4], array.rows: 4}"
    text = f"designs: edge_npu_16x16\ntraces: easy.parquet\n{axes}"
    frame = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic).frame
    assert frame["feasible"].tolist() == [False, True]
    assert "needs 2 or more" in frame["reason"][0]


def test_points_that_are_the_same_design_are_replayed_once(tmp_path: Path) -> None:
    text = "designs: edge_npu_16x16\ntraces: easy.parquet\nset: {clock: [500 MHz, 0.5 GHz]}"
    results = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=leaving_a_mark)
    assert len(results.rows) == len(marks(tmp_path)) == 1


def test_a_row_gives_its_design_back(tmp_path: Path) -> None:
    text = """
designs: edge_npu_16x16
traces: easy.parquet
set: {memory.weight_buffer: [16 KiB, 32 KiB]}
link: {shape: {to: [array.rows, array.cols], values: [[4, 8], [8, 8]]}}
"""
    results = sweep(make_space(tmp_path, text), tmp_path / "out", workers=0, evaluator=analytic)
    assert [results.design(row.key).hash for row in results.rows] == [r.design_hash for r in results.rows]


def test_two_processes_find_what_one_finds(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    alone = sweep(space, tmp_path / "one", workers=0, evaluator=leaving_a_mark)
    both = sweep(space, tmp_path / "two", workers=2, evaluator=leaving_a_mark)
    assert repr(alone.rows) == repr(both.rows)
    assert len({pid for pid, _ in marks(tmp_path)}) >= 2


def test_progress_tells_how_far_it_is(tmp_path: Path) -> None:
    seen: list[Progress] = []
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic, progress=seen.append)
    assert [p.done for p in seen] == sorted(p.done for p in seen)
    last = seen[-1]
    assert (last.done, last.total, last.reused, last.infeasible, last.seconds_left) == (16, 16, 0, 6, 0)
    assert last.rate_per_s > 0


def test_what_a_bug_interrupts_is_resumed_without_repeating(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    with pytest.raises(RuntimeError, match="a bug"):
        sweep(space, tmp_path / "out", workers=0, evaluator=breaking_after_five)
    kept = {row.key for row in load_sweep(tmp_path / "out").rows}
    assert 0 < len(kept) < 16
    seen: list[Progress] = []
    results = sweep(
        space, tmp_path / "out", workers=0, resume=True, evaluator=leaving_a_mark, progress=seen.append
    )
    assert not kept & {key for _, key in marks(tmp_path)}
    assert len(results.rows) == len({row.key for row in results.rows}) == 16
    assert seen[-1].reused == len(kept)


def test_a_finished_sweep_resumes_to_nothing_to_do(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=leaving_a_mark)
    sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=leaving_a_mark)
    assert len(marks(tmp_path)) == 16


def test_results_are_not_overwritten_unasked(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    with pytest.raises(FileProblem, match="holds results already"):
        sweep(space, tmp_path / "out", workers=0, evaluator=analytic)


def test_another_space_is_refused_with_what_differs(tmp_path: Path) -> None:
    make_trace(tmp_path, "hard", rate=0.9)
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    other = make_space(tmp_path, SMALL.replace("easy", "hard"))
    with pytest.raises(FileProblem, match="of another space: trace_file_hashes differ"):
        sweep(other, tmp_path / "out", workers=0, resume=True, evaluator=analytic)


def test_another_model_version_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(tmp_path, SMALL)
    sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    monkeypatch.setattr("simulator.MODEL_VERSION", "99.0", raising=False)
    with pytest.raises(FileProblem, match=r"results of model version .*, this is 99\.0"):
        sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=analytic)


def test_a_full_disk_leaves_no_part_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = make_space(tmp_path, SMALL)

    def full(*args: object, **kwargs: object) -> None:
        Path(str(args[1])).write_bytes(b"PAR1 half a file")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(pq, "write_table", full)
        with pytest.raises(FileProblem, match="No space left on device"):
            sweep(space, tmp_path / "out", workers=0, evaluator=analytic)
    assert list((tmp_path / "out" / "rows").iterdir()) == []
    again = sweep(space, tmp_path / "out", workers=0, resume=True, evaluator=analytic)
    assert len(again.rows) == 16


@pytest.mark.parametrize("damage", ["truncate", "flip"])
def test_a_damaged_part_is_named(tmp_path: Path, damage: str) -> None:
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    data = bytearray(part.read_bytes())
    data[40] ^= 0xFF
    part.write_bytes(data[:-30] if damage == "truncate" else data)
    with pytest.raises(
        FileProblem, match=r"part-000000.parquet: is (truncated or )?damaged.*; delete it and resume"
    ):
        load_sweep(tmp_path / "out")


def test_a_folder_without_a_sweep_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileProblem, match="holds no sweep"):
        load_sweep(tmp_path)
    (tmp_path / "space.json").write_text("{")
    with pytest.raises(FileProblem, match="is damaged"):
        load_sweep(tmp_path)
    (tmp_path / "space.json").write_text('{"schema_version": "7.0"}')
    with pytest.raises(FileProblem, match=r"schema version 7\.0"):
        load_sweep(tmp_path)


def test_a_killed_local_worker_costs_nothing(tmp_path: Path) -> None:
    results = sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=2, evaluator=dying_once)
    assert (tmp_path / "died").exists()
    assert [row.index for row in results.rows] == list(range(16))


def test_workers_that_keep_dying_end_the_sweep(tmp_path: Path) -> None:
    with pytest.raises(LacunaError, match=r"a worker process died 9 times.*edge_npu_16x16.*resume"):
        sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=1, evaluator=dying)


def test_an_unreachable_scheduler_is_told_quickly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("analysis.sweeps.cluster.CONNECT_SECONDS", 1)
    space = make_space(tmp_path, SMALL)
    with pytest.raises(LacunaError, match="does not answer within 1 s; start one with 'dask scheduler'"):
        sweep(space, tmp_path / "out", scheduler="tcp://127.0.0.1:9", evaluator=analytic)
    assert not (tmp_path / "out").exists()


@pytest.fixture
def cluster(request: pytest.FixtureRequest) -> Iterator[Any]:
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
def test_a_cluster_over_tls(tmp_path: Path) -> None:
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


def test_two_writers_do_not_share_a_folder(tmp_path: Path) -> None:
    space = make_space(tmp_path, SMALL)
    first = Store.open(tmp_path / "out", Manifest.of(space, "1"), resume=False)
    with pytest.raises(FileProblem, match="another sweep or search is writing here"):
        Store.open(tmp_path / "out", Manifest.of(space, "1"), resume=True)
    first.close()
    (tmp_path / "out" / "rows" / ".part-000000.parquet.99999999.x.part").touch()
    Store.open(tmp_path / "out", Manifest.of(space, "1"), resume=True).close()
    assert list((tmp_path / "out" / "rows").iterdir()) == []


def test_a_flipped_bit_in_a_part_is_refused(tmp_path: Path) -> None:
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    whole = part.read_bytes()
    for place in range(0, len(whole), 397):
        part.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(FileProblem, match=part.name):
            load_sweep(tmp_path / "out")
    part.write_bytes(whole)
    assert len(load_sweep(tmp_path / "out").rows) == 16


def test_a_worker_leaves_with_its_parent() -> None:
    """A process whose parent is gone ends by itself."""
    code = (
        "import os, sys, subprocess\n"
        "inner = 'import os, time; from analysis.sweeps.workers import _begin_work; _begin_work(os.getppid()); "
        "print(os.getpid(), flush=True); time.sleep(900)'\n"
        "child = subprocess.Popen([sys.executable, '-c', inner], stdout=subprocess.PIPE, text=True)\n"
        "print(child.stdout.readline(), flush=True)\n"
        "os._exit(0)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=240
    )
    worker = int(done.stdout)
    try:
        while not has_ended(worker):  # as long as pytest lets it
            time.sleep(0.1)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(worker, signal.SIGKILL)


def has_ended(process: int) -> bool:
    """Say whether a process is gone, or waits for somebody to ask how it ended."""
    try:
        return Path(f"/proc/{process}/stat").read_text().split()[2] == "Z"
    except (FileNotFoundError, ProcessLookupError):
        return True


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("latency_us_p99", -1.0),
        ("area_mm2", float("inf")),
        ("accuracy", 7.0),
        ("inputs", -8),
        ("policy", "{"),
        ("reason", None),
    ],
)
def test_a_row_that_no_evaluation_can_have_is_refused(tmp_path: Path, column: str, value: object) -> None:
    """The seal is right: whoever wrote the part meant it."""
    sweep(make_space(tmp_path, SMALL), tmp_path / "out", workers=0, evaluator=analytic)
    part = next((tmp_path / "out" / "rows").iterdir())
    table = pq.read_table(part)
    at = table.column_names.index(column)
    values = [value, *table.column(at).to_pylist()[1:]]
    changed = table.set_column(at, table.schema.field(at), [pa.array(values, table.schema.field(at).type)])
    pq.write_table(changed, part)
    seal(part)
    with pytest.raises(
        FileProblem, match=rf"{part.name}: is damaged: row .*{column}.*; delete it and resume"
    ):
        load_sweep(tmp_path / "out")
