"""Accuracy against MACs: the operating points of each method, from the provenance of what ships."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from analysis.figures.palette import MARKERS, SERIES, series_colour

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

BACKBONE = "resnet20_taught"
_MOST_MACS = 1.1  # Choice: of the backbone's, in the figure
_LEAST = 0.76  # Choice: accuracy of exits in the figure; lower thresholds answer worse still


@dataclass(frozen=True, slots=True)
class TradeOffSeries:
    """One method's operating points, by rising MACs."""

    name: str
    macs: tuple[float, ...]  # share of the backbone's
    accuracy: tuple[float, ...]  # [0..1]


@dataclass(frozen=True, slots=True)
class TradeOffInfo:
    """Accuracy against MACs, a line per method."""

    series: tuple[TradeOffSeries, ...]

    size = (8.7, 4.6)
    dots_per_inch = 150

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        for i, one in enumerate(self.series):
            axes.plot(
                one.macs, one.accuracy, MARKERS[i % len(MARKERS)],
                ls="-" if i < len(SERIES) else "--",  # colours repeat
                color=series_colour(i), ms=5, lw=1.2, label=one.name,
            )  # fmt: skip
        canvas.in_percent(x=True, y=True)
        axes.set(xlabel="MACs, share of the static ResNet-20", ylabel="test accuracy")
        canvas.figure.legend(loc="outside right center", fontsize=8)


def trade_off(artefacts: Mapping[str, Mapping[str, Any]]) -> TradeOffInfo:
    """Return the operating points of each method on the backbone or on less; of exits, at every threshold."""
    exits = {name: entry for name, entry in artefacts.items() if "exit_thresholds" in entry}
    compared = {BACKBONE: artefacts[BACKBONE]} | _compared(artefacts) | exits
    methods = dict.fromkeys(compared[name]["method"] for name in sorted(compared))
    series = (_series(compared, method) for method in methods)
    return TradeOffInfo(tuple(one for one in series if one.macs))


def _compared(artefacts: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Leave out the wide networks, the teachers."""
    return {name: entry for name, entry in artefacts.items() if entry["macs"] <= artefacts[BACKBONE]["macs"]}


def _series(artefacts: Mapping[str, Mapping[str, Any]], method: str) -> TradeOffSeries:
    names = [name for name, entry in artefacts.items() if entry["method"] == method]
    points = sorted(point for name in names for point in _points(artefacts, name) if point[0] <= _MOST_MACS)
    if any("exit_thresholds" in artefacts[name] for name in names):
        points = [
            a for a in points if a[1] >= _LEAST and not any(b[0] < a[0] and b[1] > a[1] for b in points)
        ]
    return TradeOffSeries(method, tuple(macs for macs, _ in points), tuple(right for _, right in points))


def _points(artefacts: Mapping[str, Mapping[str, Any]], name: str) -> list[tuple[float, float]]:
    """Return the MACs, as a share of the backbone's, and the accuracy of a network at each of its thresholds."""
    entry = artefacts[name]
    if "exit_thresholds" not in entry:
        return [(macs_of(artefacts, name), entry["test_accuracy"])]
    dense = entry["macs"] / artefacts[BACKBONE]["macs"]
    return [(row["macs_kept"] * dense, row["test_accuracy"]) for row in entry["exit_thresholds"]]


def aimed_at(artefacts: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[int, str]]:
    """Return, by method, the networks that aim at a share of the backbone's MACs, by that share [%].

    The share ends a network's name: ``lcnet_resnet20_50``.  Those trained for a design aim at something else.
    """
    found: dict[str, dict[int, str]] = {}
    for name in sorted(_compared(artefacts)):
        share = re.search(r"(?:_|narrow)(\d\d)$", name)
        method: str = artefacts[name]["method"]
        if share and ", for " not in method:
            found.setdefault(method, {})[int(share[1])] = name
    return found


def macs_of(artefacts: Mapping[str, Mapping[str, Any]], name: str) -> float:
    """Return the mean MACs of a network as a share of the static backbone's."""
    entry = artefacts[name]
    kept: float = entry["macs_kept"]["mean"] if "macs_kept" in entry else 1.0
    share: float = kept * entry["macs"] / artefacts[BACKBONE]["macs"]
    return share
