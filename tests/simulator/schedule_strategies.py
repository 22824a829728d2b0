"""Random schedules, tables and states for Hypothesis."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from simulator.schedules.durations import Durations
from simulator.schedules.schedule import Schedule, Task, TaskKind, in_queues
from traces.graphs.resnets import cifar_resnet

ANY_GRAPH = cifar_resnet(8)
ONE_INPUT = np.zeros((1, 9), np.uint16)


@dataclass(frozen=True)
class Case:
    tables: Durations
    state_index: NDArray[np.uint16]


@st.composite
def cases(draw: st.DrawFn, *, ops: int = 5, units: int = 3, apart: bool = False) -> Case:
    """Draw a schedule in which tasks wait for any earlier ones, with tables and up to four inputs."""
    tasks = draw_tasks(draw, draw(st.integers(1, ops)), units)
    if apart:  # weights in a queue of their own
        tasks = tuple(replace(task, queue=int(task.kind == "weights")) for task in tasks)
    states = 1 + draw(st.integers(1, 3))  # the last is the dense one
    kinds = [draw_table(draw, states) for _ in tasks]
    cycles, first, tail = (np.concatenate([kind[k] for kind in kinds]) for k in range(3))
    speculative = [task.kind == "weights" and bool(task.decisions) and draw(st.booleans()) for task in tasks]
    whole = [int(kind[0][-1]) if flag else 0 for kind, flag in zip(kinds, speculative, strict=True)]
    oracle = draw(st.booleans())
    tables = Durations(
        schedule=in_queues(Schedule(graph=ANY_GRAPH, units=("array", "simd", "dma")[:units], tasks=tasks)),
        base=np.arange(len(tasks), dtype=np.int64) * states,
        states=np.full(len(tasks), states, np.int64),
        cycles=cycles,
        first=first,
        tail=tail,
        waits=np.array([not oracle and not flag for flag in speculative], np.bool_),
        speculative_cycles=np.array(whole, np.int64),
        cut_cycles=draw(st.integers(1, 5)),
    )
    inputs = draw(st.integers(1, 4))
    rng = np.random.default_rng(draw(st.integers(0, 2**16)))
    return Case(tables, rng.integers(0, states, (inputs, ops)).astype(np.uint16))


def draw_tasks(draw: st.DrawFn, ops: int, units: int) -> tuple[Task, ...]:
    tasks: list[Task] = []
    for op in range(ops):
        mine: list[int] = []
        loads: tuple[TaskKind, ...] = ("weights", "inputs")
        kinds: list[TaskKind] = [k for k in loads if draw(st.booleans())]
        kinds.append("compute")
        if draw(st.booleans()):
            kinds.append("outputs")
        for kind in kinds:
            unit = draw(st.integers(-1, units - 1)) if kind == "compute" else units - 1
            earlier = st.lists(st.integers(0, max(len(tasks) - 1, 0)), max_size=3, unique=True)
            streams = {"compute": tuple(mine), "outputs": tuple(mine[-1:])}.get(kind, ())
            tasks.append(
                Task(
                    name=f"{op} {kind}",
                    op=op,
                    kind=kind,
                    unit=unit,
                    after=tuple(draw(earlier)) if tasks else (),
                    decisions=tuple(draw(earlier)) if tasks else (),
                    streams=streams,
                )
            )
            mine.append(len(tasks) - 1)
    return tuple(tasks)


def draw_table(draw: st.DrawFn, states: int) -> tuple[NDArray[np.int64], ...]:
    sizes = st.lists(st.integers(0, 12), min_size=states, max_size=states)
    cycles = np.array(draw(sizes), np.int64)
    first, tail = (np.minimum(np.array(draw(sizes), np.int64), cycles) for _ in range(2))
    return cycles, first, tail


def tables(tasks: list[Task], numbers: list[tuple[int, int, int]], **changes: object) -> Durations:
    """Return tables with one state per op: (cycles, first, tail) of each task."""
    cycles, first, tail = (np.array(column, np.int64) for column in zip(*numbers, strict=True))
    return replace(
        Durations(
            schedule=Schedule(graph=ANY_GRAPH, units=("array", "simd", "dma"), tasks=tuple(tasks)),
            base=np.arange(len(tasks), dtype=np.int64),
            states=np.ones(len(tasks), np.int64),
            cycles=cycles,
            first=first,
            tail=tail,
            waits=np.ones(len(tasks), np.bool_),
            speculative_cycles=np.zeros(len(tasks), np.int64),
            cut_cycles=1,
        ),
        **changes,  # type: ignore[arg-type]
    )
