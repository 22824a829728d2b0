"""The schedule of one input (or one batch): every task, its unit, and what it waits for.

Built once per graph and design, put in order and then linked, and the same for every policy; only its durations
differ per input::

    weights ─┐                          (dma)
    inputs ──┴─► compute ──► outputs    (dma ─► array or simd ─► dma)

Tasks stand in one order in which every task follows all it waits for; each unit serves its own in that order:
of op i the inputs come first, then weights for later ops, then its compute, then its outputs.  The weights of
op i are asked for as early as the inputs of the op before it; they wait for the compute that frees their
buffer space, and, by policy, for the decisions that say which of them are needed.  A decision that is made
on one unit and obeyed on another is handed over first, if the design says that this takes time.

Where transfers pass weights that wait (``memory.dma: out_of_order``), weights stand in queue 1 of the DMA and all
else in queue 0.  Weights pass nothing; what asks for the bus before them passes, until the next weights stand in line
or their op computes, whichever comes first in program order: what is behind that waits for them.  So a waiting gate
blocks neither the outputs of the op before nor the inputs of its own.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import cycle
from typing import Literal

from accel_models import FREE, Design, OpCosts, Placement, deciding_ops, units_of, weight_space_bytes
from traces import NetworkGraph

TaskKind = Literal["weights", "inputs", "compute", "handover", "outputs"]
NO_UNIT = -1  # of an op that costs nothing on any unit

_KEY: dict[TaskKind, int] = {"inputs": 0, "weights": 1, "compute": 2, "handover": 3, "outputs": 4}
_TRANSFERS: tuple[TaskKind, ...] = ("weights", "inputs", "outputs")  # in the order of OpCosts.moves
_LOADS: tuple[TaskKind, ...] = ("weights", "inputs")
_LATE = 5  # weights that wait for the compute of the op they are queued at


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One piece of an op's work on one unit.

    It starts when its unit is free, all ``after`` have ended, all ``decisions`` have ended (unless the policy
    does not wait for them), and each of ``streams`` has landed its first tile; it cannot end before the end of
    each of ``streams`` plus its own work on the last tile.
    """

    name: str
    op: int
    kind: TaskKind
    unit: int  # index into the schedule's units, or NO_UNIT
    after: tuple[int, ...] = ()
    decisions: tuple[int, ...] = ()
    streams: tuple[int, ...] = ()  # of the same op
    queue: int = 0  # of its unit; see below


@dataclass(frozen=True, kw_only=True, eq=False)  # no slots: what follows from the tasks is found out once
class Schedule:
    """Tasks in program order; indices in a task point to earlier ones."""

    graph: NetworkGraph
    units: tuple[str, ...]
    tasks: tuple[Task, ...]

    @cached_property
    def queues(self) -> bool:
        """Whether a unit has two queues."""
        return any(task.queue for task in self.tasks)

    @cached_property
    def windows(self) -> Mapping[int, int]:
        """Per task of queue 1 the task before which it is served: nothing behind that passes it."""
        found: dict[int, int] = {}
        waiting: dict[int, int] = {}  # by unit, the last task of queue 1
        for t, task in enumerate(self.tasks):
            asked = {*task.after, *task.decisions, *task.streams}
            for unit, w in list(waiting.items()):
                next_in_line = task.unit == unit and task.queue == 1
                if next_in_line or w in asked or (task.kind == "compute" and task.op == self.tasks[w].op):
                    found[waiting.pop(unit)] = t
            if task.queue == 1 and task.unit != NO_UNIT:
                waiting[task.unit] = t
        return found | dict.fromkeys(waiting.values(), len(self.tasks))

    @cached_property
    def forgotten(self) -> Sequence[Sequence[int]]:
        """Per task the tasks whose times nobody asks for after it."""
        last: dict[int, int] = {}
        for t, task in enumerate(self.tasks):
            last[t] = t
            last.update(dict.fromkeys((*task.after, *task.decisions, *task.streams), t))
        for w, end in self.windows.items():
            for p in (w, *self.tasks[w].decisions):
                last[p] = max(last[p], min(end, len(self.tasks) - 1))
        found: list[list[int]] = [[] for _ in self.tasks]
        for p, t in last.items():
            found[t].append(p)
        return found

    @cached_property
    def of_kind(self) -> Mapping[TaskKind, Mapping[int, int]]:
        """Per kind the task of each op that has one."""
        found: dict[TaskKind, dict[int, int]] = {kind: {} for kind in _KEY}
        for t, task in enumerate(self.tasks):
            found[task.kind][task.op] = t
        return found


