"""Which pictures a report draws of its replays, from their tables to info values."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from accel_models import Bus, peak_macs_per_cycle, units_of
from analysis.figures.pictures import Picture
from analysis.figures.report.latency import latency_info
from analysis.figures.report.roofline import LayerWork, roofline_info
from analysis.figures.report.tails import tail_info
from analysis.figures.report.time_spent import op_time_info
from analysis.figures.report.timeline import timeline_info
from analysis.reports.replays.words import waterfall_infos

if TYPE_CHECKING:
    from analysis.reports.replays.view import ReplayView
    from simulator import Explained


def replay_pictures(view: ReplayView) -> tuple[Picture, ...]:
    """Return the pictures of one replay."""
    return (
        _latency(view),
        *_tail(view),
        *_waterfalls(view),
        *_op_times(view),
        *_roofline(view),
        *_timeline(view),
    )


def references_us(figures: Explained) -> dict[str, float]:
    """Return the five latencies a replay is compared with [us]."""
    return {name: answer.latency_us for name, answer in figures.answers.items()}


def _latency(view: ReplayView) -> Picture:
    return Picture(
        f"{view.name.key}_latency",
        f"Latency of the inputs: {view.name.full}",
        "Each step is an input that has ended. The lines are what estimates without per-input replay would say.",
        latency_info(view.results.per_input["latency_us"], references_us(view.figures)),
    )


def _tail(view: ReplayView) -> Iterator[Picture]:
    info = tail_info(view.results.per_input["latency_us"], view.results.per_input["label"])
    if len(info.tails) < 2:
        return
    rest = f" The slowest classes; {info.left_out} faster ones are left out." if info.left_out else ""
    yield Picture(
        f"{view.name.key}_tail",
        f"Latency by class: {view.name.full}",
        f"Some classes are harder: their inputs run more layers.{rest}",
        info,
    )


def _waterfalls(view: ReplayView) -> Iterator[Picture]:
    for info in waterfall_infos(view.figures):
        yield Picture(
            f"{view.name.key}_waterfall-{info.quantity}",
            f"From MACs saved to {info.quantity} saved: {view.name.full}",
            f"Starts at the share of MACs that gates skip; every bar takes what its cause costs in {info.quantity}.",
            info,
        )


def _op_times(view: ReplayView) -> Iterator[Picture]:
    ops = [(op.op, op.latency_parts) for op in view.results.ops]
    info = op_time_info(ops, 1e6 / view.results.design.clock)
    if not info.parts:
        return  # stored before results held it
    rest = f" The {info.others} ops that add least are one row." if info.others else ""
    yield Picture(
        f"{view.name.key}_ops",
        f"Where the time of each op goes: {view.name.full}",
        "What each op adds to the mean latency, in program order; together they are the latency. What hides behind "
        f"other work adds nothing. Fill and drain: all that an array does beside kept MACs at its peak.{rest}",
        info,
    )


def _roofline(view: ReplayView) -> Iterator[Picture]:
    design = view.results.design
    peak = peak_macs_per_cycle(design)
    if design.memory is None or not peak:
        return  # no memory to wait for, or a core whose peak depends on the kernel
    table = view.results.per_op
    table = table[table["unit"].isin([unit.name for unit in units_of(design) if unit.matrix])]
    bandwidth = Bus(design.memory.dram, design.clock).bytes_per_cycle
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
        f"{view.name.key}_roofline",
        f"Layers under the roofs: {view.name.full}",
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
        f"{view.name.key}_timeline",
        f"The first inputs: {view.name.full}",
        f"A bar is a task on its unit; gaps are waiting.{rest}",
        info,
    )
