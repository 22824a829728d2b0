"""Paired comparisons: known differences, honest intervals, refused mismatches."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from analysis.paired import Difference, PairedComparison, compare
from simulator import Policy
from traces import ConfigError, UnsupportedError


@dataclass
class Design:
    name: str
    changed: dict[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        return self.name


@dataclass
class Replay:
    """What a comparison reads of a replay."""

    design: Design
    per_input: pd.DataFrame
    feasible: bool = True
    reason: str = ""
    policy: Policy = field(default_factory=Policy)
    figures: SimpleNamespace = field(
        default_factory=lambda: SimpleNamespace(network="net", skipped=(), batch=1)
    )


def replay(latency: np.ndarray, name: str = "d", labels: np.ndarray | None = None) -> Replay:
    n = len(latency)
    frame = pd.DataFrame(
        {
            "label": np.arange(n) % 10 if labels is None else labels,
            "correct": np.arange(n) % 10 != 0,
            "macs": np.full(n, 2_000_000),
            "latency_us": latency,
            "energy_pj": latency * 1e6,
            "dram_bytes": np.full(n, 4000),
            "wasted_bytes": np.zeros(n),
        }
    )
    return Replay(Design(name), frame)


def compared(a: Replay, b: Replay, **settings: object) -> dict[str, Difference]:
    result: PairedComparison = compare(a, b, **settings)  # type: ignore[arg-type]
    return {row.name: row for row in result.rows}


HARD = np.random.default_rng(1).gamma(4.0, 50.0, 400)  # what makes inputs hard for both


def test_units_and_values_by_hand() -> None:
    rows = compared(replay(np.full(100, 10.0)), replay(np.full(100, 12.0)))
    latency = rows["latency"]
    assert (latency.a, latency.b, latency.difference) == (10, 12, 2)
    assert (latency.low, latency.high, latency.certain) == (2, 2, True)
    assert latency.relative == pytest.approx(0.2)
    assert rows["accuracy"].a == pytest.approx(90)
    assert rows["MACs"].a == pytest.approx(2)
    assert rows["DRAM traffic"].a == pytest.approx(4)
    assert rows["energy"].difference == pytest.approx(2)


def test_what_does_not_differ_is_not_certain() -> None:
    rows = compared(replay(HARD), replay(HARD))
    assert all(row.difference == row.low == row.high == 0 and not row.certain for row in rows.values())


def test_pairing_sees_a_small_difference_under_large_variance() -> None:
    """3 us below a spread of 100 us among inputs: unpaired intervals would be +-10 us wide."""
    latency = compared(replay(HARD), replay(HARD - 3))["latency"]
    assert latency.difference == pytest.approx(-3)
    assert latency.certain
    assert latency.high - latency.low < 0.1


def test_the_interval_agrees_with_the_normal_one() -> None:
    """Independent noise: the bootstrap of a mean meets mean +- 1.96 s / sqrt(n)."""
    noise = np.random.default_rng(2).normal(1.0, 20.0, 400)
    latency = compared(replay(HARD), replay(HARD + noise))["latency"]
    half = 1.96 * noise.std() / np.sqrt(400)
    assert latency.low == pytest.approx(noise.mean() - half, abs=0.2)
    assert latency.high == pytest.approx(noise.mean() + half, abs=0.2)
    assert not latency.certain


def test_the_tail_is_compared_on_its_own() -> None:
    """Only the slowest hundredth differs: the mean hardly moves, p99 does."""
    slow = np.where(np.arange(400) >= 380, 500.0, 100.0)
    rows = compared(replay(np.full(400, 100.0)), replay(slow))
    assert rows["latency p99"].difference == 400
    assert rows["latency p99"].certain
    assert rows["latency"].difference == 20


def test_the_same_seed_gives_the_same_interval() -> None:
    other = HARD + np.random.default_rng(3).normal(0, 5, 400)
    first, again, new = (compared(replay(HARD), replay(other), seed=seed)["latency"] for seed in (7, 7, 8))
    assert first == again
    assert first != new


def test_the_level_widens_the_interval() -> None:
    other = HARD + np.random.default_rng(3).normal(0, 5, 400)
    narrow, wide = (compared(replay(HARD), replay(other), level=level)["latency"] for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_a_frame_holds_every_quantity() -> None:
    frame = compare(replay(HARD, "a"), replay(HARD, "b")).frame()  # type: ignore[arg-type]
    assert frame["name"].tolist()[:3] == ["accuracy", "MACs", "latency"]


@pytest.mark.parametrize(
    ("b", "why"),
    [
        (replay(HARD[:-1]), "A has 400 inputs, B 399"),
        (replay(HARD, labels=np.arange(400)[::-1] % 10), "not the same inputs"),
        (
            Replay(Design("tiny"), pd.DataFrame(), False, "the weight buffer is too small"),
            r"B \(tiny\) does not",
        ),
    ],
)
def test_replays_of_other_inputs_are_refused(b: Replay, why: str) -> None:
    with pytest.raises(UnsupportedError, match=why):
        compare(replay(HARD), b)  # type: ignore[arg-type]


@pytest.mark.parametrize("settings", [{"level": 1.0}, {"level": 0.0}, {"resamples": 0}, {"seed": -1}])
def test_bad_settings_are_refused(settings: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="must be"):
        compare(replay(HARD), replay(HARD), **settings)  # type: ignore[arg-type]
