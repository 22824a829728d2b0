"""Made-up traces with known statistics, for any graph: for tests, studies and first looks.

A Gaussian copula: every decision is a threshold on a latent standard normal ``z``,

    z[i, j] = sqrt(layer_correlation) * f[i] + sqrt(1 - layer_correlation) * e[i, j]

of input i and decision j, where the common ``f`` is the input's difficulty (hard inputs open more) and
both ``f`` and ``e`` are autoregressive over inputs: corr(z[i], z[i + 1]) = input_correlation.  The
correlation of the thresholded bits is weaker than that of the latents.  With both correlations 0 all
decisions are independent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools, Floats
from traces.base.errors import ConfigError, did_you_mean
from traces.base.guard import check_seed
from traces.graphs.kinds import Decisions
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.trace import Trace, TraceInfo

Singles = NDArray[np.float32]

_SHALLOWEST = 0.7  # assumption: accuracy of the first exit, as a share of the last one's


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntheticSettings:
    """Statistics of a synthetic trace; all numbers in [0, 1]."""

    rates: float | Mapping[str, float] = 0.5
    # of a layer gate: share of inputs that run; of a channel or spatial gate: share of bits kept; of a width
    # or exit gate: mean index as a share of the highest.  By gate name, or one for all.
    layer_correlation: float = 0.0  # between the latents of two decisions of one input
    input_correlation: float = 0.0  # between the latents of one decision for consecutive inputs
    difficulty: float = 0.0  # correlation of an input's difficulty with being answered wrongly
    accuracy: float = 0.9  # of the last exit
    classes: int = 10

    def __post_init__(self) -> None:
        rates = self.rates.values() if isinstance(self.rates, Mapping) else [self.rates]
        numbers = {f"rate {rate}": rate for rate in rates} | {
            name: getattr(self, name)
            for name in ("layer_correlation", "input_correlation", "difficulty", "accuracy")
        }
        for name, value in numbers.items():
            if not 0 <= value <= 1:
                raise ConfigError(f"synthetic trace: {name} = {value}: must be from 0 to 1")
        if self.classes < 2:
            raise ConfigError(f"synthetic trace: classes = {self.classes}: must be at least 2")

    def rate_of(self, gate: Gate) -> float:
        """Return the rate wanted for the gate."""
        if not isinstance(self.rates, Mapping):
            return self.rates
        if gate.name not in self.rates:
            raise ConfigError(
                f"synthetic trace: no rate for gate {gate.name!r}{did_you_mean(gate.name, self.rates)}"
            )
        return self.rates[gate.name]


def synthetic_trace(
    graph: NetworkGraph, inputs: int, settings: SyntheticSettings | None = None, *, seed: int = 0
) -> Trace:
    """Return a made-up trace of ``inputs`` inputs; same arguments, same bytes.

    Each gate has a random stream of its own, so adding a gate behind others leaves theirs as they were.
    """
    if inputs < 0:
        raise ConfigError(f"synthetic trace: inputs = {inputs}: must be at least 0")
    chosen = settings or SyntheticSettings()
    check_seed(seed)
    streams = [np.random.default_rng([seed, i]) for i in range(len(graph.gates) + 1)]
    difficulty = _autoregressive(streams[0], (inputs, 1), chosen.input_correlation)
    decisions = {
        gate.name: _decide(gate, chosen.rate_of(gate), _latent(rng, difficulty, _bits(gate), chosen))
        for gate, rng in zip(graph.gates, streams[1:], strict=True)
    }
    answers = _Answers.draw(streams[0], difficulty[:, 0], chosen)
    exits = [gate for gate in graph.gates if gate.rules.picks_answer]
    per_exit = {gate.name: answers.per_exit(gate.size) for gate in exits}
    predictions = answers.predict(1.0)
    for gate in exits:
        predictions = per_exit[gate.name][0][np.arange(inputs), decisions[gate.name]]
    return Trace(
        graph=graph,
        info=TraceInfo(model_name=graph.name, dataset="synthetic", seed=seed, notes=str(chosen)),
        labels=answers.labels,
        predictions=predictions,
        decisions=decisions,
        exit_predictions={name: values for name, (values, _) in per_exit.items()},
        exit_confidences={name: values for name, (_, values) in per_exit.items()},
    )


def _bits(gate: Gate) -> int:
    return gate.size if gate.rules.stored == "bits" else 1


def _latent(rng: np.random.Generator, difficulty: Singles, bits: int, settings: SyntheticSettings) -> Singles:
    """Return the latents of one gate, shape (n, bits)."""
    own = _autoregressive(rng, (len(difficulty), bits), settings.input_correlation)
    shared = np.float32(settings.layer_correlation)
    latent: Singles = np.sqrt(shared) * difficulty + np.sqrt(1 - shared) * own
    return latent


def _autoregressive(rng: np.random.Generator, shape: tuple[int, int], correlation: float) -> Singles:
    """Return standard normals (n, columns) whose consecutive rows correlate by ``correlation``."""
    series = rng.standard_normal(shape, np.float32)
    if correlation:
        fresh = np.float32(math.sqrt(1 - correlation**2))
        for i in range(1, len(series)):
            series[i] = np.float32(correlation) * series[i - 1] + fresh * series[i]
    return series


def _decide(gate: Gate, rate: float, latent: Singles) -> Decisions:
    """Threshold the latents (n, bits) so that decisions have the wanted rate."""
    if gate.rules.stored == "index":
        return np.searchsorted(_index_thresholds(gate.size, rate), latent[:, 0]).astype(np.uint8)
    is_open: Bools = latent > _quantile(1 - rate)
    return gate.rules.store(is_open if gate.rules.stored == "bits" else is_open[:, 0])


def _index_thresholds(size: int, rate: float) -> Floats:
    """Return rising latent thresholds between the indices; Choice: indices are binomial(size - 1, rate)."""
    top = size - 1
    shares = [math.comb(top, k) * rate**k * (1 - rate) ** (top - k) for k in range(top)]
    return np.array([_quantile(share) for share in np.cumsum(shares)])


def _quantile(share: float) -> float:
    """Return the standard normal quantile, infinite at 0 and 1."""
    if share <= 0 or share >= 1:
        return math.copysign(math.inf, share - 0.5)
    return NormalDist().inv_cdf(share)


@dataclass(frozen=True, slots=True, eq=False)
class _Answers:
    """Labels, and answers that are right more often the easier the input and the deeper the exit."""

    labels: NDArray[np.int32]  # (n,)
    skill: Singles  # (n,), standard normal; the answer is right where it is above a threshold
    wrong: NDArray[np.int32]  # (n,), the answer given when it is not right
    accuracy: float

    @classmethod
    def draw(cls, rng: np.random.Generator, difficulty: Singles, settings: SyntheticSettings) -> _Answers:
        n, weight = len(difficulty), np.float32(settings.difficulty)
        noise = rng.standard_normal(n, np.float32)
        labels = rng.integers(settings.classes, size=n, dtype=np.int32)
        wrong = (labels + rng.integers(1, settings.classes, size=n, dtype=np.int32)) % settings.classes
        skill = np.sqrt(1 - weight**2) * noise - weight * difficulty
        return cls(labels, skill, wrong.astype(np.int32), settings.accuracy)

    def predict(self, share: float) -> NDArray[np.int32]:
        """Return answers that are right for ``share`` of the final accuracy."""
        right = self.skill > _quantile(1 - self.accuracy * share)
        return np.where(right, self.labels, self.wrong)

    def per_exit(self, exits: int) -> tuple[NDArray[np.int32], NDArray[np.float16]]:
        """Return answers and confidences of each exit, both (n, exits)."""
        shares = np.linspace(_SHALLOWEST, 1, exits) if exits > 1 else np.ones(1)
        margins = [self.skill - max(_quantile(1 - self.accuracy * share), -1e4) for share in shares]
        confidences = [1 / (1 + np.exp(-np.clip(margin, -30, 30))) for margin in margins]
        answers = [self.predict(share) for share in shares]
        return np.stack(answers, axis=1), np.stack(confidences, axis=1).astype(np.float16)
