"""Folders of results and sweeps: changed bytes under the old sums, and changed values under new ones."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from random import Random

import pyarrow.parquet as pq

from analysis.sweeps.folder.results import load_sweep
from simulator import load_results, load_stream
from simulator.checksums import write_sums
from tests.fuzz.home import beside, stored
from tests.fuzz.kind import Draw, Kind, as_json, bytes_of, mutated, renumbered
from tests.fuzz.on.traces import columns_changed, sealed_again
from tests.fuzz.oracles import wrong_results

FILES = ("summary.json", "per_input.parquet", "per_op.parquet", "design.yaml", "policy.json")
STREAM_FILES = ("stream.json", "per_frame.parquet")
PART = "part-000000.parquet"
Reader = Callable[[Path], str]


def _plain(folder: Path) -> str:
    load_results(folder)
    return ""


def _summed(folder: Path) -> str:
    """Read a folder whose sums are right, and judge what is in it."""
    write_sums(folder)
    results = load_results(folder)
    return wrong_results(results) if results.feasible else ""


def _stream(folder: Path) -> str:
    load_stream(folder)
    return ""


def _stream_summed(folder: Path) -> str:
    """Read a stream whose sums are right, and judge its figures."""
    write_sums(folder)
    figures = load_stream(folder).figures
    if figures.completed + figures.dropped != figures.frames:
        return f"{figures.completed} and {figures.dropped} of {figures.frames} frames"
    shares = (figures.miss_rate, figures.accuracy, figures.asleep, *figures.busy.values())
    return "" if all(0 <= share <= 1 + 1e-9 for share in shares) else f"shares are {shares}"


def _values(folder: str, name: str) -> Draw:
    def draw(rng: Random) -> bytes:
        data = stored(folder, name)()[0]
        if name.endswith(".parquet"):
            out = io.BytesIO()
            pq.write_table(columns_changed(data, rng), out)
            return out.getvalue()
        if name.endswith(".json"):
            return as_json(mutated(json.loads(data), rng))
        return renumbered(data.decode(), rng).encode()

    return draw


def _sweep(folder: Path) -> str:
    """Read a sweep, and judge its rows."""
    results = load_sweep(folder)
    frame = results.frame
    keys = [row.key for row in results.rows]
    if len(set(keys)) < len(keys):
        return "a row is there twice"
    if not len(frame):
        return ""
    fit = frame[frame.feasible]
    for name in (
        "latency_us",
        "energy_uj",
        "latency_us_p99",
        "energy_uj_max",
        "area_mm2",
        "macs",
        "dram_bytes",
    ):
        known = fit[name].dropna()
        if not ((known >= 0) & (known < float("inf"))).all():
            return f"{name} holds {known.min()} to {known.max()}"
    known = fit.accuracy.dropna()
    return "" if ((known >= 0) & (known <= 1)).all() else f"accuracy holds {known.min()} to {known.max()}"


def _part(rng: Random) -> bytes:
    return sealed_again(columns_changed(stored("sweep", "rows", PART)()[0], rng))


def _manifest(rng: Random) -> bytes:
    return as_json(mutated(json.loads(stored("sweep", "space.json")()[0]), rng))


def _pair(folder: str, name: str, plain: Reader, summed: Reader) -> tuple[Kind, Kind]:
    raw: Callable[[], list[bytes]] = stored(folder, name)
    text = not name.endswith(".parquet")
    return (
        Kind(
            f"{folder}/{name}",
            name,
            bytes_of(raw, text=text),
            beside(folder, name, plain),
            raw,
            sealed=True,
        ),
        Kind(f"{folder}/{name}, summed", name, _values(folder, name), beside(folder, name, summed), raw),
    )


KINDS = (
    *(kind for name in FILES for kind in _pair("results", name, _plain, _summed)),
    *(kind for name in STREAM_FILES for kind in _pair("stream", name, _stream, _stream_summed)),
    Kind(
        "sweep/space.json", "space.json", bytes_of(stored("sweep", "space.json")),
        beside("sweep", "space.json", _sweep), stored("sweep", "space.json"),
    ),
    Kind(
        "sweep/space.json, values", "space.json", _manifest,
        beside("sweep", "space.json", _sweep), stored("sweep", "space.json"),
    ),
    Kind(
        "sweep/part", PART, bytes_of(stored("sweep", "rows", PART), text=False),
        beside("sweep", f"rows/{PART}", _sweep), stored("sweep", "rows", PART), sealed=True,
    ),
    Kind(
        "sweep/part, sealed", PART, _part, beside("sweep", f"rows/{PART}", _sweep), stored("sweep", "rows", PART),
    ),
)  # fmt: skip
