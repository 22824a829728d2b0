"""A replay in words that need no manual: what was skipped, what it brought, what took the rest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from analysis.figures.report.waterfall import WaterfallInfo, WaterfallStep, waterfall_info
from analysis.words import (
    batch_words,
    change_words,
    digits,
    percent,
    quantity,
    saved_words,
    skipped_words,
)
from traces import unpriced_words

if TYPE_CHECKING:
    from analysis.reports.replays.view import ReplayView
    from simulator import Explained, Replayed


@dataclass(frozen=True, slots=True)
class KeyFigure:
    """One number worth a glance."""

    label: str
    value: str
    note: str


def macs_saved(figures: Replayed) -> float:
    """Return the share of the dense network's MACs that were not done."""
    return _saved(figures.macs, figures.dense.macs)


def latency_saved(figures: Replayed) -> float:
    """Return the share of the dense network's latency that mean latency stays below."""
    return _saved(figures.latency_us.mean, figures.dense.latency_us)


def energy_saved(figures: Replayed) -> float:
    """Return the share of the dense network's energy that mean energy stays below."""
    return _saved(figures.energy_uj.mean, figures.dense.energy_uj)


def waterfall_infos(figures: Explained) -> tuple[WaterfallInfo, WaterfallInfo]:
    """Return the two waterfalls of a replay: latency and energy."""
    infos = []
    for quantity_name, fall in (("latency", figures.waterfall.latency), ("energy", figures.waterfall.energy)):
        dense = max(fall.dense, 1)  # an empty replay has nothing to lose
        steps = [WaterfallStep(loss.name, loss.amount / dense) for loss in fall.losses]
        infos.append(waterfall_info(quantity_name, fall.ideal_saved / dense, steps, fall.saved / dense))
    return infos[0], infos[1]


def key_figures(figures: Explained) -> tuple[KeyFigure, ...]:
    """Return the numbers at the head of a replay's section."""
    s = figures
    return (
        KeyFigure("Accuracy", percent(s.accuracy), f"of {s.inputs:,} inputs answered correctly"),
        KeyFigure(
            "MACs",
            change_words(macs_saved(s), "less", "more"),
            f"{quantity(s.macs, 'MAC')} of {quantity(s.dense.macs, 'MAC')}",
        ),
        KeyFigure(
            "Latency",
            change_words(latency_saved(s), "faster", "slower"),
            f"{quantity(s.latency_us.mean, 'us')} of {quantity(s.dense.latency_us, 'us')}",
        ),
        KeyFigure(
            "Energy",
            change_words(energy_saved(s), "less", "more"),
            f"{quantity(s.energy_uj.mean, 'uJ')} of {quantity(s.dense.energy_uj, 'uJ')}",
        ),
        KeyFigure("Typical input (p50)", quantity(s.latency_us.p50, "us"), "half of the inputs end by then"),
        KeyFigure("Slow input (p99)", quantity(s.latency_us.p99, "us"), "99 in 100 inputs end by then"),
    )


def replay_words(view: ReplayView) -> tuple[str, ...]:
    """Return what one replay says, in sentences."""
    s = view.figures
    latency, energy = waterfall_infos(s)
    skipped = skipped_words([macs_saved(s)], "skip", "add")
    first = (
        f"On {view.name.label} the gates of {view.name.network} {skipped} the MACs. "
        f"That {saved_words(latency_saved(s), 'latency')} and {saved_words(energy_saved(s), 'energy')} "
        f"of the dense network on the same hardware."
    )
    missing = (f"The figures are {unpriced_words(s.skipped)}.",) if s.skipped else ()
    together = (f"The figures are {batch_words(s.batch)}.",) if s.batch > 1 else ()
    told = tuple(f"{note[0].upper()}{note[1:]}." for note in s.notes)
    return (*missing, *together, first, *told, _losses(latency, energy), _tail(s), _estimates(s))


