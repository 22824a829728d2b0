"""A stream's folder is one thing, and its numbers have ranges."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from accel_models import load_design
from simulator import Arrivals, Budget, Dvfs, DvfsState, StreamSettings, load_stream, stream
from simulator.checksums import SUMS, write_sums
from traces import ConfigError, FileProblem, cifar_resnet, synthetic_trace


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A stream that drops frames: they arrive faster than they are served."""
    folder = tmp_path_factory.mktemp("stream") / "one"
    settings = StreamSettings(arrivals=Arrivals(rate_hz=4e4), frames=40, queue=1, deadline_s=1e-3)
    found = stream(synthetic_trace(cifar_resnet(8, "layer"), 6), load_design("edge_npu_16x16"), settings)
    assert 0 < found.figures.dropped < 40
    found.save(folder)
    return folder


@pytest.fixture
def folder(written: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(written, tmp_path / "copy"))


def test_any_flipped_bit_is_refused(folder: Path) -> None:
    rng = np.random.default_rng(0)
    files = sorted(path for path in folder.iterdir() if path.name != SUMS)
    assert {path.name for path in files} == {"stream.json", "per_frame.parquet", "design.yaml", "policy.json"}
    for i in range(40):
        path = files[i % len(files)]
        whole = path.read_bytes()
        data = bytearray(whole)
        data[rng.integers(len(data))] ^= 1 << int(rng.integers(8))
        path.write_bytes(data)
        with pytest.raises(FileProblem, match=str(folder)):
            load_stream(folder)
        path.write_bytes(whole)
    assert load_stream(folder).figures.frames == 40


def test_sums_that_are_gone_are_missed(folder: Path) -> None:
    (folder / SUMS).unlink()
    with pytest.raises(FileProblem, match=f"has no {SUMS}; stream again"):
        load_stream(folder)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("dropped", 0, "number of dropped frames"),
        ("missed", 1, "number of missed frames"),
        ("completed", 40, "number of completed frames"),
        ("accuracy", 0.999, "the accuracy is"),
        ("energy_uj_per_frame", -1.0, "energy_uj_per_frame"),
        ("busy", {"array": 1.5}, "busy"),
        ("frames", 41, "41 frames in stream.json"),
        ("design_hash", "0" * 16, "another design"),
    ],
)
def test_a_figure_that_is_not_of_the_frames_is_refused(
    folder: Path, name: str, value: object, said: str
) -> None:
    path = folder / "stream.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), name: value}))
    write_sums(folder)
    with pytest.raises(FileProblem, match=said):
        load_stream(folder)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("latency_us", -1.0, "holds NaN, infinite or negative"),
        ("wait_us", math.inf, "holds NaN, infinite or negative"),
        ("energy_pj", math.nan, "holds NaN, infinite or negative"),
        ("frame", 3, "does not count the rows"),
        ("correct", True, "a dropped frame counts as correct|the accuracy is"),
        ("missed", False, "a dropped frame counts as correct, or as in time"),
    ],
)
def test_a_frame_that_cannot_be_is_refused(folder: Path, name: str, value: object, said: str) -> None:
    path = folder / "per_frame.parquet"
    table = pq.read_table(path)
    column = pa.array([value] * len(table), table[name].type)
    pq.write_table(table.set_column(table.column_names.index(name), name, column), path)
    write_sums(folder)
    with pytest.raises(FileProblem, match=said):
        load_stream(folder)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0, 1e308])
def test_numbers_of_a_stream_have_ranges(bad: float) -> None:
    """No number that time or energy cannot be gets as far as a queue."""
    with pytest.raises(ConfigError, match="must rise from 0 or later, all of them finite"):
        Arrivals(kind="recorded", times_s=(0.0, bad if bad < 1e9 else math.inf, 0.5))
    if not bad > 1e300 or bad == math.inf:
        with pytest.raises(ConfigError, match="need a rate above 0"):
            Arrivals(rate_hz=bad)
        with pytest.raises(ConfigError, match="must be above 0 and finite"):
            StreamSettings(arrivals=Arrivals(rate_hz=1.0), deadline_s=bad)
        with pytest.raises(ConfigError, match="must be above 0 and finite"):
            Budget(latency_s=bad)
    with pytest.raises(ConfigError, match=r"dvfs\.slow\.speed"):
        DvfsState(name="slow", speed=bad, voltage=1.0)
    with pytest.raises(ConfigError, match=r"dvfs\.slow\.voltage"):
        DvfsState(name="slow", speed=1.0, voltage=bad)
    with pytest.raises(ConfigError, match=r"dvfs\.switch_s"):
        Dvfs(states=(DvfsState(name="s", speed=1.0, voltage=1.0),), switch_s=bad)


@pytest.mark.parametrize(("kind", "rate"), [("periodic", 1e-300), ("poisson", 1e-12), ("periodic", 1e-9)])
def test_arrivals_beyond_all_cycles_are_refused(kind: str, rate: float) -> None:
    """At 1 GHz a second frame after 2**53 cycles comes after 9,007,199 s; one at that very time is still told apart."""
    with pytest.raises(ConfigError, match=r"needs at most 2\*\*53"):
        Arrivals(kind=kind, rate_hz=rate).cycles(2, 1e9)  # type: ignore[arg-type]
    assert Arrivals(rate_hz=1e9 / 2**53).cycles(2, 1e9).tolist() == [0, 2**53]


@pytest.mark.parametrize(("name", "value"), [("frames", 10**30), ("queue", 10**30), ("in_flight", 1025)])
def test_counts_of_a_stream_have_ranges(name: str, value: int) -> None:
    with pytest.raises(ConfigError, match=rf"stream\.{name} = {value}: must be"):
        StreamSettings(arrivals=Arrivals(rate_hz=1.0), **{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 2**63])
def test_a_seed_that_no_generator_takes_is_refused(seed: int) -> None:
    with pytest.raises(ConfigError, match=rf"arrivals\.seed = {seed}: must be"):
        Arrivals(kind="poisson", rate_hz=1.0, seed=seed)
