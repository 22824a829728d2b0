"""The workload at its mean execution rates: what a static estimator would be told."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from traces.base.arrays import Floats
from traces.work.active import (
    Channels,
    Mask,
    prefix_rows,
)
from traces.work.lowering import OpWork, gathered
from traces.work.workload import Workload


@dataclass(frozen=True, eq=False)
class MeanWorkload:
    """The one input that a mean-rate estimate prices: mean sizes of what runs, and how often it runs."""

    workload: Workload  # one input; mean channels and tiles rounded half up
    rate: Floats  # (ops,), share of inputs for which the op runs [0..1]
    in_channels: Floats  # (ops,), mean where it runs
    out_channels: Floats  # (ops,), mean where it runs
    tiles: Floats  # (ops,), mean where it runs


def mean_workload(workload: Workload) -> MeanWorkload:
    """Return the workload at its mean execution rates: what a static estimator would be told.

    Choice: which channels are kept on average has no answer, so masks of the result keep the first ones.
    """
    means = np.zeros((3, len(workload.states)))
    pieces: list[OpWork] = []
    for i, (states, counts) in enumerate(zip(workload.states, workload.state_counts, strict=True)):
        ran = int(counts[states.runs].sum())
        sums = [int(counts @ values) for values in (states.in_channels, states.out_channels, states.tiles)]
        means[:, i] = np.array(sums) / max(ran, 1)
        cin, cout, tiles = ((2 * total + ran) // (2 * ran) if ran else 0 for total in sums)
        op, tile_total = workload.graph.ops[i], int(workload.tile_totals[i])
        runs = np.array([ran > 0])
        sides = (_first(op.in_channels, cin), _first(op.out_channels, cout))
        pieces.append(OpWork(op, runs, *sides, tiles, tile_total))
    return MeanWorkload(gathered(workload.graph, 1, pieces), workload.rate, *means)


def _first(total: int, count: int) -> Channels:
    """Return the first ``count`` channels of ``total``, for one input."""
    mask = Mask(total, np.array([count], np.int32), lambda: prefix_rows([count], total))
    return Channels(total, np.array([count > 0]), mask if count < total else None)
