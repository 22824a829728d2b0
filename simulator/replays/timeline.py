"""A replay as a picture in time: Chrome Trace Event JSON, for chrome://tracing or ui.perfetto.dev.

One row per unit; a span is the time its unit works on a task, drawn as late as its end allows, so a task that
waits in the middle for an operand leaves its wait before the span.  Counters show the weight buffer's
occupancy and the DRAM's bandwidth; decisions are instants.  Times are in microseconds, as the format has it;
``args`` hold the cycles.

Source: "Trace Event Format", Google, the Chromium project.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from simulator.engines.fast import simulate_tasks
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import TaskTimes
from simulator.schedules.schedule import NO_UNIT

Event = dict[str, Any]
_GAP = 0.05  # share of an input's time left between two inputs


def timeline_json(prepared: Prepared, inputs: int) -> str:
    """Return the first ``inputs`` rows (inputs or batches), one after the other, as a JSON text."""
    rows = min(inputs, len(prepared.work))
    times = simulate_tasks(prepared.tables, prepared.work.state_index[:rows])
    events = _names(prepared)
    begin = 0
    for row in range(rows):
        events += _row_events(prepared, times, row, begin)
        begin += int(times.latency[row] * (1 + _GAP)) + 1
    events.sort(key=lambda event: (event.get("ts", -1.0), event["ph"], event["name"]))
    other = {
        "network": prepared.graph.name,
        "design": prepared.design.name,
        "clock_hz": prepared.design.clock,
    }
    return json.dumps({"traceEvents": events, "displayTimeUnit": "ns", "otherData": other})


def _names(prepared: Prepared) -> list[Event]:
    """Return the names of process and rows."""
    found: list[Event] = [_meta("process_name", 0, f"{prepared.graph.name} on {prepared.design.name}")]
    rows = [*prepared.schedule.units, "decisions"]
    return [*found, *(_meta("thread_name", k, name) for k, name in enumerate(rows))]


def _meta(what: str, row: int, name: str) -> Event:
    return {"ph": "M", "name": what, "pid": 0, "tid": row, "args": {"name": name}}


def _row_events(prepared: Prepared, times: TaskTimes, row: int, begin: int) -> list[Event]:
    """Return spans, counters and instants of one input that starts at cycle ``begin``."""
    us = 1e6 / prepared.design.clock
    ends, worked = times.ends[row] + begin, times.worked[row]
    found: list[Event] = []
    for t, task in enumerate(prepared.schedule.tasks):
        if task.unit == NO_UNIT or worked[t] == 0:
            continue
        args = {"input": row, "start_cycle": int(ends[t] - worked[t]), "cycles": int(worked[t])}
        span = {"ph": "X", "name": task.name, "cat": task.kind, "pid": 0, "tid": task.unit}
        found.append({**span, "ts": (ends[t] - worked[t]) * us, "dur": worked[t] * us, "args": args})
    found += _decisions(prepared, ends, us)
    found += _counter("weight buffer [B]", _occupancy(prepared, ends, worked), us)
    found += _counter("DRAM [B/cycle]", _bandwidth(prepared, row, ends, worked), us)
    return found


def _decisions(prepared: Prepared, ends: Any, us: float) -> list[Event]:
    tasks = prepared.schedule.tasks
    bringers = sorted({p for task in tasks for p in task.decisions})
    place = {"ph": "i", "s": "p", "cat": "decision", "pid": 0, "tid": len(prepared.schedule.units)}
    return [
        {**place, "name": tasks[p].name, "ts": ends[p] * us, "args": {"cycle": int(ends[p])}}
        for p in bringers
    ]


def _occupancy(prepared: Prepared, ends: Any, worked: Any) -> list[tuple[int, float]]:
    """Return changes of the bytes that fetched weights hold, from fetch to the end of their compute."""
    compute, steps = prepared.schedule.of_kind["compute"], []
    for i, t in prepared.schedule.of_kind["weights"].items():
        if worked[t]:
            held = float(prepared.placements[i].weight_prefetch_bytes)
            steps += [(int(ends[t] - worked[t]), held), (int(max(ends[compute[i]], ends[t])), -held)]
    return steps


def _bandwidth(prepared: Prepared, row: int, ends: Any, worked: Any) -> list[tuple[int, float]]:
    """Return changes of the bytes per cycle on the bus; each transfer spread evenly over its time."""
    steps = []
    for t, task in enumerate(prepared.schedule.tasks):
        if task.kind not in ("weights", "inputs", "outputs") or worked[t] == 0:
            continue
        cost = prepared.costs[task.op]
        moved = {"weights": cost.weight_bytes, "inputs": cost.input_bytes, "outputs": cost.output_bytes}
        state = int(prepared.work.state_index[row, task.op])
        cycles = prepared.tables.lut(t, prepared.tables.cycles)[state]
        rate = float(moved[task.kind][state] / cycles if cycles else moved[task.kind][-1] / worked[t])
        steps += [(int(ends[t] - worked[t]), rate), (int(ends[t]), -rate)]
    return steps


def _counter(name: str, steps: list[tuple[int, float]], us: float) -> list[Event]:
    """Return the running sum of the steps as counter events, one per cycle in which it changes."""
    if not steps:
        return []
    at = np.array([cycle for cycle, _ in steps])
    moments, place = np.unique(at, return_inverse=True)
    level = np.cumsum(np.bincount(place, weights=[change for _, change in steps]))
    frame = {"ph": "C", "name": name, "pid": 0, "tid": 0}
    return [
        {**frame, "ts": float(cycle) * us, "args": {"value": round(float(value), 3)}}
        for cycle, value in zip(moments, level, strict=True)
    ]
