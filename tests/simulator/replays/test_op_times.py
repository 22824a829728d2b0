"""What ops add to the latency: parts that add up to it, each where it belongs."""

from __future__ import annotations

import numpy as np
import pytest

from accel_models import Design, load_design
from simulator import OpRow, Policy, replay
from simulator.replays.op_times import OP_PARTS
from traces import SyntheticSettings, Trace, cifar_resnet, synthetic_trace

LAYERS = synthetic_trace(cifar_resnet(8, "layer"), 3, SyntheticSettings(rates=0.5), seed=1)
CHANNELS = synthetic_trace(cifar_resnet(8, "channel"), 3, SyntheticSettings(rates=0.5), seed=1)


def parts_of(ops: tuple[OpRow, ...]) -> dict[str, float]:
    return {part: sum(op.latency_parts[part] for op in ops) for part in OP_PARTS}


@pytest.mark.parametrize(
    ("trace", "design", "prefetch", "batch", "handover"),
    [
        (CHANNELS, "edge_npu_16x16", "wait", 1, "0 ns"),
        (LAYERS, "edge_npu_16x16", "speculate", 3, "2 us"),
        (CHANNELS, "ethos_u55_128_like", "predict", 1, "2 us"),
        (LAYERS, "ethos_u55_64", "wait", 1, "0 ns"),
        (CHANNELS, "gemmini_16x16", "oracle", 1, "2 us"),
        (LAYERS, "cortex_m4", "wait", 3, "0 ns"),
    ],
)
def test_all_ops_together_add_the_latency(
    trace: Trace, design: str, prefetch: str, batch: int, handover: str
) -> None:
    policy = Policy.of({"prefetch": prefetch, "batch": batch})
    results = replay(trace, load_design(design, {"gate_handover": handover}), policy=policy)
    rows = results.per_batch if batch > 1 else results.per_input
    parts = parts_of(results.ops)
    assert sum(parts.values()) == pytest.approx(rows["latency_cycles"].mean())
    assert min(op.latency_parts[part] for op in results.ops for part in OP_PARTS) >= 0
    if prefetch == "oracle":
        assert parts["wait"] == 0


def fast_memory(**more: object) -> Design:
    """Return an array whose transfers take next to nothing."""
    return load_design(
        "edge_npu_16x16", {"memory.dram.bandwidth": "1000 GB/s", "memory.dram.latency": "0 ns", **more}
    )


def test_what_nothing_waits_for_adds_its_unit_s_cycles() -> None:
    """Where operands are there at once and ops follow each other, an op adds what its unit takes for it."""
    results = replay(CHANNELS, fast_memory())
    for op in results.ops:
        if op.unit == "array" and not op.gate:
            own = sum(op.latency_parts[part] for part in ("array", "fill", "gather", "tiles"))
            assert own == pytest.approx(op.cycles_mean, rel=0.02)
            assert op.latency_gather_cycles == pytest.approx(op.gather_cycles_mean, rel=0.02, abs=1)
            assert op.latency_array_cycles == pytest.approx(op.work_cycles_mean, rel=0.02, abs=1)
    assert parts_of(results.ops)["dram"] < 0.02 * results.per_input["latency_cycles"].mean()


def test_a_slower_bus_is_seen_as_transfers() -> None:
    """Other tiles are chosen beside it, so that an array's own part may change, too."""
    fast, slow = (replay(CHANNELS, design) for design in (fast_memory(), load_design("edge_npu_16x16")))
    before, after = parts_of(fast.ops), parts_of(slow.ops)
    assert before["dram"] + before["wait"] < 0.02 * fast.per_input["latency_cycles"].mean()
    assert after["dram"] + after["wait"] > 5 * (before["dram"] + before["wait"])


def test_a_decision_on_its_way_to_another_unit_is_a_wait() -> None:
    plain, late = (
        replay(LAYERS, fast_memory(gate_handover=time), policy=Policy.of({"place_gates": False}))
        for time in ("0 ns", "10 us")
    )
    more = parts_of(late.ops)["wait"] - parts_of(plain.ops)["wait"]
    longer = late.per_input["latency_cycles"].mean() - plain.per_input["latency_cycles"].mean()
    assert longer > 0
    assert more == pytest.approx(longer, rel=0.02)


def test_gates_and_a_core_have_parts_of_their_own() -> None:
    parts = parts_of(replay(LAYERS, load_design("cortex_m4")).ops)
    assert parts["simd"] > parts["gate"] > 0
    assert parts["array"] == parts["fill"] == 0


def test_a_replay_that_is_not_explained_does_not_tell() -> None:
    results = replay(LAYERS, load_design("cortex_m4"), explain=False)
    assert not np.any([list(op.latency_parts.values()) for op in results.ops])
