"""When skipping layers beats skipping channels, and on which array sizes.

Both leave the same share of a block's MACs: blocks that run with probability r, or channels kept with
probability r.  A skipped layer is gone with all that goes with it; a skipped channel shrinks K and N, which
an array feels only in whole folds.
"""

from __future__ import annotations

import lacuna as lc

SIDES = (4, 8, 16, 32)
RATES = (0.75, 0.5, 0.25)
INPUTS = 100


def main() -> None:
    """Print the share of the dense latency that each way of skipping takes."""
    print("           mean latency, dense = 100 %")
    print("array    kept   layers  channels  better")
    for side in SIDES:
        design = lc.load_design("edge_npu_16x16", {"array.rows": side, "array.cols": side})
        for rate in RATES:
            took = {}
            for kind in ("layer", "channel"):
                trace = lc.synthetic_trace(
                    lc.cifar_resnet(20, kind), INPUTS, lc.SyntheticSettings(rates=rate)
                )
                summary = lc.replay(trace, design, explain=False).replayed
                took[kind] = summary.latency_us.mean / summary.dense.latency_us
            better = "layers" if took["layer"] < took["channel"] else "channels"
            size = f"{side} x {side}"
            print(f"{size:7}  {rate:4.0%}   {took['layer']:6.1%}    {took['channel']:6.1%}  {better}")


if __name__ == "__main__":
    main()
