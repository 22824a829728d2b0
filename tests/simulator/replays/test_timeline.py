"""Does the timeline show what the replay says?"""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest

from accel_models.design.load import load_design
from simulator import Policy, Results, replay
from simulator.policy import Prefetch
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace

GRAPH = cifar_resnet(8, "both")
TRACE = synthetic_trace(GRAPH, 5, seed=1)


def shown(design: str, prefetch: Prefetch) -> tuple[Results, list[dict[str, Any]]]:
    policy = Policy(prefetch=prefetch)
    results = replay(TRACE, load_design(design), policy=policy, timeline=3, explain=False)
    return results, json.loads(results.timeline)["traceEvents"]


@pytest.mark.parametrize("prefetch", ["wait", "speculate"])
@pytest.mark.parametrize("design", ["edge_npu_16x16", "eyeriss", "cortex_m4"])
def test_spans_never_overlap_and_sum_to_busy_cycles(design: str, prefetch: Prefetch) -> None:
    results, events = shown(design, prefetch)
    rows = {e["tid"]: e["args"]["name"] for e in events if e["ph"] == "M" and e["name"] == "thread_name"}
    for row, unit in rows.items():
        spans = sorted(
            (e["args"]["start_cycle"], e["args"]["cycles"], e["args"]["input"])
            for e in events
            if e["ph"] == "X" and e["tid"] == row
        )
        for (start, cycles, _), (after, _, _) in pairwise(spans):
            assert start + cycles <= after
        if unit != "decisions":
            for k in range(3):
                busy = sum(cycles for _, cycles, input_ in spans if input_ == k)
                assert busy == results.per_input[f"busy_{unit}_cycles"][k]


def test_counters_come_back_to_zero_and_decisions_are_instants() -> None:
    _, events = shown("edge_npu_16x16", "speculate")
    for name in ("weight buffer [B]", "DRAM [B/cycle]"):
        values = [e["args"]["value"] for e in events if e["ph"] == "C" and e["name"] == name]
        assert values[-1] == 0
        assert min(values) >= 0
        assert max(values) > 0
    instants = {e["name"] for e in events if e["ph"] == "i"}
    assert instants == {gate.computed_by[-1] for gate in GRAPH.gates}


def test_a_timeline_is_only_made_when_asked_for() -> None:
    assert replay(TRACE, load_design("cortex_m4"), explain=False).timeline == ""
