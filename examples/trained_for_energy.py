"""The co-design loop, closed: one LC-Net trained towards fewer MACs, one towards less energy of this accelerator.

Both start from the same backbone and are trained alike; the second learns from a table of what each op costs by its
active channels, which `lacuna cost-table` exports for any design. What counts is the energy at equal accuracy.
"""

from __future__ import annotations

import numpy as np

import lacuna as lc

DESIGN = "ethos_u55_128_like"
BY_MACS = (
    "lcnet_resnet20_20",
    "lcnet_resnet20_30",
    "lcnet_resnet20_40",
    "lcnet_resnet20_50",
    "lcnet_resnet20_70",
)
BY_ENERGY = ("lcnet_ethos_50", "lcnet_ethos_70")


def measured(name: str) -> tuple[float, float, float]:
    """Return the test accuracy, the share of MACs and the energy per image [uJ] of a shipped network."""
    summary = lc.replay(lc.load_trace(f"{name}_cifar10"), lc.load_design(DESIGN), explain=False).replayed
    assert summary.accuracy is not None  # its trace has labels
    return summary.accuracy, summary.macs / summary.dense.macs, summary.energy_uj.mean


def main() -> None:
    """Print both curves, and what training for energy saves at equal accuracy."""
    by_macs = [measured(name) for name in BY_MACS]
    by_energy = [measured(name) for name in BY_ENERGY]
    print(f"energy on {DESIGN}\ntrained for  network             accuracy   MACs     energy")
    for goal, names, points in (("MACs", BY_MACS, by_macs), ("energy", BY_ENERGY, by_energy)):
        for name, (accuracy, macs, energy) in zip(names, points, strict=True):
            print(f"{goal:11}  {name:18}  {accuracy:8.1%}  {macs:5.1%}  {energy:6.1f} uJ")
    front = [p for p in by_macs if not any(q[0] > p[0] and q[2] < p[2] for q in by_macs)]
    accuracies, _, energies = zip(*sorted(front), strict=True)
    for accuracy, _, energy in by_energy:
        if accuracies[0] <= accuracy <= accuracies[-1]:
            alike = float(np.interp(accuracy, accuracies, energies))
            print(f"at {accuracy:.1%}: {energy:.1f} uJ instead of {alike:.1f} uJ, {energy / alike - 1:+.1%}")


if __name__ == "__main__":
    main()
