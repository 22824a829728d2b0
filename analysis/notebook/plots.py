"""``results.plot``: the figures of a report, one at a time, as objects that nothing is written for."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from analysis.figures.charts import figure_of
from analysis.figures.pictures import Picture
from analysis.reports.replays.names import name_replays
from analysis.reports.replays.pictures import replay_pictures
from analysis.reports.replays.view import MisfitView, view_of
from traces import UnsupportedError

if TYPE_CHECKING:
    from simulator import Results


@dataclass(frozen=True, slots=True, eq=False)
class Plots:
    """Figures of one replay.  Each is a matplotlib figure, or with ``interactive=True`` a plotly one."""

    results: Results

    def waterfall(
        self, quantity: Literal["latency", "energy"] = "latency", *, interactive: bool = False
    ) -> Any:
        """Return where the promised saving went."""
        return self._drawn(self._picture(f"waterfall-{quantity}"), interactive)

    def cdf(self, *, interactive: bool = False) -> Any:
        """Return the latency of the inputs, as a cumulative distribution beside the estimates."""
        return self._drawn(self._picture("latency"), interactive)

    def roofline(self, *, interactive: bool = False) -> Any:
        """Return the layers under the roofs of memory and array."""
        return self._drawn(self._picture("roofline"), interactive)

    def timeline(self, *, interactive: bool = False) -> Any:
        """Return the first inputs on the units; the replay must have kept them (``timeline=3``)."""
        return self._drawn(self._picture("timeline"), interactive)

    def ops(self, *, interactive: bool = False) -> Any:
        """Return what each op adds to the mean latency, and on what it spends that."""
        return self._drawn(self._picture("ops"), interactive)

    def _picture(self, kind: str) -> Picture:
        view = view_of(self.results, name_replays([self.results], [""])[0])
        if isinstance(view, MisfitView):
            raise UnsupportedError(
                f"design {self.results.design.name!r}: does not fit: {self.results.reason}"
            )
        return _named(replay_pictures(view), kind)

    def _drawn(self, picture: Picture, interactive: bool) -> Any:
        if interactive:
            return figure_of(picture)
        from analysis.figures.drawings import styled_figure  # noqa: PLC0415  (matplotlib is slow to import)

        return styled_figure(picture)


def _named(pictures: Iterable[Picture], kind: str) -> Picture:
    for picture in pictures:
        if picture.key.endswith(f"_{kind}"):
            return picture
    why = "replay again with timeline=3" if kind == "timeline" else "the design has no such figure"
    raise UnsupportedError(f"plot.{kind}: nothing to draw: {why}")
