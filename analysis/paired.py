"""Two replays of the same inputs side by side: what differs, and whether chance could explain it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.reports.replays.names import told_apart
from analysis.words import batch_words
from traces import Card, ConfigError, Floats, Ints, UnsupportedError, check_seed, unpriced_words

if TYPE_CHECKING:
    import pandas as pd

    from simulator import Results

Statistic = Callable[[Floats], Floats]  # (resamples, inputs) or (inputs,) -> one number per resample

_CHUNK = 2_000_000  # draws held in memory at a time


def _mean(values: Floats) -> Floats:
    return np.asarray(values.mean(axis=-1))


def _p99(values: Floats) -> Floats:
    return np.asarray(np.percentile(values, 99, axis=-1))


_QUANTITIES: Final[tuple[tuple[str, str, str, float, Statistic], ...]] = (
    # name, unit, column of per_input, factor to the unit, statistic
    ("accuracy",     "%",  "correct",       100.0, _mean),
    ("MACs",         "M",  "macs",          1e-6,  _mean),
    ("latency",      "us", "latency_us",    1.0,   _mean),
    ("latency p99",  "us", "latency_us",    1.0,   _p99),
    ("energy",       "uJ", "energy_pj",     1e-6,  _mean),
    ("energy p99",   "uJ", "energy_pj",     1e-6,  _p99),
    ("DRAM traffic", "kB", "dram_bytes",    1e-3,  _mean),
    ("wasted bytes", "kB", "wasted_bytes",  1e-3,  _mean),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Difference:
    """One quantity of both replays; the interval is of ``difference`` = b - a."""

    name: str
    unit: str
    a: float
    b: float
    difference: float
    low: float
    high: float
    relative: float  # b / a - 1; NaN if a is 0
    certain: bool  # the interval leaves out 0


@dataclass(frozen=True, slots=True, repr=False)
class PairedComparison(Card):
    """All quantities of two replays of the same inputs."""

    a: str  # design, changed settings, policy; with the network where that differs
    b: str
    inputs: int
    level: float  # of the intervals [0..1]
    rows: tuple[Difference, ...]
    notes: tuple[str, ...] = ()  # to be read before the figures

    def facts(self) -> list[tuple[str, str]]:
        """Return what it is of, and the answer in short."""
        return [
            ("A", self.a),
            ("B", self.b),
            ("inputs", f"{self.inputs:,}"),
            ("quantities", f"{len(self.rows)}"),
        ]

    def frame(self) -> pd.DataFrame:
        """One row per quantity."""
        import pandas as pd  # noqa: PLC0415  (slow to import)

        return pd.DataFrame([asdict(row) for row in self.rows])


def compare(
    a: Results, b: Results, *, seed: int = 0, resamples: int = 2000, level: float = 0.95
) -> PairedComparison:
    """Return how replay ``b`` differs from replay ``a``, input by input.

    Parameters
    ----------
    a, b
        Replays of the same inputs in the same order: two designs, policies, or networks on one data set.
    seed
        Of the resampling; the same seed gives the same intervals.
    resamples
        Draws of the bootstrap.
    level
        Of the confidence intervals.

    Notes
    -----
    Percentile bootstrap of paired differences (Efron & Tibshirani, "An Introduction to the Bootstrap",
    1993, chapter 13): inputs are drawn with replacement, the same for both, so what makes an input hard
    for both cancels.  The intervals tell of the choice of inputs, not of errors of the model.
    """
    _check(a, b, resamples, level)
    left, right = a.per_input, b.per_input
    first, second = _columns(left), _columns(right)
    intervals = _intervals(first, second, np.random.default_rng(check_seed(seed)), resamples, level)
    rows = tuple(
        _difference(name, unit, statistic, values_a, values_b, interval)
        for (name, unit, _, _, statistic), values_a, values_b, interval in zip(
            _QUANTITIES, first, second, intervals, strict=True
        )
    )
    first_name, second_name = told_apart([a, b], ["A", "B"])
    notes = tuple(
        f"{name}: {words}"
        for name, results in ((first_name, a), (second_name, b))
        for words in (batch_words(results.figures.batch), unpriced_words(results.figures.skipped))
        if words
    )
    return PairedComparison(first_name, second_name, len(left), level, rows, notes)


def _check(a: Results, b: Results, resamples: int, level: float) -> None:
    if not 0 < level < 1:
        raise ConfigError(f"level = {level}: must be between 0 and 1")
    if resamples < 1:
        raise ConfigError(f"resamples = {resamples}: must be at least 1")
    for name, results in (("A", a), ("B", b)):
        if not results.feasible:
            raise UnsupportedError(f"compare: {name} ({results.design.title}) does not fit: {results.reason}")
    left, right = a.per_input, b.per_input
    if len(left) != len(right):
        raise UnsupportedError(f"compare: A has {len(left)} inputs, B {len(right)}; replay the same ones")
    if not np.array_equal(left["label"].to_numpy(), right["label"].to_numpy()):
        raise UnsupportedError(
            "compare: the labels of A and B differ: they are not the same inputs in one order"
        )


def _columns(frame: pd.DataFrame) -> list[Floats]:
    """Return each quantity's values per input, in its unit."""
    return [frame[column].to_numpy(float) * factor for _, _, column, factor, _ in _QUANTITIES]


def _difference(  # noqa: PLR0913, PLR0917  # the parts of one row
    name: str, unit: str, statistic: Statistic, a: Floats, b: Floats, interval: tuple[float, float]
) -> Difference:
    before, after = float(statistic(a)), float(statistic(b))
    low, high = interval
    return Difference(
        name=name,
        unit=unit,
        a=before,
        b=after,
        difference=after - before,
        low=low,
        high=high,
        relative=after / before - 1 if before else float("nan"),
        certain=low > 0 or high < 0,
    )


def _intervals(
    first: list[Floats], second: list[Floats], rng: np.random.Generator, resamples: int, level: float
) -> Iterator[tuple[float, float]]:
    """Yield the interval of every quantity's difference, all over the same draws of inputs."""
    drawn: list[list[Floats]] = [[] for _ in _QUANTITIES]
    for rows in _draws(len(first[0]), rng, resamples):
        for samples, (*_, statistic), a, b in zip(drawn, _QUANTITIES, first, second, strict=True):
            samples.append(statistic(b[rows]) - statistic(a[rows]))
    tail = 50 * (1 - level)
    for samples in drawn:
        low, high = np.percentile(np.concatenate(samples), [tail, 100 - tail])
        yield float(low), float(high)


def _draws(inputs: int, rng: np.random.Generator, resamples: int) -> Iterator[Ints]:
    """Yield (some resamples, inputs) positions drawn with replacement, in bounded memory."""
    step = max(1, _CHUNK // inputs)
    for start in range(0, resamples, step):
        yield rng.integers(inputs, size=(min(step, resamples - start), inputs))