def in_queues(schedule: Schedule) -> Schedule:
    """Return the schedule whose tasks wait for those of the other queue that they may not pass."""
    windows = schedule.windows
    if not windows:
        return schedule
    closed = {end: w for w, end in windows.items()}
    passed: dict[int, int] = {}  # by unit, the last of queue 1 whose window has closed
    before: dict[int, int] = {}  # by unit, the last of queue 0
    tasks = []
    for t, task in enumerate(schedule.tasks):
        if t in closed:
            passed[schedule.tasks[closed[t]].unit] = closed[t]
        other = before if task.queue else passed
        behind = () if other.get(task.unit) is None else (other[task.unit],)
        tasks.append(replace(task, after=(*task.after, *behind)))
        if task.queue == 0:
            before[task.unit] = t
    return replace(schedule, tasks=tuple(tasks))


def build_schedule(
    graph: NetworkGraph, placements: Sequence[Placement], costs: OpCosts, design: Design
) -> Schedule:
    """Return the schedule of the graph on the design.

    Parameters
    ----------
    graph
        The network.
    placements, costs
        Per op where it runs and what its states cost; only whether a transfer ever takes time is read here.
    design
        Its units, weight buffer and skip mechanism.
    """
    draft = _Draft(graph, placements, costs, design)
    tasks = sorted(draft.tasks(), key=lambda item: item[0])
    place = {(task.op, task.kind): i for i, (_, task) in enumerate(tasks)}
    linked = [draft.link(task, place) for _, task in tasks]
    return in_queues(Schedule(graph=graph, units=draft.units, tasks=tuple(_without_implied(linked))))


TaskKey = tuple[int, int, int]
Place = dict[tuple[int, TaskKind], int]


class _Draft:
    """Tasks being put in order and linked."""

    def __init__(
        self, graph: NetworkGraph, placements: Sequence[Placement], costs: OpCosts, design: Design
    ) -> None:
        self.graph = graph
        self.moves = costs.moves
        self.bands = [where.bands for where in placements]
        self.units = _units(design)
        self.unit_of = _assign(placements, self.units, design)
        self.deciders = deciding_ops(graph, design.skip)
        self.frees = _freeing_ops(placements, weight_space_bytes(graph, placements, design))
        self.apart = design.memory is not None and design.memory.dma == "out_of_order"
        self.handed_over = self._crossing() if design.gate_handover else frozenset()

    def tasks(self) -> list[tuple[TaskKey, Task]]:
        """Return the tasks, not linked, each with its place in the order."""
        dma = self.units.index("dma") if "dma" in self.units else NO_UNIT
        found: list[tuple[TaskKey, Task]] = []
        for i, (op, *moves) in enumerate(zip(self.graph.ops, *self.moves, strict=True)):
            for kind, needed in zip(_TRANSFERS, moves, strict=True):
                if needed:
                    key = self._weight_key(i) if kind == "weights" else (i, _KEY[kind], i)
                    queue = int(kind == "weights" and self.apart)
                    task = Task(name=f"{op.name} {kind}", op=i, kind=kind, unit=dma, queue=queue)
                    found.append((key, task))
            compute = Task(name=op.name, op=i, kind="compute", unit=self.unit_of[i])
            found.append(((i, _KEY["compute"], i), compute))
            if i in self.handed_over:
                task = Task(name=f"{op.name} handover", op=i, kind="handover", unit=NO_UNIT)
                found.append(((i, _KEY["handover"], i), task))
        return found

    def link(self, task: Task, place: Place) -> Task:
        """Return the task with what it waits for."""
        i = task.op
        decisions = tuple(sorted(place[d, self._brought_by(d, i)] for d in self.deciders[i]))
        match task.kind:
            case "weights":
                freed = self.frees[i]
                space = () if freed is None else (place[freed, "compute"],)
                return replace(task, after=space, decisions=decisions)
            case "inputs":  # that their producers' outputs have been stored is the order of the DMA
                return replace(task, after=self._producers(i, place), decisions=decisions)
            case "compute":
                streams = tuple(place[i, kind] for kind in _LOADS if (i, kind) in place)
                after = tuple(sorted({*self._producers(i, place), *self._weights_behind(i, place)}))
                return replace(task, after=after, decisions=decisions, streams=streams)
            case "handover":
                return replace(task, after=(place[i, "compute"],))
            case "outputs":
                return replace(task, streams=(place[i, "compute"],))

    def _crossing(self) -> frozenset[int]:
        """Return the deciding ops whose decision some op on another unit obeys."""
        return frozenset(d for i, made in enumerate(self.deciders) for d in made if self._crosses(d, i))

    def _crosses(self, decider: int, i: int) -> bool:
        units = self.unit_of[decider], self.unit_of[i]
        return NO_UNIT not in units and units[0] != units[1]

    def _brought_by(self, decider: int, i: int) -> TaskKind:
        """Return the task after which op i knows what the deciding op decided."""
        return "handover" if decider in self.handed_over and self._crosses(decider, i) else "compute"

    def _weight_key(self, i: int) -> TaskKey:
        """Queue the weights at the op before, or behind its outputs if they wait for that op's compute.

        Those of a depth-first group come together.
        """
        freed, bands = self.frees[i], self.bands[i]
        waits = {*self.deciders[i], *(() if freed is None else (freed,))}
        before = i - 1 if bands is None else i - bands.ops_before - 1
        return (before, _LATE if before in waits else _KEY["weights"], i)

    def _weights_behind(self, i: int, place: Place) -> Iterator[int]:
        """Yield the fetches of weights for later ops of a group whose first op this is: its first band needs them."""
        bands = self.bands[i]
        if bands is not None and not bands.ops_before:
            yield from (
                place[j, "weights"] for j in range(i + 1, i + bands.ops_behind + 1) if (j, "weights") in place
            )

    def _producers(self, i: int, place: Place) -> tuple[int, ...]:
        """Return the computes that make the op's operands, and what its gate reads."""
        op = self.graph.ops[i]
        names = {
            gate.reads
            for gate in self.graph.gates
            if gate.computed_by[:1] == (op.name,) and not gate.rules.picks_answer
        }
        names = names.union(op.inputs) - self.graph.input_sizes.keys()
        return tuple(sorted(place[self.graph.index[name], "compute"] for name in names))