def notes_words(views: Sequence[ReplayView]) -> tuple[str, ...]:
    """Return what is to be read before the figures of several replays, each sentence once with the replays it is of."""
    of: dict[str, list[str]] = {}
    for view in views:
        for note in view.figures.notes:
            of.setdefault(note, []).append(view.name.full)
    return tuple(f"{', '.join(names)}: {note}." for note, names in of.items())


def network_words(views: Sequence[ReplayView]) -> str:
    """Return what skipping is worth for one network, in a sentence."""
    figures = [view.figures for view in views]
    correct = {s.accuracy for s in figures if s.accuracy is not None}
    known = f" at {percent(correct.pop())} accuracy" if len(correct) == 1 else ""
    latency = _range(views, [latency_saved(s) for s in figures], "faster", "slower")
    energy = _amounts([energy_saved(s) for s in figures])
    skipped = skipped_words([macs_saved(s) for s in figures], "skips", "adds")
    words = f"{skipped} its MACs{known}: {latency}, {energy}."
    slower = sum(view.written is not None and latency_saved(view.written) < 0 for view in views)
    return f"{words} As written slower on {slower} of {len(views)}." if slower else words


def _range(views: Sequence[ReplayView], saved: Sequence[float], better: str, worse: str) -> str:
    """Return from where to where a saving reaches, and on what."""
    low, high = min(saved), max(saved)
    least = f"{change_words(low, better, worse)} ({views[saved.index(low)].name.label})"
    if low == high:
        return f"{change_words(low, better, worse)}{f' on {views[0].name.label}' if len(views) == 1 else ''}"
    return f"{least} to {change_words(high, better, worse)} ({views[saved.index(high)].name.label})"


def _amounts(saved: Sequence[float]) -> str:
    """Return how much less energy, or from how much more to how much less."""
    low, high = min(saved), max(saved)
    if low == high:
        return f"{change_words(low, 'less', 'more')} energy"
    if low < 0:
        return f"{percent(-low)} more to {change_words(high, 'less', 'more')} energy"
    return f"{_span([low, high])} less energy"


def _losses(latency: WaterfallInfo, energy: WaterfallInfo) -> str:
    parts = []
    for info in (latency, energy):
        loss = info.largest_loss
        if loss is None:
            parts.append(f"nothing is lost between MACs and {info.quantity}")
        else:
            size = digits(-loss.change)
            what = info.quantity
            parts.append(f"the largest loss from MACs to {what} is {loss.name}: {size} % of the dense {what}")
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _tail(s: Explained) -> str:
    ratio = s.latency_us.p99 / s.latency_us.mean if s.latency_us.mean else math.nan
    against = _saved(s.latency_us.p99, s.dense.latency_us)
    side = f"{percent(against)} below" if against >= 0 else f"{percent(-against)} above"
    return (
        f"Half of the inputs end within {quantity(s.latency_us.p50, 'us')}, 99 in 100 within "
        f"{quantity(s.latency_us.p99, 'us')}: {digits(ratio)} times the mean, and {side} the dense network."
    )


def _estimates(s: Explained) -> str:
    """Say how far static estimates are from the replay's mean, and what they cannot tell at all."""
    mean = s.latency_us.mean
    best = min((s.expected, s.mean_rate), key=lambda one: abs(one.latency_us - mean))
    named = "expected task times" if best is s.expected else "mean execution rates"
    return (
        f"The mean input takes {quantity(mean, 'us')}; the better static estimate, from {named}, is "
        f"{_off(best.latency_us, mean)}, one from MACs alone {_off(s.mac_proportional.latency_us, mean)}. No static "
        f"estimate tells the tail; the oracle's mean, with every decision known in advance, is "
        f"{quantity(s.oracle.latency_us, 'us')}."
    )


def _off(estimate: float, mean: float) -> str:
    error = estimate / mean - 1 if mean else math.nan
    return f"{percent(abs(error))} too {'slow' if error > 0 else 'fast'}"


def _saved(value: float, dense: float) -> float:
    return 1 - value / dense if dense else math.nan


def _span(shares: Sequence[float]) -> str:
    low, high = percent(min(shares)), percent(max(shares))
    return low if low == high else f"{low} to {high}"
