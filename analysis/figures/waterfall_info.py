"""From MACs saved to latency (or energy) saved: where the difference went, as floating bars."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class WaterfallStep:
    """One named loss; a negative one is a gain."""

    name: str
    loss: float  # share of the dense network's latency or energy


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar from ``bottom`` to ``top``, in percent of the dense network."""

    name: str
    bottom: float
    top: float
    kind: Literal["total", "deficit", "loss", "gain"]  # deficit: a total below zero

    @property
    def change(self) -> float:
        """What the bar says: totals and gains above zero, losses and deficits below [% of dense]."""
        height = self.top - self.bottom
        return -height if self.kind in {"loss", "deficit"} else height

    @property
    def label(self) -> str:
        """The change as it is written beside the bar; only steps carry a plus."""
        sign = "+" if self.kind == "gain" else "−" if self.change < 0 else ""
        return f"{sign}{abs(self.change):.1f}"


@dataclass(frozen=True, slots=True)
class WaterfallInfo:
    """Bars from MACs saved over every loss to what is saved in the end."""

    quantity: str  # "latency" or "energy"
    bars: tuple[Bar, ...]

    @property
    def largest_loss(self) -> Bar | None:
        """The loss that takes most; ``None`` where nothing is lost."""
        losses = [bar for bar in self.bars if bar.kind == "loss"]
        return min(losses, key=lambda bar: bar.change, default=None)


def waterfall_info(
    quantity: str, macs_saved: float, steps: Sequence[WaterfallStep], saved: float
) -> WaterfallInfo:
    """Return the bars of a waterfall.

    Parameters
    ----------
    quantity
        ``"latency"`` or ``"energy"``.
    macs_saved, saved
        Shares of the dense network's MACs and latency (or energy) that are saved.
    steps
        Losses in order; ``macs_saved - sum(losses) = saved``.  Losses of zero are left out.
    """
    level, bars = 100 * macs_saved, [_total("MACs saved", 100 * macs_saved)]
    for step in steps:
        after = level - 100 * step.loss
        if step.loss:
            low, high = sorted((level, after))
            bars.append(Bar(step.name, low, high, "loss" if step.loss > 0 else "gain"))
        level = after
    bars.append(_total(f"{quantity} saved", 100 * saved))
    return WaterfallInfo(quantity, tuple(bars))


def _total(name: str, value: float) -> Bar:
    return Bar(name, 0.0, value, "total") if value >= 0 else Bar(name, value, 0.0, "deficit")
