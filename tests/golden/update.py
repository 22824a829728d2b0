"""Write golden.json anew: ``make golden``.  Say in CHANGELOG.md, under Numbers, what moved and why."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from accel_models import design_names, load_design
from simulator import Policy, replay
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace

GOLDEN = Path(__file__).with_name("golden.json")
POLICIES = {
    "wait": Policy(),
    "speculate": Policy(prefetch="speculate"),
    "batch 4": Policy(batch=4),
}


def predictions() -> dict[str, dict[str, float]]:
    """Return what the model predicts today for a fixed trace, by design and policy."""
    trace = synthetic_trace(cifar_resnet(8, gates="both"), 64, seed=7)
    found = {}
    for name in design_names():
        for label, policy in POLICIES.items():
            summary = replay(trace, load_design(name), policy=policy).explained
            found[f"{name}, {label}"] = {
                "latency_us": summary.latency_us.mean,
                "latency_us_p99": summary.latency_us.p99,
                "energy_uj": summary.energy_uj.mean,
                "dense_latency_us": summary.dense.latency_us,
                "dense_energy_uj": summary.dense.energy_uj,
                "mean_rate_latency_us": summary.mean_rate.latency_us,
                "dram_bytes": summary.dram_bytes,
            }
    return found


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps(predictions(), indent=1) + "\n", encoding="utf-8")
    sys.stdout.write(f"wrote {GOLDEN}\n")
