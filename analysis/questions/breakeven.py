"""Break-even: how much must be skipped before a dynamic network beats the dense one on a design."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from traces import ConfigError, NetworkGraph, SyntheticSettings, UnsupportedError, synthetic_trace

if TYPE_CHECKING:
    from accel_models import Design
    from simulator import Policy

Quantity = Literal["latency_us", "energy_uj"]

RATES = tuple(i / 10 for i in range(11))
MOST_INPUTS = 100_000  # Choice: their mean is within 1 % of that of any number, where inputs vary by 100 %


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Dynamic against dense over the share of what gates skip."""

    quantity: Quantity
    skipped: tuple[float, ...]  # wanted skip rate of every gate, rising [0..1]
    dynamic: tuple[float, ...]  # mean of the quantity
    dense: float  # of the dense network
    rate: float | None  # skip rate from which on dynamic wins; None if it never does
    unpriced: tuple[str, ...] = ()  # of the model, what has no price

    @property
    def overhead(self) -> float:
        """What the gates cost when nothing is skipped, as a share of the dense network."""
        return self.dynamic[0] / self.dense - 1


def break_even(  # noqa: PLR0913  # one experiment, all by name
    graph: NetworkGraph,
    design: Design,
    *,
    policy: Policy | None = None,
    quantity: Quantity = "latency_us",
    skipped: Sequence[float] = RATES,
    inputs: int = 512,
    seed: int = 0,
) -> BreakEven:
    """Return from which skip rate on a gated network beats the dense network on a design.

    Every gate skips at the same rate, independently, in synthetic traces of one seed; between two rates the
    mean is taken to be straight.

    Parameters
    ----------
    graph
        Network with gates.
    design, policy
        Hardware, and how decisions meet it.
    quantity
        ``latency_us`` or ``energy_uj``, means over inputs.
    skipped
        Rates to try, rising, from 0.
    inputs, seed
        Of the synthetic traces; at most ``MOST_INPUTS`` at a rate, all of which lie in memory.
    """
    from simulator import replay  # noqa: PLC0415  (loads numba)

    rates = tuple(skipped)
    if len(rates) < 2 or rates[0] != 0 or list(rates) != sorted(set(rates)) or rates[-1] > 1:
        raise ConfigError(f"skipped = {list(rates)}: needs two or more rates, rising from 0 to at most 1")
    if not 1 <= inputs <= MOST_INPUTS:
        raise ConfigError(f"inputs = {inputs}: must be 1 to {MOST_INPUTS:,}")
    if not graph.gates:
        raise UnsupportedError(f"break-even: network {graph.name!r} has no gates: nothing can be skipped")
    means, dense = [], 0.0
    for rate in rates:
        trace = synthetic_trace(graph, inputs, SyntheticSettings(rates=1 - rate), seed=seed)
        figures = replay(trace, design, policy=policy, explain=False).replayed
        means.append(getattr(figures, quantity).mean)
        dense = getattr(figures.dense, quantity)
    turns = crossing(rates, means, dense)
    return BreakEven(quantity, rates, tuple(means), dense, turns, graph.skipped)


def crossing(rates: Sequence[float], values: Sequence[float], level: float) -> float | None:
    """Return the rate from which on straight lines through the values stay below ``level``.

    ``None`` if the last value is not below it; 0 if all are.
    """
    if values[-1] >= level:
        return None
    for i in range(len(values) - 1, 0, -1):
        if values[i - 1] >= level:
            share = (values[i - 1] - level) / (values[i - 1] - values[i])
            return rates[i - 1] + share * (rates[i] - rates[i - 1])
    return rates[0]
