"""Vela's estimates beside the model: ops and whole networks, and what gates cost."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Final

import numpy as np

from analysis.validation.comparison import Comparison, Promise
from analysis.validation.over_largest import over_largest
from analysis.validation.reference_rows import Row, reference_rows
from analysis.validation.rows.kind import Pair
from analysis.validation.vela.networks import network
from analysis.validation.vela.one_op import networks_of_one_op, one_op
from analysis.validation.vela.ops import evaluate_ops

_TRUTH = "Arm Vela 5.2.0 (PyPI ethos-u-vela), an estimate of Arm's compiler, not silicon; random int8 weights"
# Which accelerators, largest mean and worst error allowed of passes, and of networks of one op.  The worst passes are
# ops of a few hundred cycles whose copies of weights Vela's scheduler hides or cuts in another way.
_OPS: Final = {
    "ethos-u55-128": ((0.02, 0.8), (0.03, 1.1)),
    "ethos-u55-32": ((0.02, 0.8), (0.02, 0.3)),
    "ethos-u55-64": ((0.02, 0.8), (0.02, 0.3)),
    "ethos-u55-256": ((0.02, 0.8), (0.03, 0.3)),
    "ethos-u65-256": ((0.02, 0.8), (0.03, 0.3)),
    "ethos-u85-256": ((0.05, 0.9), (0.05, 0.7)),
}
_STAIR = "conv_st_"  # how networks of one convolution are called whose channels shrink step by step


def vela_comparisons() -> tuple[Comparison, ...]:
    """Compare passes and networks of one op by accelerator, whole networks, and dynamic over dense networks."""
    passes = (vela_passes(accelerator) for accelerator in _OPS)
    alone = (_alone(accelerator, *bounds) for accelerator, (_, bounds) in _OPS.items())
    return *passes, *alone, _staircases(), _networks(), _dynamic_over_dense()


def _rows(accelerator: str) -> list[Row]:
    return [row for row in reference_rows("vela_ops") if row["accelerator"] == accelerator]


def vela_passes(accelerator: str) -> Comparison:
    """Compare the passes that Vela's compiler made of all networks on an accelerator."""
    (mean, worst), _ = _OPS[accelerator]
    pairs = [outcome for outcome in evaluate_ops(_rows(accelerator)) if isinstance(outcome, Pair)]
    return _comparison(
        f"Vela on {accelerator}, cycles of an op",
        [pair.label for pair in pairs],
        [(pair.measured, pair.predicted) for pair in pairs],
        ("cycles", mean, worst),
        part="the passes that Vela's compiler made of a network, which are read from its rows",
    )


@cache
def _one_ops(accelerator: str) -> list[tuple[Row, tuple[float, float]]]:
    """Return the first pass of each network of one op, its cycles by Vela and by the model."""
    return [(passes[0], one_op(passes)) for passes in networks_of_one_op(_rows(accelerator))]


def _alone(accelerator: str, mean: float, worst: float) -> Comparison:
    found = _one_ops(accelerator)
    return _comparison(
        f"Vela on {accelerator}, networks of one op",
        [f"{row['network']} {row['memory_mode']}" for row, _ in found],
        [pair for _, pair in found],
        ("cycles", mean, worst),
    )


def _staircases() -> Comparison:
    """Compare what fewer channels leave of a convolution, on every accelerator."""
    stairs = [one for name in _OPS for one in _one_ops(name) if one[0]["network"].startswith(_STAIR)]
    rows = [row for row, _ in stairs]
    cycles = _comparison(
        "cycles of staircases",
        [" ".join(row[name] for name in ("network", "accelerator", "memory_mode")) for row in rows],
        [pair for _, pair in stairs],
        ("cycles", 1.0, 1.0),
    )
    return over_largest(
        cycles,
        "Vela on Ethos-U, convolutions over the most channels",
        [tuple(row[name] for name in ("accelerator", "memory_mode", "ifm_h", "kernel_h")) for row in rows],
        [int(row["ifm_c"]) * int(row["ofm_c"]) for row in rows],
        Promise(0.03, 0.2),
    )


@cache
def _network_cycles() -> dict[str, tuple[float, float]]:
    """Cycles of each covered network on each machine, by Vela and by the model."""
    return {_name(row): network(row) for row in reference_rows("vela_networks")}


def _networks() -> Comparison:
    rows = reference_rows("vela_networks")
    return _comparison(
        "Vela on Ethos-U, cycles of a network",
        [_name(row) for row in rows],
        [_network_cycles()[_name(row)] for row in rows],
        ("cycles", 0.03, 0.1),
    )


def _dynamic_over_dense() -> Comparison:
    """Compare what gates, or fewer channels, make of ResNet-20's time: nothing else moves."""
    found = _network_cycles()
    dense = {
        _machine(row): found[_name(row)]
        for row in reference_rows("vela_networks")
        if row["network"] == "rn20_dense"
    }
    rows = [
        row
        for row in reference_rows("vela_networks")
        if row["network"].startswith(("rn20_gate", "rn20_keep"))
    ]
    ratios = []
    for row in rows:
        measured, predicted = found[_name(row)]
        whole = dense[_machine(row)]
        ratios.append((measured / whole[0], predicted / whole[1]))
    return _comparison(
        "Vela on Ethos-U, dynamic over dense ResNet-20",
        [_name(row) for row in rows],
        ratios,
        ("1", 0.05, 0.25),
    )


def _machine(row: Row) -> tuple[str, ...]:
    return row["accelerator"], row["system_config"], row["memory_mode"]


def _name(row: Row) -> str:
    return " ".join((row["network"], *_machine(row)))


def _comparison(
    name: str,
    labels: Sequence[str],
    pairs: Sequence[tuple[float, float]],
    bounds: tuple[str, float, float],
    part: str = "",
) -> Comparison:
    unit, mean, worst = bounds
    return Comparison(
        name=name,
        truth=_TRUTH,
        labels=tuple(labels),
        measured=np.array([measured for measured, _ in pairs]),
        predicted=np.array([predicted for _, predicted in pairs]),
        unit=unit,
        bound_mean=mean,
        bound_worst=worst,
        part=part,
    )
