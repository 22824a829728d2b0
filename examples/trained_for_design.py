"""Networks trained for a design: skipped layers priced in its cycles, beside networks trained for MACs and static ones.

`lacuna cost-table` exports what each op costs a design as its compiler leaves it; `cost.table` of a training
configuration reads it. What counts is the latency and the energy at equal accuracy, against the best of the others,
interpolated between those next to it. The second family is wide and shallow: there a little network answers first, and
the large one where the little one is not sure; how sure it must be was chosen on images that are not measured here.
What is saved is printed of every network, at its accuracy, against the best of the others.
"""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

import lacuna as lc
from networks import load_config

DESIGNS = ("cortex_m4", "ethos_u55_128", "edge_npu_32x32", "gemmini_16x16")
# each is tried on all of them
FOR_A_DESIGN = ("lnet_u55_cycles", "lnet_gemmini_cycles", "lnet_npu32_50", "ddi_npu32_cycles")
BY_MACS = (
    *(f"lcnet_resnet20_{share}" for share in (70, 50, 40, 30, 20)),
    *(f"lcnet_taught_{share}" for share in (50, 25)),
    *(f"cnet_resnet20_{share}" for share in (50, 30)),
    *(f"lnet_resnet20_{share}" for share in (70, 50, 30)),
    "lnet_bits_35",
    *(f"ddi_resnet20_{share}" for share in (50, 25)),
)
STATIC = (
    "resnet20_taught",
    "resnet20_taught3",
    *(f"resnet20_narrow{share}" for share in (70, 50, 40, 30, 20)),
    "resnet20_narrow50_taught",
    "resnet14_short",
    "resnet8_short",
)
WIDE = ("wide_teacher", "wide_taught", "wide_teacher_narrow34", "wide_teacher_narrow20")
LITTLE_BIG = "wide_little_big"
Point = tuple[float, float, float]  # accuracy [0..1], latency [us], energy [uJ]


def dynamic(name: str, design: lc.Design, threshold: float | None = None) -> Point:
    """Return what a shipped trace reaches on a design, compiled as well as it allows."""
    trace = recorded(name)
    if threshold is not None:
        trace = lc.with_exit_threshold(trace, threshold)
    summary = lc.replay(trace, design, explain=False).replayed
    assert summary.accuracy is not None  # its trace has labels
    return summary.accuracy, summary.latency_us.mean, summary.energy_uj.mean


def static(name: str, design: lc.Design) -> Point:
    """Return the same of a static network: one input is like the next."""
    summary = lc.replay(one_input(name), design, explain=False).replayed
    return measured()[name]["test_accuracy"], summary.latency_us.mean, summary.energy_uj.mean


@cache
def recorded(name: str) -> lc.Trace:
    """Return a shipped trace; every design replays the same."""
    return lc.load_trace(f"{name}_cifar10")


@cache
def one_input(name: str) -> lc.Trace:
    """Return one input of a static network."""
    model = load_config(Path("networks/shipped") / f"{name}.yaml").model
    graph = model.graph(model.build(), name, (3, 32, 32))
    one = np.zeros(1, np.int32)
    return lc.Trace(
        graph=graph, info=lc.TraceInfo(model_name=name), labels=one, predictions=one, decisions={}
    )


@cache
def measured() -> dict[str, dict[str, Any]]:
    """Return what was measured of every network, also of those whose weights do not ship."""
    found: dict[str, dict[str, Any]] = json.loads(
        Path("networks/shipped/provenance.json").read_text(encoding="utf-8")
    )["artefacts"]
    return found


def thresholds() -> list[float]:
    """Return the exit thresholds that were chosen on validation images, for four losses of accuracy there."""
    return [row["threshold"] for row in measured()[LITTLE_BIG]["exit_choices"]]


def saved(point: Point, others: list[Point], column: int) -> float | None:
    """Return the share saved against the best of others at equal accuracy; ``None`` beyond their ends."""
    front = sorted(p for p in others if not any(q[0] >= p[0] and q[column] < p[column] for q in others))
    reached = [p[0] for p in front]
    if not reached[0] <= point[0] <= reached[-1]:
        return None
    return 1.0 - point[column] / float(np.interp(point[0], reached, [p[column] for p in front]))


def main() -> None:
    """Print, per design, every network's point, and what the best dynamic ones save at equal accuracy."""
    for name in DESIGNS:
        design = lc.load_design(name)
        for_macs = {network: dynamic(network, design) for network in BY_MACS}
        for_design = {network: dynamic(network, design) for network in FOR_A_DESIGN}
        fixed = {network: static(network, design) for network in STATIC}
        wide = {network: static(network, design) for network in WIDE}
        sure = {f"little/big, {t}": dynamic(LITTLE_BIG, design, t) for t in thresholds()}
        still = [*fixed.values(), *wide.values()]
        print(
            f"\n{name}\ntrained for  network                   accuracy     latency     energy  against static ones"
        )
        table("static", fixed | wide, [])
        table("MACs", for_macs, still)
        table("a design", for_design, still)
        table("exits", sure, still)
        compare("trained for a design", for_design, "trained for MACs", list(for_macs.values()))
        compare("gated", for_macs | for_design, "static", still)
        compare("little before big", sure, "static", still)


def table(goal: str, points: dict[str, Point], static: list[Point]) -> None:
    """Print networks, and what each saves against static ones of its accuracy."""
    for network, point in points.items():
        accuracy, latency, energy = point
        line = f"{goal:11}  {network:24}  {accuracy:7.1%}  {latency:8.0f} us  {energy:6.0f} uJ"
        time, joules = (saved(point, static, column) if static else None for column in (1, 2))
        more = "" if time is None or joules is None else f"  {_less(time)} time, {_less(joules)} energy"
        print(line + more)


def compare(what: str, points: dict[str, Point], than: str, others: list[Point]) -> None:
    """Print the most that points save in time against others of equal accuracy, and the energy there."""
    found = {name: saved(point, others, 1) for name, point in points.items()}
    known = {name: share for name, share in found.items() if share is not None}
    if known:
        best = max(known, key=known.__getitem__)
        energy = saved(points[best], others, 2)
        more = "" if energy is None else f", {_less(energy)} energy"
        print(
            f"{what}, best of {len(known)}, at the accuracy of {best}: {_less(known[best])} time{more} than {than}"
        )


def _less(share: float) -> str:
    return f"{abs(share):.1%} {'less' if share >= 0 else 'more'}"


if __name__ == "__main__":
    main()
