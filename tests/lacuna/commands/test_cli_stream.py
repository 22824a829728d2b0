"""`lacuna stream`: frames in time, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.lacuna.lacuna_runner import Lacuna
from traces import Gate, SyntheticSettings, save_trace, synthetic_trace
from traces.graphs.build import GraphBuilder, Window

NPU = ("-d", "edge_npu_16x16")


def test_a_camera_that_the_machine_outruns(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    """One frame at a time, each done before the next arrives: latency is the replay's own."""
    options = ("--rate", "30 fps", "--deadline", "33 ms", "--json")
    found = lacuna("stream", trace, *NPU, *options, "--out", tmp_path / "s").json
    assert found["completed"] == 24
    assert found["missed"] == found["dropped"] == 0
    assert found["unstable"] is False
    replayed = lacuna("replay", trace, *NPU, "--out", tmp_path / "r", "--json").json
    assert found["latency_us"] == pytest.approx(replayed["latency_us"])
    assert found["accuracy"] == pytest.approx(replayed["accuracy"])
    assert found == json.loads((tmp_path / "s" / "stream.json").read_text("utf-8"))
    assert len(pd.read_parquet(tmp_path / "s" / "per_frame.parquet")) == 24


def test_arrivals_above_capacity_are_told(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    ran = lacuna("stream", trace, *NPU, "--rate", "1000000 fps", "--queue", 2, "--out", tmp_path / "s")
    assert ran.code == 0, ran.err
    assert "UNSTABLE" in ran.out


def test_recorded_arrivals(lacuna: Lacuna, trace: Path, tmp_path: Path) -> None:
    (tmp_path / "times.txt").write_text("".join(f"{0.001 * i}\n" for i in range(24)))
    options = ("--arrivals", tmp_path / "times.txt", "--json", "--out", tmp_path / "s")
    assert lacuna("stream", trace, *NPU, *options).json["completed"] == 24


@pytest.fixture
def exits(tmp_path: Path) -> Path:
    """Two convolutions with an exit behind each; the second runs if the first exit did not answer."""
    builder = GraphBuilder("exits", 3, 8, 8)
    x = builder.conv("conv0", builder.input, 8, Window.square(3), activation="relu")
    heads = [builder.linear("exit0", builder.global_pool("pool0", x), 10).name]
    mark = len(builder.ops)
    x = builder.conv("conv1", x, 16, Window.square(3), activation="relu")
    heads.append(builder.linear("exit1", builder.global_pool("pool1", x), 10).name)
    guards = tuple(builder.names_since(mark))
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=2,
            reads="exit0",
            guards=guards,
            exits=tuple(heads),
            levels=(0,) * 3,
        )
    )
    save_trace(
        synthetic_trace(builder.finish(), 30, SyntheticSettings(rates=0.5)), tmp_path / "exits.parquet"
    )
    return tmp_path / "exits.parquet"


def test_a_budget_halts_frames_at_the_exit_they_afford(lacuna: Lacuna, exits: Path, tmp_path: Path) -> None:
    """A second is enough for every exit; a nanosecond reaches none."""
    options = (exits, *NPU, "--rate", "30 fps", "--json")
    free = lacuna("stream", *options, "--out", tmp_path / "a").json
    ample = lacuna("stream", *options, "--latency-budget", "1 s", "--out", tmp_path / "b").json
    assert (ample["completed"], free["completed"]) == (15, 30)  # the first half says what exits take
    assert ample["latency_us"]["max"] >= free["latency_us"]["max"]
    short = lacuna("stream", *options, "--latency-budget", "1 ns", "--out", tmp_path / "c")
    assert "budget" in short.message
    assert "first exit" in short.message


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_fits_the_terminal(lacuna: Lacuna, trace: Path, tmp_path: Path, width: int) -> None:
    ran = lacuna("stream", trace, *NPU, "--rate", "30 fps", "--out", tmp_path / "s", width=width)
    assert "…" not in ran.out
    assert all(len(line) <= width for line in ran.out.splitlines() if not line.startswith(("wrote", "next")))


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ((), ("--rate is missing", "30 fps")),
        (("--rate", "30"), ("30", "unit")),
        (("--rate", "0 fps"), ("0",)),
        (("--rate", "30 fps", "--deadline", "33"), ("33", "unit")),
        (("--rate", "30 fps", "--drop", "all"), ("'all'", "newest, oldest")),
        (("--arrivals", "poison", "--rate", "30 fps"), ("--arrivals 'poison'", "poisson")),
        (("--rate", "30 fps", "--dvfs", "slow"), ("--dvfs 'slow'", "SPEED:VOLTAGE")),
        (("--rate", "30 fps", "--dvfs", "1:1,0.5:0.8"), ("must rise",)),
        (("--rate", "30 fps", "--dvfs", "0.5:0.8,1:1", "--in-flight", "2"), ("in_flight = 2",)),
        (("--rate", "30 fps", "--prefetch", "sometimes"), ("prefetch = 'sometimes'",)),
        (("--rate", "30 fps", "--latency-budget", "1 ms"), ("exit",)),
    ],
)
def test_bad_settings(
    lacuna: Lacuna, trace: Path, tmp_path: Path, options: tuple[str, ...], parts: tuple[str, ...]
) -> None:
    ran = lacuna("stream", trace, *NPU, *options, "--out", tmp_path / "s")
    for part in parts:
        assert part in ran.message, ran.message
    assert not (tmp_path / "s").exists()
