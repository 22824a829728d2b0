"""Frames that share units: the lean engine and the reference on SimPy tell the same times, ties included."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import load_design
from simulator import Arrivals, Policy, StreamSettings, stream
from simulator.engines.fast import simulate
from simulator.streams import server
from simulator.streams.server import Rules, SharedMachine, served
from tests.simulator.schedule_strategies import Case, cases
from tests.simulator.streams.reference import served_by_events
from traces import Ints, Loop
from traces.base.compiled import TO_READ_US
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace


def machine_of(case: Case) -> SharedMachine:
    alone = simulate(case.tables, case.state_index).latency
    return SharedMachine(tables=case.tables, state_index=case.state_index, alone=alone[None])


def check_served(machine: SharedMachine, arrivals: Ints, rules: Rules) -> None:
    lean, reference = (serve(machine, arrivals, rules) for serve in (served, served_by_events))
    for name in ("starts", "ends", "states"):
        np.testing.assert_array_equal(getattr(lean, name), getattr(reference, name))


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
    check_served(machine_of(case), np.cumsum(gaps), rules)


@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
@pytest.mark.parametrize("dma", ["in_order", "out_of_order"])
def test_streams_are_those_of_the_reference(prefetch: str, dma: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Frames a quarter to twice their own time apart, two or three on the machine: every figure and every frame."""
    design = load_design("edge_npu_16x16", {"memory.dma": dma})
    trace = synthetic_trace(cifar_resnet(8, "both"), 24, seed=5)
    policy = Policy(prefetch=prefetch)  # type: ignore[arg-type]  # one of its words
    wishes = StreamSettings(arrivals=Arrivals(kind="poisson", rate_hz=6000, seed=2), queue=None)
    lean = [stream(trace, design, replace(wishes, in_flight=k), policy) for k in (1, 2, 3)]
    monkeypatch.setattr("simulator.streams.stream.served", served_by_events)
    for k, found in enumerate(lean, 1):
        expected = stream(trace, design, replace(wishes, in_flight=k), policy)
        assert found.summary() == expected.summary()
        for name, values in expected.columns.items():
            np.testing.assert_array_equal(found.columns[name], values)
    assert (lean[1].columns["latency_us"] > lean[0].columns["latency_us"] - lean[0].columns["wait_us"]).any()


@pytest.mark.slow  # numba compiles for some ten seconds
@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
@pytest.mark.parametrize("in_flight", [1, 2, 5])
def test_compiled_is_as_written(prefetch: str, in_flight: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are the same source; what numba makes of it takes the same operations in the same order."""
    loop = Loop(
        server._serve_all,
        server._SERVED._modules,
        to_compile_us=TO_READ_US,
        written=server._serve_all_in_lists,
    )
    monkeypatch.setattr(server, "_SERVED", loop)
    trace = synthetic_trace(cifar_resnet(8, "both"), 24, seed=5)
    policy = Policy(prefetch=prefetch)  # type: ignore[arg-type]  # one of its words
    wishes = StreamSettings(arrivals=Arrivals(kind="poisson", rate_hz=6000, seed=2), in_flight=in_flight)
    written = stream(trace, load_design("edge_npu_16x16"), wishes, policy)
    assert loop._wrapped is None
    loop.walked_us = 2 * TO_READ_US
    found = stream(trace, load_design("edge_npu_16x16"), wishes, policy)
    assert loop._wrapped is not None
    assert found.summary() == written.summary()
    for name, values in written.columns.items():
        np.testing.assert_array_equal(found.columns[name], values)


@settings(deadline=None)
@given(
    case=cases(ops=1),
    times=st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=2, max_size=3),
    gaps=st.lists(st.integers(0, 25), min_size=2, max_size=12),
    queue=st.sampled_from([None, 0, 1, 3]),
    drop=st.sampled_from(["newest", "oldest"]),
    switch=st.integers(0, 4),
)
def test_dvfs_states_follow_the_frames_behind(
    case: Case, times: list[list[int]], gaps: list[int], queue: int | None, drop: str, switch: int
) -> None:
    """One frame at a time, in the state that the frames behind it call for, after the switch to it."""
    alone = np.array(times, np.int64)[:, : len(case.state_index)]
    machine = replace(machine_of(case), alone=alone, switch_cycles=switch)
    rules = Rules(queue=queue, in_flight=1, drop=drop)  # type: ignore[arg-type]  # one of its two words
    check_served(machine, np.cumsum(gaps), rules)
