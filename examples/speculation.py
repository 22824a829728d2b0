"""Whether speculation is worth its bytes.

Weights of a gated block can wait for the decision, or come early and be thrown away if the block is
skipped.  The slower the memory, the more a wait costs, and the more a wasted byte does.
"""

from __future__ import annotations

from dataclasses import replace

import lacuna as lc

BANDWIDTHS = ("0.4 GB/s", "1.6 GB/s", "6.4 GB/s")
POLICIES = (
    lc.Policy(prefetch="wait"),
    lc.Policy(prefetch="speculate"),
    lc.Policy(prefetch="predict"),
    lc.Policy(prefetch="oracle"),
)


def main() -> None:
    """Print what each policy takes on each memory."""
    graph = lc.cifar_resnet(20, "layer")
    rates = {gate.name: 0.9 if i % 2 else 0.3 for i, gate in enumerate(graph.gates)}  # some run nearly always
    made_up = lc.synthetic_trace(graph, 200, lc.SyntheticSettings(rates=rates))
    known = {name: (rate,) for name, rate in rates.items()}  # what other inputs did, for `predict`
    trace = replace(made_up, info=made_up.info.model_copy(update={"rates": known}))
    print("DRAM      policy       latency     energy   wasted")
    for bandwidth in BANDWIDTHS:
        design = lc.load_design("edge_npu_32x32", {"memory.dram.bandwidth": bandwidth})
        for policy in POLICIES:
            summary = lc.replay(trace, design, policy=policy, explain=False).replayed
            print(
                f"{bandwidth}  {policy.prefetch:9}  {summary.latency_us.mean:6.1f} us  {summary.energy_uj.mean:6.1f} uJ"
                f"  {summary.wasted_bytes / 1000:4.0f} kB"
            )


if __name__ == "__main__":
    main()
