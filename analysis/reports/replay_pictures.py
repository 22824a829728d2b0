"""Which pictures a report draws of its replays, from their tables to info values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from accel_models import MEBICYCLE, design_area, has_matrix_unit, memory_params, peak_macs_per_cycle, units_of
from analysis.figures.figure_info import RELATIVE, energy_info, heat_info, latency_info, tail_info
from analysis.figures.pareto_info import Candidate, ParetoInfo, PlotAxis, pareto_info
from analysis.figures.pictures import Picture
from analysis.figures.roofline_info import LayerWork, roofline_info
from analysis.figures.timeline_info import timeline_info
from analysis.reports.replay_words import waterfalls
from analysis.words import percent, slug
from traces import MAC_KINDS, Floats

if TYPE_CHECKING:
    from analysis.reports.replay_view import ReplayView
    from simulator import Explained
    from traces import Trace

ENERGY_PARTS: Final = {
    # column of per_input: how a figure calls it
    "energy_mac_pj": "MACs",
    "energy_sram_pj": "SRAM",
    "energy_dram_pj": "DRAM",
    "energy_simd_pj": "SIMD core",
    "energy_gate_pj": "gates",
    "energy_wasted_pj": "wasted prefetch",
    "energy_static_pj": "static",
}
_LAYER_MAPS: Final = (
    # column of per_op, title, what a colour means, how to read it
    ("rate", "How often each layer runs", "Share of inputs", "1: every input runs it; 0: none does."),
    (
        "utilization",
        "How well each layer uses its unit",
        "Utilization",
        "Useful MACs over what its unit could do meanwhile.",
    ),
)
LATENCY: Final = PlotAxis("Mean latency", "us")
ENERGY: Final = PlotAxis("Mean energy", "uJ")
AREA: Final = PlotAxis("Area", "mm2")
ACCURACY: Final = PlotAxis("Accuracy", "%", maximize=True)


def replay_pictures(view: ReplayView) -> tuple[Picture, ...]:
    """Return the pictures of one replay."""
    return (_latency(view), *_tail(view), *_waterfalls(view), *_roofline(view), *_timeline(view))


def overview_pictures(views: Sequence[ReplayView]) -> tuple[Picture, ...]:
    """Return the pictures that compare replays: Pareto fronts and energy by part."""
    return (*_paretos(views), _energy(views))


def layer_pictures(views: Sequence[ReplayView], trace: Trace | None) -> tuple[Picture, ...]:
    """Return the heat maps: how often each layer runs, and how well it uses its unit on each design."""
    by_class = tuple(_by_class(trace)) if trace is not None and trace.graph.gates and len(trace) else ()
    return (*by_class, *_by_network(views, rates=not by_class))


def references_us(figures: Explained) -> dict[str, float]:
    """Return the five latencies a replay is compared with [us]."""
    return {
        "dense": figures.dense.latency_us,
        "mean rate": figures.mean_rate.latency_us,
        "expected": figures.expected.latency_us,
        "MAC-proportional": figures.mac_proportional.latency_us,
        "oracle": figures.oracle.latency_us,
    }


def _latency(view: ReplayView) -> Picture:
    return Picture(
        f"latency-{view.anchor}",
        f"Latency of the inputs on {view.name}",
        "Each step is an input that has ended. The lines are what estimates without per-input replay would say.",
        latency_info(view.results.per_input["latency_us"], references_us(view.figures)),
    )


def _tail(view: ReplayView) -> Iterator[Picture]:
    info = tail_info(view.results.per_input["latency_us"], view.results.per_input["label"])
    if len(info.classes) < 2:
        return
    rest = f" The slowest classes; {info.left_out} faster ones are left out." if info.left_out else ""
    yield Picture(
        f"tail-{view.anchor}",
        f"Latency by class on {view.name}",
        f"Some classes are harder: their inputs run more layers.{rest}",
        info,
    )


def _waterfalls(view: ReplayView) -> Iterator[Picture]:
    for info in waterfalls(view.figures):
        yield Picture(
            f"waterfall-{info.quantity}-{view.anchor}",
            f"From MACs saved to {info.quantity} saved on {view.name}",
            f"Starts at the share of MACs that gates skip; every bar takes what its cause costs in {info.quantity}.",
            info,
        )


def _roofline(view: ReplayView) -> Iterator[Picture]:
    design = view.results.design
    memory, peak = memory_params(design), peak_macs_per_cycle(design)
    if memory is None or not peak:
        return  # no memory to wait for, or a core whose peak depends on the kernel
    table = view.results.per_op
    table = table[table["unit"].isin([unit.name for unit in units_of(design) if unit.matrix])]
    bandwidth = memory.dram_bytes_per_mebicycle / MEBICYCLE
    columns = zip(table["op"], table["macs"], table["dram_bytes_mean"], table["cycles_mean"], strict=True)
    layers = [  # a layer takes as long as its array or its transfers, whichever is longer
        LayerWork(str(op), float(macs), float(moved), max(float(cycles), float(moved) / bandwidth))
        for op, macs, moved, cycles in columns
    ]
    info = roofline_info(layers, peak, bandwidth)
    if not info.points:
        return
    inside = f" {len(info.on_chip)} layers touch no DRAM and are not shown." if info.on_chip else ""
    yield Picture(
        f"roofline-{view.anchor}",
        f"Layers under the roofs of {view.name}",
        "Mean over the inputs, of MACs the gates kept. Left of the ridge DRAM sets the pace, right of it the array; "
        f"larger marks take more cycles.{inside}",
        info,
    )


def _timeline(view: ReplayView) -> Iterator[Picture]:
    if not view.spans:
        return
    info = timeline_info(view.spans)
    rest = f" {info.left_out} later tasks are not shown." if info.left_out else ""
    yield Picture(
        f"timeline-{view.anchor}",
        f"The first inputs on {view.name}",
        f"A bar is a task on its unit; gaps are waiting.{rest}",
        info,
    )


def _paretos(views: Sequence[ReplayView]) -> Iterator[Picture]:
    if len(views) < 2:
        return
    caption = (
        "Lower left is better. Points on the line are beaten by no other design. "
        "Thin lines: the ±2× band of energy that leans on scaled tables; hollow points could change places in it."
    )
    yield Picture("pareto-latency-energy", "Latency against energy", caption, _front(views, LATENCY, ENERGY))
    if len({view.figures.accuracy for view in views}) > 1:
        best = "Upper left is better: fast and right."
        yield Picture(
            "pareto-latency-accuracy", "Latency against accuracy", best, _front(views, LATENCY, ACCURACY)
        )
    area = [_area(view) for view in views]
    if sum(not math.isnan(value) for value in area) > 1:
        yield Picture("pareto-latency-area", "Latency against area", caption, _front(views, LATENCY, AREA))


def _front(views: Sequence[ReplayView], x: PlotAxis, y: PlotAxis) -> ParetoInfo:
    candidates = []
    for view in views:
        values = {
            LATENCY: view.figures.latency_us.mean,
            ENERGY: view.figures.energy_uj.mean,
            AREA: _area(view),
            ACCURACY: math.nan if view.figures.accuracy is None else 100 * view.figures.accuracy,
        }
        candidates.append(
            Candidate(
                name=view.name,
                x=values[x],
                y=values[y],
                anchor=view.anchor,
                x_scaled=x is ENERGY and view.figures.scaled_energy,
                y_scaled=y is ENERGY and view.figures.scaled_energy,
                family=_family(view),
                note=f"accuracy {percent(view.figures.accuracy)}",
            )
        )
    return pareto_info(candidates, x, y)


def _area(view: ReplayView) -> float:
    """Return the area of a design with an array [mm2]; a processor core has no area model."""
    design = view.results.design
    return design_area(design).total_mm2 if has_matrix_unit(design) else math.nan


def _family(view: ReplayView) -> str:
    """Return what designs must share for one scaled table to shift them alike."""
    technology = view.results.design.technology
    return f"{technology.operations} at {technology.node} nm"


def _energy(views: Sequence[ReplayView]) -> Picture:
    parts = {
        name: [float(view.results.per_input[column].mean()) for view in views]
        for column, name in ENERGY_PARTS.items()
    }
    info = energy_info(parts, [view.name for view in views], [view.figures.dense.energy_uj for view in views])
    relative = " The designs lie too far apart for one axis: each is drawn against its own dense network."
    return Picture(
        "energy-parts",
        "Energy of one input by part",
        "Mean over the inputs. The diamond marks the dense network on the same design."
        + (relative if info.unit == RELATIVE else ""),
        info,
    )


def _by_class(trace: Trace) -> Iterator[Picture]:
    """Yield what differs between classes: each gate's decisions, and the work they leave in each layer."""
    from traces import lower, trace_statistics  # noqa: PLC0415  (only a report with a trace needs it)

    gates = trace_statistics(trace).gates
    yield Picture(
        "execution-by-class",
        "How open each gate is, by class",
        "Execution rate of a layer gate, kept share of a channel gate. Blank: no input of the class asked it.",
        heat_info(
            np.stack([gate.rate_by_class for gate in gates]),
            [gate.name for gate in gates],
            [str(label) for label in range(len(gates[0].rate_by_class))],
            measure="Kept share",
            row_title="Gate",
            column_title="Class",
        ),
    )
    graph = trace.graph
    chosen = [i for i, op in enumerate(graph.ops) if op.macs and op.name not in graph.gate_ops]
    dense = np.array([graph.ops[i].macs for i in chosen])
    macs = lower(trace).op_macs[:, chosen]
    classes = np.unique(trace.labels)
    left = np.stack([macs[trace.labels == label].mean(axis=0) / dense for label in classes], axis=1)
    yield Picture(
        "work-by-class",
        "Work left in each layer, by class",
        "MACs that the gates leave, as a share of the layer's own.",
        heat_info(
            left,
            [graph.ops[i].name for i in chosen],
            [str(label) for label in classes],
            measure="Share of its MACs",
            row_title="Layer",
            column_title="Class",
        ),
    )


