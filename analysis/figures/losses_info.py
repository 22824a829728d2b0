"""Where the saving of every replay goes, as one stacked bar each: small multiples of the waterfall in one picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from analysis.figures.rows import FigureRows, RowName

COLOURED = 7  # Choice: losses with a colour of their own; the rest are summed
OTHER = "other losses"


@dataclass(frozen=True, slots=True)
class LossesInfo:
    """What is saved and what is lost add up to the MACs saved [% of the dense network]."""

    quantity: str  # "latency" or "energy"
    rows: FigureRows
    saved: tuple[float, ...]  # below zero where skipping costs
    losses: tuple[tuple[str, tuple[float, ...]], ...]  # name, one amount per row; a negative one is a gain
    promised: tuple[float, ...]  # MACs saved


def losses_info(
    quantity: str,
    names: Sequence[RowName],
    promised: Sequence[float],
    saved: Sequence[float],
    losses: Sequence[Mapping[str, float]],
) -> LossesInfo:
    """Return the bars of all replays.

    Parameters
    ----------
    quantity
        ``"latency"`` or ``"energy"``.
    names
        Of the replays.
    promised, saved
        Shares of the dense network's MACs, and of its latency or energy, that are saved.
    losses
        Per replay its losses by name, shares of the dense network; ``promised - sum(losses) = saved``.
    """
    known = list(dict.fromkeys(name for row in losses for name in row))
    amounts = {name: tuple(100 * row.get(name, 0.0) for row in losses) for name in known}
    largest = sorted(known, key=lambda name: -max(map(abs, amounts[name]), default=0.0))[:COLOURED]
    shown = [(name, amounts[name]) for name in known if name in largest and any(amounts[name])]
    rest = [amounts[name] for name in known if name not in largest]
    if any(map(any, rest)):
        shown.append((OTHER, tuple(map(sum, zip(*rest, strict=True)))))
    return LossesInfo(
        quantity=quantity,
        rows=FigureRows.of(names),
        saved=tuple(100 * share for share in saved),
        losses=tuple(shown),
        promised=tuple(100 * share for share in promised),
    )
