"""Does the deepest exit that a budget affords answer?"""

from __future__ import annotations

import numpy as np
import pytest

from accel_models.design.load import load_design
from simulator import Arrivals, Budget, StreamSettings, halt, replay, stream
from simulator.streams import budgets
from traces.base.errors import ConfigError, UnsupportedError
from traces.graphs.build import GraphBuilder, Window
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import SyntheticSettings, synthetic_trace
from traces.trace import Trace, open_trace

DESIGN = load_design("edge_npu_16x16")


def network() -> NetworkGraph:
    """Three convolutions with an exit behind each; what lies behind an exit runs if it did not answer."""
    builder = GraphBuilder("exits", 3, 8, 8)
    x, exits, levels = builder.input, [], []
    guards: list[str] = []
    for k in range(3):
        mark = len(builder.ops)
        x = builder.conv(f"conv{k}", x, 16, Window.square(3), activation="relu")
        exits.append(builder.linear(f"exit{k}", builder.global_pool(f"pool{k}", x), 10).name)
        if k:
            guards += builder.names_since(mark)
            levels += [k - 1] * 3
    builder.gate(
        Gate(
            name="exits",
            kind="exit",
            size=3,
            reads="exit0",
            guards=tuple(guards),
            exits=tuple(exits),
            levels=tuple(levels),
        )
    )
    return builder.finish()


def trace(rate: float = 1.0, inputs: int = 60) -> Trace:
    return synthetic_trace(network(), inputs, SyntheticSettings(rates=rate), seed=5)


def cycles_at_exits() -> list[int]:
    open_ = open_trace(network(), 3)
    stopped = Trace(
        open_.graph, open_.info, open_.labels, open_.predictions, {"exits": np.arange(3, dtype=np.uint8)}
    )
    return [int(c) for c in replay(stopped, DESIGN, explain=False).per_input.latency_cycles]


@pytest.mark.parametrize("exit_", [0, 1, 2])
@pytest.mark.parametrize("spare", [0, -1])
def test_both_sides_of_each_budget(exit_: int, spare: int) -> None:
    """A budget of just an exit's cycles affords it; a cycle less affords the one before."""
    budget = Budget(latency_s=(cycles_at_exits()[exit_] + spare + 0.5) / DESIGN.clock)
    if exit_ == 0 and spare < 0:
        with pytest.raises(ConfigError, match=r"below the first exit; 'exit0' takes at least"):
            halt(trace(), DESIGN, budget)
        return
    halted = halt(trace(), DESIGN, budget)
    assert set(halted.exits) == {exit_ + spare}
    answers = trace().exit_predictions["exits"][30:, exit_ + spare]
    assert halted.accuracy == pytest.approx(float((answers == trace().labels[30:]).mean()))


def test_deeper_exits_cost_more_and_answer_better() -> None:
    halted = halt(trace(inputs=2000), DESIGN, Budget(latency_s=1.0))
    assert (np.diff(halted.latency_cycles, axis=1) > 0).all()
    assert (np.diff(halted.energy_pj, axis=1) > 0).all()
    assert set(halted.exits) == {2}
    tight = halt(trace(inputs=2000), DESIGN, Budget(energy_j=float(halted.energy_pj[:, 0].max()) * 1e-12))
    assert set(tight.exits) == {0}
    assert tight.accuracy < halted.accuracy


def test_easy_inputs_still_leave_early_under_a_large_budget() -> None:
    easy = trace(rate=0.5)
    halted = halt(easy, DESIGN, Budget(latency_s=1.0))
    np.testing.assert_array_equal(halted.exits, easy.decisions["exits"][30:])
    assert halted.accuracy == easy.rows(30, 60).accuracy


def test_a_stream_under_a_budget_answers_from_its_exits() -> None:
    budget = Budget(latency_s=(cycles_at_exits()[1] + 0.5) / DESIGN.clock)
    settings = StreamSettings(arrivals=Arrivals(rate_hz=100), budget=budget)
    results = stream(trace(), DESIGN, settings)
    assert set(results.per_frame.exit) == {1}
    assert results.per_frame.input.tolist() == list(range(30, 60))
    latency = results.per_frame.latency_us.to_numpy() * DESIGN.clock / 1e6
    np.testing.assert_allclose(latency, cycles_at_exits()[1], rtol=1e-9)
    assert results.summary().accuracy == pytest.approx(halt(trace(), DESIGN, budget).accuracy)


def test_no_frame_knows_beforehand_what_it_will_take(monkeypatch: pytest.MonkeyPatch) -> None:
    """Four frames at two exits: the first two say that exit 1 takes 30 cycles, so 45 afford it; the last overruns.

    The first two are judged by nothing.
    """
    took = {0: [10, 10, 10, 10], 1: [20, 30, 40, 90], 2: [100, 100, 100, 100]}
    monkeypatch.setattr(budgets, "_cost_at", lambda _, k, *__: (np.array(took[k]), np.zeros(4)))
    halted = halt(trace(inputs=4), DESIGN, Budget(latency_s=45 / DESIGN.clock, quantile=1.0))
    assert (halted.seen, halted.exits.tolist()) == (2, [1, 1])
    assert halted.in_budget.tolist() == [True, False]
    assert not halted.correct[1]
    tight = halt(trace(inputs=4), DESIGN, Budget(latency_s=25 / DESIGN.clock, quantile=0.5))
    assert tight.exits.tolist() == [0, 0]  # the higher of the two middle costs is 30


def test_one_input_cannot_be_judged_by_another() -> None:
    with pytest.raises(ConfigError, match=r"budget: needs rates of other inputs .*; the trace has 1"):
        halt(trace(inputs=1), DESIGN, Budget(latency_s=1))


def test_wrong_budgets_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"budget.quantile = 0"):
        Budget(latency_s=1, quantile=0)
    with pytest.raises(ConfigError, match="needs latency_s, energy_j or both"):
        Budget()
    with pytest.raises(ConfigError, match=r"budget.energy_j = -1"):
        Budget(energy_j=-1)
    with pytest.raises(UnsupportedError, match="has 0 exit gates"):
        halt(open_trace(cifar_resnet(8)), DESIGN, Budget(latency_s=1))
    with pytest.raises(UnsupportedError, match="does not hold the predictions"):
        halt(open_trace(network()), DESIGN, Budget(latency_s=1))
