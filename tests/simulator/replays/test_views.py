"""Shared views change the time of a replay and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.design.load import design_names, load_design
from accel_models.design.sections import Memory
from accel_models.work.skipping import SkippedWorkload, skip, view_key
from simulator import Policy, replay, replay_each
from simulator.replays.outlook import Placements
from simulator.replays.plans import Planning, best_plans
from simulator.replays.views import Plans, Views
from traces import SyntheticSettings, Trace, Workload, cifar_resnet, lower, synthetic_trace

TRACE = synthetic_trace(cifar_resnet(8, "both"), 24, SyntheticSettings(rates=0.6))
VIEWS = Views(TRACE)  # shared by all tests on purpose
CHANGES: list[dict[str, object]] = [
    {},
    {"memory.dram.burst": "32 B"},
    {"memory.weight_bits": 16},
    {"skip.channels": "none"},
    {"skip.channels": "tile", "skip.group": 4},
    {"skip.channels": "tile", "skip.group": 8},
    {"skip.channels": "prefix"},
    {"skip.layers": False},
    {"array.rows": 8, "clock": "100 MHz", "memory.weight_buffer": "32 KiB"},
]


@settings(deadline=None, max_examples=20)
@given(
    st.sampled_from(CHANGES),
    st.sampled_from(["edge_npu_16x16", "gemmini_16x16"]),
    st.sampled_from(
        [Policy(), Policy(batch=4), Policy(batch=4, batch_order="similar"), Policy(prefetch="predict")]
    ),
)
def test_a_replay_with_views_is_the_replay_without(
    change: dict[str, object], name: str, policy: Policy
) -> None:
    design = load_design(name, change)
    plain = replay(TRACE, design, policy=policy, explain=False)
    shared = replay(TRACE, design, policy=policy, explain=False, views=VIEWS)
    assert shared.summary() == plain.summary()
    assert shared.per_input.equals(plain.per_input)


@pytest.mark.parametrize("name", design_names())
def test_what_the_key_leaves_out_changes_no_view(name: str) -> None:
    """A design of the same key, but otherwise another one, sees the same."""
    design = load_design(name)
    other = load_design("edge_npu_32x32").model_copy(update={"skip": design.skip})
    if design.memory is None:
        other = other.model_copy(update={"memory": None})
    else:
        memory = other.section(Memory)
        dram = memory.dram.model_copy(update={"burst": design.memory.dram.burst})
        other = other.model_copy(
            update={
                "memory": memory.model_copy(update={"weight_bits": design.memory.weight_bits, "dram": dram})
            }
        )
    assert view_key(other) == view_key(design)
    workload = Views(TRACE).lowered(TRACE)
    ours, theirs = skip(workload, design), skip(workload, other)
    np.testing.assert_array_equal(ours.state_index, theirs.state_index)
    for one, two in zip(ours.states, theirs.states, strict=True):
        np.testing.assert_array_equal(one.weight_fetch_bytes, two.weight_fetch_bytes)
        np.testing.assert_array_equal(one.in_channels, two.in_channels)
        np.testing.assert_array_equal(one.gathered_elements, two.gathered_elements)


def test_work_on_the_trace_is_done_once(monkeypatch: pytest.MonkeyPatch) -> None:
    views, seen = Views(TRACE), []

    def noting(workload: Workload, *how: Any) -> SkippedWorkload:
        seen.append(workload)
        return skip(workload, *how)

    monkeypatch.setattr("simulator.replays.views.skip", noting)
    for rows in (4, 8, 16):
        replay(TRACE, load_design("edge_npu_16x16", {"array.rows": rows}), explain=False, views=views)
    whole = [workload for workload in seen if len(workload) == len(TRACE)]
    assert len(whole) == 1


def test_the_first_inputs_of_a_trace_are_remembered_until_their_arrays_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    trace, design = synthetic_trace(cifar_resnet(8, "both"), 60), load_design("edge_npu_16x16")
    lowered: list[int] = []

    def noting(part: Trace) -> Workload:
        lowered.append(len(part))
        return lower(part)

    monkeypatch.setattr("simulator.replays.views.lower", noting)
    first, again = (replay(trace, design, explain=False, limit=20).summary() for _ in range(2))
    assert first == again
    assert lowered == [20]
    replay(trace, design, explain=False, limit=21)
    assert lowered == [20, 21]
    gate = next(gate.name for gate in trace.graph.gates if gate.kind == "layer")
    trace.decisions[gate][:20] = ~trace.decisions[gate][:20]
    changed = replay(trace, design, explain=False, limit=20).summary()
    assert lowered == [20, 21, 20]
    assert changed != first
    assert changed == replay(trace.rows(0, 20), design, explain=False).summary()


def test_other_traces_are_looked_at_anew() -> None:
    other = synthetic_trace(cifar_resnet(8, "both"), 60, SyntheticSettings(rates=0.2))
    design = load_design("edge_npu_16x16")
    with_views = replay(other, design, explain=False, views=VIEWS)
    assert with_views.summary() == replay(other, design, explain=False).summary()


def test_many_designs_at_once_take_what_each_takes_alone() -> None:
    """Arrays, buffers and buses side by side, a kind that joins none, one that does not fit; a trace in two parts."""
    changes: list[dict[str, object]] = [
        {"array.rows": rows, "array.cols": cols, "memory.dram.bandwidth": bandwidth}
        for rows, cols, bandwidth in ((8, 40, "0.8 GB/s"), (32, 4, "8 GB/s"), (64, 64, "2 GB/s"))
    ]
    changes += [{"memory.activation_buffer": "8 KiB"}, {"memory.weight_buffer": "256 B", "memory.banks": 1}]
    designs = [load_design("edge_npu_16x16", change) for change in changes]
    designs += [load_design(name) for name in ("eyeriss", "cortex_m7", "ethos_u55_128", "systolic_bare")]
    for policy in (Policy(), Policy(batch=4, prefetch="speculate")):
        together = replay_each(TRACE, designs, policy, Views(TRACE))
        for found, design in zip(together, designs, strict=True):
            alone = replay(TRACE, design, policy=policy, explain=False)
            assert found.summary() == alone.summary()
            assert found.per_input.equals(alone.per_input)
            assert found.ops == ()
    assert sum(not found.feasible for found in together) == 1


def test_a_plan_is_found_once_for_a_design_and_a_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    views, planned = Views(TRACE), []

    def noting(asked: Sequence[Planning], *how: Any) -> list[Placements]:
        planned.append(len(asked))
        return best_plans(asked, *how)

    monkeypatch.setattr("simulator.replays.prepare.best_plans", noting)
    monkeypatch.setattr("simulator.replays.prepare.PLANS", Plans())
    design = load_design("edge_npu_16x16")
    first = replay(TRACE, design, policy=Policy(batch=2), views=views)
    again = replay(TRACE, design, policy=Policy(batch=2), views=views)
    replay(TRACE, design, policy=Policy(batch=2, pin=False), views=views)
    others = replay(TRACE.rows(0, len(TRACE)), design, policy=Policy(batch=2))
    assert planned == [2, 2]  # the dynamic network and the dense one; of other inputs of theirs no more
    assert first.summary() == again.summary() == others.summary()


def test_batches_of_other_sizes_are_looked_at_anew() -> None:
    """Whose inputs are the same, one behind the other."""
    views, design = Views(TRACE), load_design("edge_npu_16x16")
    for size in (2, 10, 3):
        policy = Policy(batch=size)
        assert replay(TRACE, design, policy=policy, views=views).summary() == (
            replay(TRACE.rows(0, len(TRACE)), design, policy=policy).summary()
        )


def test_more_designs_at_once_than_plans_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.replays.prepare.PLANS", Plans())
    monkeypatch.setattr("simulator.replays.views._MOST_PLANS", 3)
    monkeypatch.setattr("simulator.replays.views._MOST_SCHEDULES", 1)
    monkeypatch.setattr("simulator.replays.views._MOST_SEEN", 1)
    designs = [load_design("edge_npu_16x16", {"array.rows": rows}) for rows in (4, 8, 16, 32)]
    designs += [load_design(name) for name in ("cortex_m7", "ethos_u55_128")]
    views = Views(TRACE)
    for _ in range(2):
        for found, design in zip(replay_each(TRACE, designs, Policy(), views), designs, strict=True):
            assert found.summary() == replay(TRACE, design, explain=False).summary()
