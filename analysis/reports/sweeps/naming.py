"""How the points of one sweep are told apart, and where each is found."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from analysis.names import network_titles, words_of_settings

if TYPE_CHECKING:
    from analysis.sweeps.row import SweepRow

POINTS: Final = "points"  # folder of the replays of single points
POINT_KEY: Final = 8  # digits of a key that name a point, here and in `lacuna pareto`


@dataclass(frozen=True, slots=True)
class Naming:
    """How the points of one sweep are told apart."""

    titles: dict[str, str]  # trace: its network as people write it
    by_trace: bool  # more than one trace
    by_prefetch: bool  # more than one policy

    @classmethod
    def of(cls, rows: Sequence[SweepRow]) -> Naming:
        """Return what varies between rows, beside the axes of the space."""
        titles = network_titles({row.trace for row in rows})
        return cls(titles, len(titles) > 1, len({row.prefetch for row in rows}) > 1)

    def labels(self, row: SweepRow) -> dict[str, str]:
        """Return what varies in the sweep, by column, with one row's values."""
        labels = {name: str(value) for name, value in json.loads(row.parameters).items()}
        if self.by_trace:
            labels["trace"] = self.titles[row.trace]
        if self.by_prefetch:
            labels["prefetch"] = row.prefetch
        return labels

    def name(self, row: SweepRow) -> str:
        """Return a name for one row: ``LC-Net ResNet-20 50 % on Edge NPU 16 x 16, array rows 8``."""
        labels = self.labels(row)
        network = labels.pop("trace", "")
        design = words_of_settings(row.design, labels)
        return f"{network} on {design}" if network else design


def page_of(row: SweepRow) -> Path:
    """Return where the replay of a point is kept, relative to the sweep's folder."""
    return Path(POINTS) / row.key[:POINT_KEY]


def anchor_of(row: SweepRow) -> str:
    """Return under what name others link to a row."""
    return f"point-{row.index}"