def _units(design: Design) -> tuple[str, ...]:
    units = [name for unit in units_of(design) for name in unit.names(design)]
    return (*units, "dma") if design.memory is not None else tuple(units)


def _assign(placements: Sequence[Placement], units: tuple[str, ...], design: Design) -> list[int]:
    """Return each op's unit; Choice: ops take equal units in turn."""
    place_of = {name: i for i, name in enumerate(units)}  # of tens of thousands of units, too
    equal = {unit.name: cycle([place_of[name] for name in unit.names(design)]) for unit in units_of(design)}
    return [NO_UNIT if place.unit == FREE else next(equal[place.unit]) for place in placements]


def _freeing_ops(placements: Sequence[Placement], space_bytes: int) -> list[int | None]:
    """Return per op the one whose compute must end before the op's weights fit the buffer beside later ones.

    Weights of a depth-first group stay until its last op.
    """
    sizes = [placement.weight_prefetch_bytes for placement in placements]
    found: list[int | None] = []
    for i, size in enumerate(sizes):
        held = size
        freed = None
        for j in range(i - 1, -1, -1) if size else ():
            held += sizes[j]
            if sizes[j] and held > space_bytes:
                bands = placements[j].bands
                freed = j if bands is None else j + bands.ops_behind
                break
        found.append(freed)
    return found


def _without_implied(tasks: list[Task]) -> list[Task]:
    """Drop waits that other waits imply, which no time depends on.

    Only ``after`` and the order on a unit are followed: they hold under every policy.
    """
    ended: list[int] = []  # per task, a bit for every task that has ended when it starts
    last_of: dict[tuple[int, int], int] = {}
    kept = []
    for i, task in enumerate(tasks):
        lane = task.unit, task.queue
        direct = [*task.after, *([last_of[lane]] if lane in last_of else [])]
        known = 0
        for p in direct:
            known |= ended[p]
        after = tuple(p for p in task.after if not known >> p & 1 and p != last_of.get(lane))
        for p in direct:
            known |= 1 << p
        decisions = tuple(p for p in task.decisions if not known >> p & 1)
        kept.append(replace(task, after=after, decisions=decisions))
        ended.append(known)
        if task.unit != NO_UNIT:
            last_of[lane] = i
    return kept
