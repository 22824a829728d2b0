"""Exact hypervolume: the volume of objective space that a set of points dominates."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from math import inf

import numpy as np

from analysis.pareto.ranks import Costs, pareto_mask
from traces import ConfigError

_PAIRS_UP_TO = 128  # points that are quicker compared pair by pair than struck out in turn (measured)


def hypervolume(costs: Costs, reference: Sequence[float]) -> float:
    """Return the volume between the points and ``reference`` that at least one point dominates.

    Parameters
    ----------
    costs
        Points, (n, m), less is better.  Points not better than the reference everywhere add nothing, nor
        do points with a NaN; a value of minus infinity is refused.
    reference
        Finite upper corner, (m,).

    Notes
    -----
    Two and three objectives are swept; from four on, WFG (While, Bradstreet, Barone, IEEE TEVC 16(1), 2012):
    the sum over points of what each adds to the later ones, whose time grows exponentially with m.
    """
    corner = np.asarray(reference, float)
    if corner.shape != costs.shape[1:] or not np.isfinite(corner).all():
        raise ConfigError(
            f"hypervolume: reference = {list(reference)}: needs {costs.shape[1]} finite numbers, one per objective"
        )
    inside = costs[(costs < corner).all(axis=1)]
    if np.isneginf(inside).any():
        raise ConfigError("hypervolume: a point is minus infinity, so its volume has no bound")
    return _volume(_front(inside), corner)


def _volume(front: Costs, corner: Costs) -> float:
    """Return the volume of mutually non-dominated, distinct, lexicographically sorted points."""
    if not len(front):
        return 0.0
    objectives = front.shape[1]
    if objectives == 1:
        return float(corner[0] - front[0, 0])
    if objectives == 2:
        return _area(front, corner)
    if objectives == 3:
        return _swept(front, corner)
    return sum(_added(front, i, corner) for i in range(len(front)))


def _area(front: Costs, corner: Costs) -> float:
    """Return the area under a staircase whose first objective rises and second falls."""
    ceilings = np.concatenate([corner[1:], front[:-1, 1]])
    return float(np.sum((corner[0] - front[:, 0]) * (ceilings - front[:, 1])))


def _swept(front: Costs, corner: Costs) -> float:
    """Return the volume in three objectives: slices along the first, each as deep as the step to the next.

    ``xs`` (rising) and ``ys`` (falling) are the stairs, in the other two objectives, of the points passed
    so far, between two sentinels; ``area`` is what they dominate.
    """
    xs, ys = [-inf, float(corner[1])], [float(corner[2]), -inf]
    area = total = 0.0
    ends = [*front[1:, 0].tolist(), float(corner[0])]
    for (start, x, y), end in zip(front.tolist(), ends, strict=True):
        first = last = bisect_right(xs, x)
        left = x
        while ys[last - 1] > y:  # the new step lowers the stairs from here to the next lower one
            area += (xs[last] - left) * (ys[last - 1] - y)
            left = xs[last]
            last += 1
        if last > first:
            xs[first : last - 1], ys[first : last - 1] = [x], [y]
        total += (end - start) * area
    return total


def _added(front: Costs, i: int, corner: Costs) -> float:
    """Return the volume that point i dominates and no later point does.

    Later points have a larger first objective, so cut to this point's box they keep their own first
    objective, and lie above it: the box minus their volume.
    """
    limited = np.maximum(front[i + 1 :], front[i])
    return float(np.prod(corner - front[i])) - _volume(_front(limited), corner)


def _front(points: Costs) -> Costs:
    """Return the distinct non-dominated points in lexicographic order."""
    if len(points) > _PAIRS_UP_TO:
        points = points[pareto_mask(points)]
    ordered: Costs = points[np.lexsort(points.T[::-1])]
    new = np.ones(len(ordered), bool)
    new[1:] = (ordered[1:] != ordered[:-1]).any(axis=1)
    distinct: Costs = ordered[new]
    if len(points) > _PAIRS_UP_TO:
        return distinct
    no_worse = (distinct[:, None, :] <= distinct[None, :, :]).all(axis=2)
    only_itself = no_worse.sum(axis=0) == 1
    return np.asarray(distinct[only_itself])