def _by_network(views: Sequence[ReplayView], *, rates: bool) -> Iterator[Picture]:
    """Yield execution and utilisation per network, since layers of different networks have no common rows."""
    groups: dict[tuple[str, tuple[str, ...]], list[ReplayView]] = {}
    for view in views:
        groups.setdefault((view.figures.network, _layers(view)), []).append(view)
    for i, ((network, layers), group) in enumerate(groups.items()):
        for column, title, measure, caption in _LAYER_MAPS if rates else _LAYER_MAPS[1:]:
            names = [view.name for view in group]
            values = np.stack([_column(view, column, layers) for view in group], axis=1)
            if (values == values[:, :1]).all():  # the same on every design, as execution is
                values, names = values[:, :1], ["every design" if len(group) > 1 else group[0].name]
            info = heat_info(values, layers, names, measure=measure, row_title="Layer", column_title="Design")
            yield Picture(f"layers-{column}-{i}-{slug(network)[:24]}", f"{title}: {network}", caption, info)


def _layers(view: ReplayView) -> tuple[str, ...]:
    table = view.results.per_op
    return tuple(str(name) for name in table["op"][table["kind"].isin(sorted(MAC_KINDS))])


def _column(view: ReplayView, column: str, layers: tuple[str, ...]) -> Floats:
    table = view.results.per_op.set_index("op")
    return np.asarray(table[column].reindex(list(layers)), np.float64)
