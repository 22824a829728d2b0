"""`lacuna stream`: frames in time, and settings that cannot be."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from tests.lacuna.lacuna_runner import Lacuna

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


@pytest.mark.parametrize("width", [80, 120])
def test_the_answer_fits_the_terminal(lacuna: Lacuna, trace: Path, tmp_path: Path, width: int) -> None:
    ran = lacuna("stream", trace, *NPU, "--rate", "30 fps", "--out", tmp_path / "s", width=width)
    assert "…" not in ran.out
    assert all(len(line) <= width for line in ran.out.splitlines() if not line.startswith("wrote"))


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
