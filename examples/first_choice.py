"""The first design choice for an LC-Net on an edge NPU: how large an array, how fast a memory.

Two operating points of one trained network, LC-Net on a ResNet-20, as recorded on CIFAR-10: the shipped traces
at 48 % and 28.5 % of the MACs, here their first 2,000 images.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import lacuna as lc

SPACE = """
designs: edge_npu_16x16
link:
  side: {to: [array.rows, array.cols], values: 8..32 log2}
set:
  memory.dram.bandwidth: [0.8 GB/s, 3.2 GB/s]
budget: {area: 1.5 mm2}
traces: [lean.parquet, rich.parquet]
objectives: {minimize: [latency_us, area_mm2], maximize: [accuracy]}
"""
POINTS = {"lean": "lcnet_resnet20_30_cifar10", "rich": "lcnet_resnet20_50_cifar10"}
IMAGES = 2_000


def main() -> None:
    """Sweep the space and print the front."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for point, recorded in POINTS.items():
            lc.save_trace(lc.load_trace(recorded, IMAGES), folder / f"{point}.parquet")
        (folder / "space.yaml").write_text(SPACE)
        space = lc.load_space(folder / "space.yaml")
        print(space.describe())
        front = lc.sweep(space, folder / "out", workers=0).front()
    print(f"{len(front.frame)} on the front, {front.dominated} beaten, {front.over_budget} over the budget")
    print("side  DRAM      point  accuracy  latency   energy   area")
    for row in front.frame.to_dict("records"):
        print(
            f"{row['side']:4}  {row['memory.dram.bandwidth']}  {row['trace']:5}  {row['accuracy']:6.1%}  "
            f"{row['latency_us']:6.0f} us  {row['energy_uj']:4.0f} uJ  {row['area_mm2']:.2f} mm2"
            f"{'  <- knee' if row['knee'] else ''}"
        )


if __name__ == "__main__":
    main()
