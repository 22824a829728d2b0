"""Pictures that compare replays: the story, where savings go, slow inputs, fronts, energy."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Final

from accel_models import CORES_ALONE, design_area, has_matrix_unit
from analysis.figures.pictures import Picture
from analysis.figures.report.energy import energy_info
from analysis.figures.report.losses import losses_info
from analysis.figures.report.pareto import Candidate, ParetoInfo, PlotAxis, pareto_info
from analysis.figures.report.story import StoryGroup, StoryRow, Worth, story_info
from analysis.figures.report.tails import spread_info
from analysis.figures.report.time_spent import TIME_PARTS, replay_time_info
from analysis.figures.rows import RELATIVE, RowName
from analysis.names import design_title
from analysis.reports.replays.view import MisfitView, ReplayView
from analysis.reports.replays.words import energy_saved, latency_saved, macs_saved, network_words
from analysis.words import percent

_ENERGY_PARTS: Final = {
    # column of per_input: how a figure calls it
    "energy_mac_pj": "MACs",
    "energy_sram_pj": "SRAM",
    "energy_dram_pj": "DRAM",
    "energy_simd_pj": "SIMD core",
    "energy_gate_pj": "gates",
    "energy_wasted_pj": "wasted prefetch",
    "energy_static_pj": "static",
}
LATENCY: Final = PlotAxis("Mean latency", "us")
ENERGY: Final = PlotAxis("Mean energy", "uJ")
AREA: Final = PlotAxis("Area", "mm2")
ACCURACY: Final = PlotAxis("Accuracy", "%", maximize=True)


def story_picture(views: Sequence[ReplayView | MisfitView]) -> Picture:
    """Return what skipping is worth, network by network, on every design."""
    networks: dict[str, list[ReplayView | MisfitView]] = {}
    for view in views:
        networks.setdefault(view.name.network, []).append(view)
    info = story_info([_story_group(network, group) for network, group in networks.items()])
    dots = (
        " Circles: both networks as written, no step of a compiler taken; the bars: both compiled."
        if info.written
        else ""
    )
    return Picture(
        "worth",
        "What skipping is worth",
        "Saved of the latency and energy of the network without gates, compiled alike. The dotted line is the "
        f"share of the MACs that gates skip: what papers count.{dots}",
        info,
    )


def _story_group(network: str, views: Sequence[ReplayView | MisfitView]) -> StoryGroup:
    fit = [view for view in views if isinstance(view, ReplayView)]
    rows = tuple(_story_row(view) for view in views)
    if not fit:
        return StoryGroup(network, "does not fit.", math.nan, rows)
    saved = [macs_saved(view.figures) for view in fit]
    return StoryGroup(network, network_words(fit), sum(saved) / len(saved), rows)


def _story_row(view: ReplayView | MisfitView) -> StoryRow:
    shared = {"label": view.name.label, "anchor": view.name.key}
    if isinstance(view, MisfitView):
        return StoryRow(**shared, latency=None, energy=None, reason=view.figures.reason)
    written = view.written
    return StoryRow(
        **shared,
        latency=Worth(latency_saved(view.figures), None if written is None else latency_saved(written)),
        energy=Worth(energy_saved(view.figures), None if written is None else energy_saved(written)),
    )


def loss_pictures(views: Sequence[ReplayView]) -> tuple[Picture, ...]:
    """Return where the saving of every replay goes, and what its slow inputs take."""
    names = row_names(views)
    falls = {
        "latency": [(view.figures.waterfall.latency, latency_saved(view.figures)) for view in views],
        "energy": [(view.figures.waterfall.energy, energy_saved(view.figures)) for view in views],
    }
    pictures = []
    for quantity, found in falls.items():
        losses = [{loss.name: loss.amount / max(fall.dense, 1) for loss in fall.losses} for fall, _ in found]
        promised = [fall.ideal_saved / max(fall.dense, 1) for fall, _ in found]
        info = losses_info(quantity, names, promised, [saved for _, saved in found], losses)
        pictures.append(
            Picture(
                f"losses-{quantity}",
                f"From MACs saved to {quantity} saved",
                f"What is saved of the {quantity} and what is lost on the way add up to the MACs saved (diamond). "
                "Left of zero: a network that costs more than its dense twin, and gains beyond the MACs.",
                info,
            )
        )
    spread = spread_info(
        names,
        [view.results.per_input["latency_us"] for view in views],
        [view.figures.dense.latency_us for view in views],
    )
    tails = "Right of the line an input takes longer than the dense network does: what no mean tells."
    return (
        *pictures,
        *_times(views, names),
        Picture("latency-spread", "What slow inputs take", tails, spread),
    )


def _times(views: Sequence[ReplayView], names: Sequence[RowName]) -> Iterator[Picture]:
    """Yield what replays spend their time on."""
    cycles = [
        {part: sum(op.latency_parts[part] for op in view.results.ops) for part in TIME_PARTS}
        for view in views
    ]
    dense = [view.figures.dense.latency_us * view.results.design.clock / 1e6 for view in views]
    shares = [
        {part: amount / whole for part, amount in each.items()}
        for each, whole in zip(cycles, dense, strict=True)
    ]
    info = replay_time_info(names, shares)
    if info.parts:
        yield Picture(
            "time-parts",
            "What the time is spent on",
            "Mean latency as a share of the dense network's (line), by what its ops add to it; every replay below "
            "shows it op by op.",
            info,
        )


def row_names(views: Sequence[ReplayView]) -> list[RowName]:
    """Return what rows are called: by design, under their networks where there are several."""
    several = len({view.name.network for view in views}) > 1
    return [RowName(view.name.label, view.name.network if several else "") for view in views]


def front_pictures(views: Sequence[ReplayView]) -> tuple[Picture, ...]:
    """Return what compares replays: Pareto fronts and energy by part."""
    return (*_paretos(views), _energy(views))


def _paretos(views: Sequence[ReplayView]) -> Iterator[Picture]:
    if len(views) < 2:
        return
    scaled = any(view.figures.scaled_energy for view in views)
    lower = "Lower left is better. Points on the line are beaten by no other."
    band = (
        " Thin lines: the ±2× band of energy that leans on scaled tables; hollow points could change places in it."
        if scaled
        else ""
    )
    yield Picture(
        "pareto-latency-energy", "Latency against energy", lower + band, _front(views, LATENCY, ENERGY)
    )
    if len({view.figures.accuracy for view in views}) > 1:
        best = "Upper left is better: fast and right. Points on the line are beaten by no other."
        yield Picture(
            "pareto-latency-accuracy", "Latency against accuracy", best, _front(views, LATENCY, ACCURACY)
        )
    known = [view for view in views if not math.isnan(_area(view))]
    if len({_area(view) for view in known}) > 1:
        caption = lower + without_area(
            sorted({design_title(v.results.design.name) for v in views if v not in known})
        )
        yield Picture("pareto-latency-area", "Latency against area", caption, _front(known, LATENCY, AREA))


def without_area(names: Sequence[str]) -> str:
    """Return the sentence that says which designs a front in area leaves out; nothing where it holds all."""
    if not names:
        return ""
    return f" Left out, for {CORES_ALONE}: {', '.join(names)}."


def _front(views: Sequence[ReplayView], x: PlotAxis, y: PlotAxis) -> ParetoInfo:
    candidates = []
    for view, name in zip(views, short_names(views), strict=True):
        values = {
            LATENCY: view.figures.latency_us.mean,
            ENERGY: view.figures.energy_uj.mean,
            AREA: _area(view),
            ACCURACY: math.nan if view.figures.accuracy is None else 100 * view.figures.accuracy,
        }
        candidates.append(
            Candidate(
                name=name,
                x=values[x],
                y=values[y],
                anchor=view.name.key,
                x_scaled=x is ENERGY and view.figures.scaled_energy,
                y_scaled=y is ENERGY and view.figures.scaled_energy,
                family=_family(view),
                note=f"accuracy {percent(view.figures.accuracy)}",
            )
        )
    return pareto_info(candidates, x, y)


def short_names(views: Sequence[ReplayView]) -> list[str]:
    """Return names without what all replays share."""
    networks = {view.name.network for view in views}
    labels = {view.name.label for view in views}
    if len(networks) == 1:
        return [view.name.label for view in views]
    return [view.name.network if len(labels) == 1 else view.name.full for view in views]


def _area(view: ReplayView) -> float:
    """Return the area of a design with an array [mm2]; a processor core's is known without its memories alone."""
    design = view.results.design
    return design_area(design).total_mm2 if has_matrix_unit(design) else math.nan


def _family(view: ReplayView) -> str:
    """Return what designs must share for one scaled table to shift them alike."""
    technology = view.results.design.technology
    return f"{technology.operations} at {technology.node} nm"


def _energy(views: Sequence[ReplayView]) -> Picture:
    parts = {
        name: [float(view.results.per_input[column].mean()) for view in views]
        for column, name in _ENERGY_PARTS.items()
    }
    info = energy_info(parts, row_names(views), [view.figures.dense.energy_uj for view in views])
    relative = " They lie too far apart for one axis: each is drawn against its own dense network."
    return Picture(
        "energy-parts",
        "Energy of one input by part",
        "Mean over the inputs. The diamond marks the dense network on the same design."
        + (relative if info.unit == RELATIVE else ""),
        info,
    )
