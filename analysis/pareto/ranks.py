"""Which points are best: exact dominance, ranks, knee and thinned fronts in any number of objectives.

Everything here works on *costs*, an array (n points, m objectives) where less is better; a maximised
objective enters with its sign turned.  The rules for odd values:

- a point with a NaN is not comparable: it has no rank (-1), dominates nothing and is dominated by nothing;
- infinities are ordinary values, the worst (+) and the best (-) there are;
- equal points do not dominate each other, so all of them share a rank.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from traces import Bools, Floats, Ints

Costs = Floats  # (n points, m objectives), less is better

NO_RANK = -1  # of a point with a NaN
_PAIRS = 1 << 22  # of points compared at a time, so that memory stays bounded


def pareto_mask(costs: Costs) -> Bools:
    """Return which points no other point dominates, shape (n,).

    A point dominates another if it is nowhere worse and somewhere better.  Points are taken in
    lexicographic order, in which nothing is dominated by what comes after it; each survivor strikes out
    all that it dominates at once.
    """
    points, inverse, comparable = _distinct(costs)
    keep = _front_of_two(points) if points.shape[1] == 2 else _front_of_any(points)
    mask = np.zeros(len(costs), bool)
    mask[comparable] = keep[inverse]
    return mask


def _front_of_two(points: Costs) -> Bools:
    """Return which of distinct points in lexicographic order nothing dominates: whose second cost is a new least."""
    second = points[:, 1]
    least = np.minimum.accumulate(np.concatenate([[np.inf], second[:-1]]))
    return np.asarray((second < least) | (np.arange(len(points)) == 0), bool)


def _front_of_any(points: Costs) -> Bools:
    """Return which of distinct points in lexicographic order nothing dominates."""
    keep = np.zeros(len(points), bool)
    left = np.arange(len(points))
    while left.size:
        best, rest = left[0], left[1:]
        keep[best] = True
        left = rest[(points[rest] < points[best]).any(axis=1)]
    return keep


def pareto_ranks(costs: Costs) -> Ints:
    """Return every point's rank, shape (n,): 0 on the front, 1 on the front of the rest, and so on.

    Efficient non-dominated sort by binary search (Zhang et al., IEEE TEVC 19(2), 2015): in lexicographic
    order a point belongs to the first front of which no member dominates it, and if front k has none,
    neither has any later front.
    """
    points, inverse, comparable = _distinct(costs)
    fronts: list[list[int]] = []
    rank_of = np.zeros(len(points), np.int64)
    for i, point in enumerate(points):
        low, high = 0, len(fronts)
        while low < high:
            middle = (low + high) // 2
            if (points[fronts[middle]] <= point).all(axis=1).any():
                low = middle + 1
            else:
                high = middle
        if low == len(fronts):
            fronts.append([])
        fronts[low].append(i)
        rank_of[i] = low
    ranks = np.full(len(costs), NO_RANK, np.int64)
    ranks[comparable] = rank_of[inverse]
    return ranks


def knee_point(costs: Costs) -> int | None:
    """Return the index of the front's knee: where giving up little in one objective gains most in the others.

    With every objective scaled to [0, 1] over the front, the point farthest below the plane through the
    objectives' worst ends, i.e. that with the smallest sum (Das, "On characterizing the knee of the
    Pareto curve", Structural Optimization 18, 1999, for a plane at equal angles).  The first point wins a
    tie; ``None`` if no point is finite.
    """
    front = np.flatnonzero(pareto_mask(costs) & np.isfinite(costs).all(axis=1))
    if not front.size:
        return None
    sums = _scaled(costs[front]).sum(axis=1)
    return int(front[np.flatnonzero(sums <= sums.min() + 1e-12)[0]])


def epsilon_front(costs: Costs, epsilon: float | Sequence[float]) -> Bools:
    """Return a thinned front, shape (n,): each point left out is matched by a kept one up to ``epsilon``.

    Parameters
    ----------
    costs
        Points, (n, m).
    epsilon
        What may be given up in each objective, in its own unit, at least 0; one number or one per objective.

    Notes
    -----
    A point x is epsilon-dominated by y if y - epsilon <= x everywhere (Laumanns et al., Evolutionary
    Computation 10(3), 2002, additive form).  Points are visited from the knee outwards, so that the best
    compromises are the ones that stay.
    """
    step = np.asarray(epsilon, float)
    front = np.flatnonzero(pareto_mask(costs))
    order = front[np.argsort(_scaled(costs[front]).sum(axis=1), kind="stable")]
    kept: list[int] = []
    for i in order:
        if not (costs[kept] - step <= costs[i]).all(axis=1).any():
            kept.append(int(i))
    mask = np.zeros(len(costs), bool)
    mask[kept] = True
    return mask


def band_masks(costs: Costs, low: Costs, high: Costs, family: Ints) -> tuple[Bools, Bools]:
    """Return which points are on the front for certain, and which possibly, given a band around each value.

    Parameters
    ----------
    costs, low, high
        Stated value and the ends of its band, (n, m), ``low <= costs <= high``.
    family
        (n,): points of one family share the source of their error (the same scaled energy table), so
        between them the stated values decide.  Choice: errors of one table are common to all its designs.

    Returns
    -------
    certain, possible
        A point is certainly on the front if no other, at its best, dominates it at its worst; possibly if
        no other, at its worst, dominates it at its best.  Where the two differ, the band can swap the order.
    """
    alone = _comparable(costs) & _front_by_family(costs, family)
    certain = alone & ~_beaten(low, high, family, alone)
    possible = alone & ~_beaten(high, low, family, alone)
    return certain, possible


def _front_by_family(costs: Costs, family: Ints) -> Bools:
    """Return which points no other of their family dominates."""
    mask = np.zeros(len(costs), bool)
    order = np.argsort(family, kind="stable")
    for members in np.split(order, np.flatnonzero(np.diff(family[order])) + 1):
        mask[members] = pareto_mask(costs[members])
    return mask


def _beaten(points: Costs, targets: Costs, family: Ints, asked: Bools) -> Bools:
    """Return which of the ``asked`` targets a point of another family dominates.

    Whatever dominates a target is dominated by, or is, a point on the front of all points; only where all of those
    that dominate it are of its own family, which do not count, the points behind the front are looked at too.
    """
    beaten = np.zeros(len(points), bool)
    front = np.flatnonzero(pareto_mask(points))
    rows = np.flatnonzero(asked)
    for some in np.array_split(rows, max(len(rows) * len(front) // _PAIRS, 1)):
        over = _dominates(points[front], targets[some])
        others = family[front] != family[some][:, None]
        beaten[some] = (over & others).any(axis=1)
        for i in some[over.any(axis=1) & ~beaten[some]]:
            away = points[family != family[i]]
            beaten[i] = _dominates(away, targets[i : i + 1]).any()
    return beaten


def _dominates(points: Costs, targets: Costs) -> Bools:
    """Return which points (n, m) dominate which targets (k, m), shape (k, n); NaN never does."""
    nowhere_worse = np.ones((len(targets), len(points)), bool)
    better = np.zeros_like(nowhere_worse)
    for ours, theirs in zip(points.T, targets.T, strict=True):
        nowhere_worse &= ours <= theirs[:, None]
        better |= ours < theirs[:, None]
    return nowhere_worse & better


def _comparable(costs: Costs) -> Bools:
    return np.asarray(~np.isnan(costs).any(axis=1), bool)


def _distinct(costs: Costs) -> tuple[Costs, NDArray[np.intp], Bools]:
    """Return the distinct comparable points in lexicographic order, where each came from, and who is comparable.

    Distinct points in this order turn "dominates" into "nowhere worse and comes before".
    """
    comparable = _comparable(costs)
    points, inverse = np.unique(costs[comparable] + 0.0, axis=0, return_inverse=True)  # + 0.0: -0 is 0
    return points, inverse.reshape(-1), comparable


def _scaled(costs: Costs) -> Costs:
    """Return costs scaled to [0, 1] over the finite points; an objective without range is 0."""
    finite = costs[np.isfinite(costs).all(axis=1)]
    if not len(finite):
        return np.zeros_like(costs)
    low, high = finite.min(axis=0), finite.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    return np.asarray(np.clip((costs - low) / spread, 0.0, 1.0), float)
