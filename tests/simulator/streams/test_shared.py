"""Frames that share units: the lean engine and the reference on SimPy tell the same times, ties included."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from simulator import Arrivals, Policy, StreamSettings, stream
from simulator.engines import events
from simulator.engines.shared import SharedUnits
from simulator.schedules.durations import Durations
from simulator.streams.server import Rules, Server
from tests.simulator.schedule_strategies import Case, cases
from traces import Indices, Ints
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace

Told = Callable[[], object]


def _of_event(call: Told) -> Callable[[object], None]:
    def told(_: object) -> None:
        call()

    return told


class Reference:
    """The SimPy engine behind the same words."""

    def __init__(self, tables: Durations) -> None:
        self._tables = tables
        self._machine = events.Machine(len(tables.schedule.units))

    @property
    def now(self) -> int:
        return int(self._machine.env.now)

    def last_at(self, time: int, call: Told) -> None:
        self._machine.last_at(time).callbacks.append(_of_event(call))

    def after_cycles(self, cycles: int, call: Told) -> None:
        self._machine.env.timeout(cycles).callbacks.append(_of_event(call))

    def begin(self, states: Indices, priority: int, done: Told) -> None:
        frame = events.Frame(self._machine, self._tables, [int(state) for state in states], priority=priority)
        frame.run().callbacks.append(_of_event(done))

    def run(self) -> None:
        self._machine.env.run()


def _served(machine: SharedUnits | Reference, case: Case, arrivals: Ints, rules: Rules) -> tuple[Ints, Ints]:
    def start(frame: int, _: int, done: Told) -> None:
        machine.begin(case.state_index[frame % len(case.state_index)], frame, done)

    server = Server(arrivals, rules, start, machine)
    server.run()
    return server.starts, server.ends


@settings(deadline=None, max_examples=300)
@given(
    case=st.booleans().flatmap(lambda apart: cases(apart=apart)),
    gaps=st.lists(st.integers(0, 25), min_size=2, max_size=9),
    in_flight=st.integers(1, 4),
    queue=st.sampled_from([None, 0, 1, 3]),
    drop=st.sampled_from(["newest", "oldest"]),
)
def test_both_engines_serve_alike(
    case: Case, gaps: list[int], in_flight: int, queue: int | None, drop: str
) -> None:
    """Random schedules, units, queues, ties and speculation; frames that meet and frames that do not."""
    rules = Rules(queue=queue, in_flight=in_flight, drop=drop)  # type: ignore[arg-type]  # one of its two words
    arrivals = np.cumsum(gaps)
    for lean, reference in zip(
        _served(SharedUnits(case.tables), case, arrivals, rules),
        _served(Reference(case.tables), case, arrivals, rules),
        strict=True,
    ):
        np.testing.assert_array_equal(lean, reference)


@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
@pytest.mark.parametrize("dma", ["in_order", "out_of_order"])
def test_streams_are_those_of_the_reference(prefetch: str, dma: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames a quarter to twice their own time apart, two or three on the machine: every figure and every frame."""
    design = load_design("edge_npu_16x16", {"memory.dma": dma})
    trace = synthetic_trace(cifar_resnet(8, "both"), 24, seed=5)
    policy = Policy(prefetch=prefetch)  # type: ignore[arg-type]  # one of its words
    wishes = StreamSettings(arrivals=Arrivals(kind="poisson", rate_hz=6000, seed=2), queue=None)
    lean = [stream(trace, design, replace(wishes, in_flight=k), policy) for k in (1, 2, 3)]
    monkeypatch.setattr("simulator.streams.stream.SharedUnits", Reference)
    monkeypatch.setattr("simulator.streams.stream._Service._alone", lambda *_: False)
    for k, found in enumerate(lean, 1):
        expected = stream(trace, design, replace(wishes, in_flight=k), policy)
        assert found.summary() == expected.summary()
        for name, values in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], values)
    assert (lean[1].columns["latency_us"] > lean[0].columns["latency_us"] - lean[0].columns["wait_us"]).any()
