"""Each layer against the two roofs of its design: peak arithmetic and DRAM bandwidth."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.palette import BLACK, BLUE, GREY, ORANGE
from analysis.figures.pictures import FREE_HEIGHT, FREE_INCHES
from analysis.figures.plain_chart import Chart, ChartMarks, laid_out, log_axis, plain
from analysis.words import shorten

if TYPE_CHECKING:
    from analysis.figures.canvas import Canvas

_NAMED = 6  # Choice: layers whose names are drawn, those that take most cycles
_ROOM = (0.3, 0.06)  # of a name, as shares of the picture


@dataclass(frozen=True, slots=True)
class LayerWork:
    """What one layer did on average: the input of a roofline."""

    name: str
    macs: float  # useful [MAC]
    dram_bytes: float  # on the bus [B]
    cycles: float  # while it ran [cycles]


@dataclass(frozen=True, slots=True)
class RooflinePoint:
    """One layer: how much it computes per byte, and how fast."""

    name: str
    intensity: float  # useful MACs per DRAM byte [MAC/B]
    speed: float  # useful MACs per cycle [MAC/cycle]
    roof: float  # the lower of the two roofs at this intensity [MAC/cycle]
    memory_bound: bool  # left of the ridge
    share: float  # of the network's cycles [0..1]


@dataclass(frozen=True, slots=True)
class RooflineInfo:
    """Layers under the roofs of one design."""

    peak: float  # [MAC/cycle]
    bandwidth: float  # [B/cycle]
    points: tuple[RooflinePoint, ...]
    on_chip: tuple[str, ...]  # layers that touch no DRAM: no intensity to draw

    @property
    def ridge(self) -> float:
        """Intensity at which both roofs meet [MAC/B]."""
        return self.peak / self.bandwidth

    height = FREE_INCHES
    chart_height = FREE_HEIGHT

    @property
    def roof(self) -> tuple[tuple[float, float, float], tuple[float, float, float]]:
        """Corners of the roof over all layers: their intensities, and the most that either resource allows there."""
        places = [self.ridge, *(point.intensity for point in self.points)]
        low, high = min(places) / 3, max(places) * 3
        return (low, self.ridge, high), (low * self.bandwidth, self.peak, self.peak)

    def bound(self, *, memory: bool) -> list[RooflinePoint]:
        """Return the layers that memory bounds, or those that arithmetic does."""
        return [point for point in self.points if point.memory_bound == memory]

    def chart(self) -> Chart:
        """Return it for plotly."""
        x, y = self.roof
        roof = {
            "type": "scatter", "x": x, "y": y, "mode": "lines", "name": "roof of the design",
            "line": {"color": GREY, "width": 3},
            "hovertemplate": "roof: %{y:.4g} MAC/cycle at %{x:.3g} MAC/B<extra></extra>",
        }  # fmt: skip
        marks = [
            roof,
            _chart_points(self.bound(memory=True), "memory bound", ORANGE, "circle"),
            _chart_points(self.bound(memory=False), "compute bound", BLUE, "square"),
        ]
        titles = ("Useful MACs per DRAM byte [MAC/B]", "Useful MACs per cycle")
        speeds = [*y, *(point.speed for point in self.points)]
        return laid_out(marks, titles, x=log_axis(x), y=log_axis(speeds))

    def draw(self, canvas: Canvas) -> None:
        """Draw it by matplotlib."""
        axes = canvas.axes
        axes.plot(*self.roof, color=BLACK)
        for memory, colour, marker in ((True, ORANGE, "o"), (False, BLUE, "s")):
            points = self.bound(memory=memory)
            axes.scatter(
                [p.intensity for p in points], [p.speed for p in points], s=[18 + 400 * p.share for p in points],
                color=colour, marker=marker, alpha=0.75, edgecolor="white",
            )  # fmt: skip
        axes.set(xlabel="Useful MACs per DRAM byte [MAC/B]", ylabel="Useful MACs per cycle [MAC/cycle]")
        canvas.logarithmic(x=True, y=True)
        _draw_names(canvas, sorted(self.points, key=lambda p: (-p.share, p.name))[:_NAMED])
        canvas.legend(
            3,
            [
                canvas.line_key("roof of the design", BLACK),
                canvas.line_key("memory bound", ORANGE, marker="o", linestyle=""),
                canvas.line_key("compute bound", BLUE, marker="s", linestyle=""),
            ],
        )


def roofline_info(layers: Sequence[LayerWork], peak: float, bandwidth: float) -> RooflineInfo:
    """Return the roofline of one design.

    Parameters
    ----------
    layers
        Mean work of each layer; layers that did no MACs are left out.
    peak
        MACs per cycle with every unit busy [MAC/cycle].
    bandwidth
        DRAM bytes per cycle [B/cycle], positive.
    """
    active = [layer for layer in layers if layer.macs > 0 and layer.cycles > 0]
    total = sum(layer.cycles for layer in layers)
    points = [_point(layer, peak, bandwidth, total) for layer in active if layer.dram_bytes > 0]
    on_chip = tuple(layer.name for layer in active if layer.dram_bytes <= 0)
    return RooflineInfo(peak, bandwidth, tuple(points), on_chip)


def _point(layer: LayerWork, peak: float, bandwidth: float, total: float) -> RooflinePoint:
    intensity = layer.macs / layer.dram_bytes
    return RooflinePoint(
        name=layer.name,
        intensity=intensity,
        speed=layer.macs / layer.cycles,
        roof=min(peak, bandwidth * intensity),
        memory_bound=bandwidth * intensity < peak,
        share=layer.cycles / total,
    )


def _chart_points(points: Sequence[RooflinePoint], name: str, colour: str, symbol: str) -> ChartMarks:
    """Return layers for plotly, a mark's area growing with the layer's share of the cycles."""
    sizes = [8 + 24 * math.sqrt(point.share) for point in points]  # diameters [px]
    return {
        "type": "scatter", "x": [p.intensity for p in points], "y": [p.speed for p in points], "mode": "markers",
        "name": name, "marker": {"color": colour, "symbol": symbol, "size": sizes, "opacity": 0.8},
        "customdata": [[plain(p.name), p.roof, 100 * p.share] for p in points],
        "hovertemplate": "%{customdata[0]}<br>%{y:.3g} of at most %{customdata[1]:.3g} MAC/cycle"
        "<br>%{x:.3g} MAC/B, %{customdata[2]:.1f} % of the cycles<extra></extra>",
    }  # fmt: skip


def _draw_names(canvas: Canvas, points: Sequence[RooflinePoint]) -> None:
    """Write names beside points, first come first served: one that would cover another is left out."""
    axes = canvas.axes
    axes.autoscale_view()
    taken: list[tuple[float, float]] = []
    for point in points:
        place = (point.intensity, point.speed)
        right, up = axes.transAxes.inverted().transform(axes.transData.transform(place))
        if any(abs(right - r) < _ROOM[0] and abs(up - u) < _ROOM[1] for r, u in taken):
            continue
        taken.append((right, up))
        side, shift = ("right", -6) if right > 0.7 else ("left", 6)
        axes.annotate(
            shorten(point.name, 24), place, (shift, 4), textcoords="offset points", ha=side, fontsize=7
        )
