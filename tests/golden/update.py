"""Write golden.json anew: ``make golden``.  Say in CHANGELOG.md, under Numbers, what moved and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from accel_models import STEPS, design_names, load_design
from simulator import Arrivals, Policy, StreamSettings, estimate, replay, stream
from simulator.summary import Explained
from tests.golden.networks import depthwise_network, mixed_network, sequence_network
from traces import Trace
from traces.graphs.resnets import cifar_resnet
from traces.statistics import execution_rates
from traces.synthetic import synthetic_trace

GOLDEN = Path(__file__).with_name("golden.json")
Figures = dict[str, float]
Case = tuple[str, Figures]

NO_STEPS: dict[str, Any] = dict.fromkeys(STEPS, False)
AS_WRITTEN = Policy(**NO_STEPS)
POLICIES = {
    "wait": Policy(),
    "speculate": Policy(prefetch="speculate"),
    "batch 4": Policy(batch=4),
}
ALL_POLICIES = POLICIES | {
    "predict": Policy(prefetch="predict"),
    "oracle": Policy(prefetch="oracle"),
    "batch 4 similar": Policy(batch=4, batch_order="similar"),
    "batch 4 per input": Policy(batch=4, compaction="per_input"),
    "as written": AS_WRITTEN,
}
# Small buffers beside slow and fast memories: here it shows when weights are fetched and how inputs share them.
MIXED_ON = ("edge_npu_16x16", "tpu_v1_like")
SEPARABLE_ON = ("cortex_m7", "edge_npu_16x16", "eyeriss", "ethos_u65_256", "gap8", "gemmini_16x16")
SEQUENCE_ON = ("cortex_m55", "edge_npu_16x16", "ethos_u55_128", "eyeriss")
ESTIMATED_ON = ("cortex_m4", "edge_npu_16x16", "ethos_u65_256", "gemmini_16x16")
FRAMES_PER_SECOND = {
    "edge_npu_16x16": 8_000.0,
    "tpu_v1_like": 60_000.0,
}  # about the rate at which queues form


def predictions() -> dict[str, Figures]:
    """Return what the model predicts today, by case: network, design, policy."""
    return dict([*every_design(), *mixed(), *separable(), *streams(), *estimates(), *sequences(), *steps()])


def every_design() -> Iterator[Case]:
    """Yield a gated ResNet-8 on every shipped design."""
    trace = synthetic_trace(cifar_resnet(8, gates="both"), 64, seed=7)
    for name in design_names():
        for label, policy in POLICIES.items():
            yield f"{name}, {label}", replayed(trace, name, policy)


def mixed() -> Iterator[Case]:
    """Yield exits, layers, channels and tiles under every policy."""
    trace = mixed_trace()
    for name in MIXED_ON:
        for label, policy in ALL_POLICIES.items():
            yield f"mixed, {name}, {label}", replayed(trace, name, policy)


def sequences() -> Iterator[Case]:
    """Yield widths, elements and rows."""
    trace = synthetic_trace(sequence_network(), 16, seed=7)
    for name in SEQUENCE_ON:
        for label, policy in POLICIES.items():
            yield f"sequence, {name}, {label}", replayed(trace, name, policy)


def separable() -> Iterator[Case]:
    """Yield depthwise layers on every kind of unit, compiled and as written."""
    trace = synthetic_trace(depthwise_network(), 16, seed=7)
    for name in SEPARABLE_ON:
        yield f"separable, {name}, wait", replayed(trace, name, Policy())
        yield f"separable, {name}, as written", replayed(trace, name, AS_WRITTEN)


def steps() -> Iterator[Case]:
    """Yield what each of the compiler's steps is worth: scores to fold, weights to pin, layers to fuse in bands."""
    trace, others = (synthetic_trace(cifar_resnet(8, gates="both"), 12, seed=seed) for seed in (7, 14))
    trace = replace(trace, info=trace.info.model_copy(update={"rates": execution_rates(others)}))
    design = load_design("edge_npu_16x16", {"memory.activation_buffer": "16 KiB"})
    for step in ("none", *STEPS):
        policy = Policy() if step == "none" else Policy.of({step: False})
        yield f"steps, without {step}", figures_of(replay(trace, design, policy=policy).explained)


def streams() -> Iterator[Case]:
    """Yield frames that arrive at random, some of them too late."""
    trace = mixed_trace()
    for name, rate in FRAMES_PER_SECOND.items():
        settings = StreamSettings(
            arrivals=Arrivals(kind="poisson", rate_hz=rate, seed=7), frames=200, deadline_s=3 / rate, queue=4
        )
        told = stream(trace, load_design(name), settings).summary()
        yield (
            f"stream of mixed, {name}",
            {
                "latency_us": told.latency_us.mean,
                "wait_us": told.wait_us.mean,
                "energy_uj_per_frame": told.energy_uj_per_frame,
                "dropped": told.dropped,
                "miss_rate": told.miss_rate,
                "load": told.load,
            },
        )


def estimates() -> Iterator[Case]:
    """Yield every op by itself, with every gate open."""
    for network in (mixed_network(), depthwise_network()):
        for name in ESTIMATED_ON:
            rows = estimate(network, load_design(name)).rows
            for what in ("total_cycles", "dram_bytes", "energy_pj"):
                figures = {row.layer: float(getattr(row, what)) for row in rows}
                yield f"estimate of {network.name}, {name}, {what}", figures


def mixed_trace() -> Trace:
    """Return 24 made-up inputs of the network with every kind of decision, and the rates of 24 others.

    Of those most take the deeper exit and few run the layer, so a prediction fetches some weights early and not all.
    """
    trace, others = (synthetic_trace(mixed_network(), 24, seed=seed) for seed in (7, 14))
    return replace(trace, info=trace.info.model_copy(update={"rates": execution_rates(others)}))


def replayed(trace: Trace, design: str, policy: Policy) -> Figures:
    """Return the figures of a replay that people read first."""
    return figures_of(replay(trace, load_design(design), policy=policy).explained)


def figures_of(summary: Explained) -> Figures:
    """Return what is compared of a summary."""
    return {
        "latency_us": summary.latency_us.mean,
        "latency_us_p99": summary.latency_us.p99,
        "energy_uj": summary.energy_uj.mean,
        "dense_latency_us": summary.dense.latency_us,
        "dense_energy_uj": summary.dense.energy_uj,
        "mean_rate_latency_us": summary.mean_rate.latency_us,
        "dram_bytes": summary.dram_bytes,
    }


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(predictions(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {GOLDEN}\n")
