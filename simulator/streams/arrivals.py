"""When frames arrive."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, assert_never, get_args

import numpy as np

from traces import ConfigError, Floats, Ints, check_seed, did_you_mean

ArrivalKind = Literal["periodic", "poisson", "recorded"]
_KINDS: tuple[ArrivalKind, ...] = get_args(ArrivalKind)
LAST_CYCLE = 2**53  # 104 days at 1 GHz; the largest range in which floats hold every whole number


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrivals:
    """Arrival times of frames: ``periodic`` or ``poisson`` at a rate, or ``recorded`` ones."""

    kind: ArrivalKind = "periodic"
    rate_hz: float | None = None  # mean frames per second; not of recorded ones
    times_s: tuple[float, ...] = ()  # recorded, in order [s]
    seed: int = 0  # of ``poisson``

    def __post_init__(self) -> None:
        if self.kind not in _KINDS:
            raise ConfigError(f"arrivals.kind = {self.kind!r}{did_you_mean(self.kind, _KINDS)}")
        check_seed(self.seed, "arrivals.seed")
        if self.kind == "recorded":
            if not self.times_s:
                raise ConfigError("arrivals.times_s: recorded arrivals need at least one time")
            if self.rate_hz is not None:
                raise ConfigError(
                    "arrivals.rate_hz: recorded arrivals have no rate of their own; leave it out"
                )
            times = np.array(self.times_s, np.float64)
            if not (np.isfinite(times).all() and times[0] >= 0 and (np.diff(times) >= 0).all()):
                raise ConfigError("arrivals.times_s: must rise from 0 or later, all of them finite")
        elif self.rate_hz is None or not 0 < self.rate_hz < np.inf:
            raise ConfigError(f"arrivals.rate_hz = {self.rate_hz}: {self.kind} arrivals need a rate above 0")

    def cycles(self, frames: int, clock_hz: float) -> Ints:
        """Return when the frames arrive, to the nearest cycle, shape (frames,) [cycles]."""
        with np.errstate(over="ignore"):  # refused below
            cycles = np.rint(self._seconds(frames) * clock_hz)
        if not cycles[-1] <= LAST_CYCLE:
            raise ConfigError(
                f"arrivals: the last of {frames:,} frames comes after {cycles[-1]:.3g} cycles; "
                f"needs at most 2**53, beyond which cycles cannot be told apart"
            )
        return cycles.astype(np.int64)

    def _seconds(self, frames: int) -> Floats:
        match self.kind:
            case "recorded":
                if frames > len(self.times_s):
                    raise ConfigError(f"arrivals.times_s: {len(self.times_s)} times for {frames} frames")
                return np.array(self.times_s[:frames])
            case "periodic":
                return np.arange(frames) / self._rate
            case "poisson":
                gaps = np.random.default_rng(self.seed).exponential(1 / self._rate, frames)
                return np.cumsum(gaps)
            case _:
                assert_never(self.kind)

    def mean_gap_cycles(self, frames: int, clock_hz: float) -> float:
        """Return the mean time between two frames [cycles]; infinite for a single one."""
        if self.kind != "recorded":
            return clock_hz / self._rate
        span = (self.times_s[frames - 1] - self.times_s[0]) * clock_hz
        return span / (frames - 1) if frames > 1 else float("inf")

    @property
    def _rate(self) -> float:
        if self.rate_hz is None:
            raise AssertionError("checked when it was made")
        return self.rate_hz
