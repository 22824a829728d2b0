"""Each layer against the two roofs of its design: peak arithmetic and DRAM bandwidth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


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
