"""From a trace to what an engine needs: lower, skip, place, price, schedule, in this order.

What many designs find out about one trace is found out once: :class:`simulator.replays.views.Views`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from accel_models import (
    Bus,
    Choices,
    Copies,
    CostAsked,
    Design,
    Groups,
    Misfit,
    OpCosts,
    Placement,
    SkippedWorkload,
    layout_family,
    place,
    plan_each,
    price_alike,
    view_key,
    ways_to_place,
)
from simulator.policy import Policy
from simulator.replays.outlook import Outlook, Placements
from simulator.replays.plans import Planning, best_plans
from simulator.replays.views import PLANS, Plan, Views
from simulator.schedules.durations import Durations, Latencies, durations
from simulator.schedules.schedule import Schedule
from traces import (
    Bools,
    Floats,
    Ints,
    NetworkGraph,
    UnsupportedError,
    Workload,
)


@dataclass(frozen=True, eq=False)
class Prepared:
    """Inputs (or batches) priced and scheduled on one design, ready for an engine."""

    design: Design
    policy: Policy
    work: SkippedWorkload
    placements: tuple[Placement, ...]
    costs: OpCosts  # per op; the last state is the dense one
    schedule: Schedule
    tables: Durations
    sizes: Ints  # (rows,), inputs that each row of the workload stands for

    @property
    def graph(self) -> NetworkGraph:
        """The network."""
        return self.work.graph

    @cached_property
    def dynamic(self) -> Bools:
        """Which ops only the dynamic network needs, shape (ops,)."""
        return np.array([op.name in self.graph.dynamic_ops for op in self.graph.ops], np.bool_)

    @property
    def misfit(self) -> Misfit | None:
        """Why the network does not fit the design; ``None`` if it does."""
        return self.costs.misfit


@dataclass(frozen=True, slots=True, eq=False)
class Setting:
    """A workload on a design."""

    workload: Workload  # what is left to do for ``n`` inputs
    design: Design
    groups: Groups | None = None  # inputs that run together; every input alone if left out
    rates: Floats | None = None  # of each op for ``predict``, shape (ops,); the workload's if left out


def prepare(setting: Setting, policy: Policy, given: Choices | None = None) -> Prepared:
    """Return one workload on a design ready for an engine; see :func:`prepare_each`."""
    return prepare_each([setting], policy, given=given)[0]


def prepare_each(
    settings: Sequence[Setting], policy: Policy, views: Views | None = None, given: Choices | None = None
) -> list[Prepared]:
    """Return workloads on designs ready for an engine; what several share is found out once.

    Parameters
    ----------
    settings
        What runs where.
    policy
        How decisions meet the hardware.
    views
        What other designs found out about this trace.
    given
        What the compiler is told: frames on the machine at once, rates of gates on other inputs.
    """
    for each in settings:
        _check_supported(policy, each.design)
    views = views or Views(None)
    works = _seen(settings, policy, views)
    told = replace(given or Choices(), batch=policy.batch)
    plans = _plans(works, [each.design for each in settings], told, policy, views)
    costs = _priced(works, plans, settings, views)
    return [_scheduled(*each, policy) for each in zip(settings, works, plans, costs, strict=True)]


def _seen(settings: Sequence[Setting], policy: Policy, views: Views) -> list[SkippedWorkload]:
    """Return each workload as its design sees it, looked at once by designs that see alike."""
    known: dict[tuple[object, ...], SkippedWorkload] = {}
    found = []
    for each in settings:
        key = id(each.workload), view_key(each.design), id(each.groups)
        if key not in known:
            known[key] = views.skipped(each.workload, each.design, each.groups, policy.compaction)
        found.append(known[key])
    return found


def _plans(
    works: Sequence[SkippedWorkload], designs: Sequence[Design], told: Choices, policy: Policy, views: Views
) -> list[Plan]:
    """Return each graph's plan on its design, found once however many workloads and parts of a trace there are."""
    found: dict[tuple[int, int], Plan] = {}
    unknown: dict[tuple[int, int], tuple[SkippedWorkload, Design]] = {}
    for work, design in zip(works, designs, strict=True):
        pair = id(work.graph), id(design)
        plan = PLANS.of(work.graph, design, told, policy)
        if plan is None:
            unknown.setdefault(pair, (work, design))
        else:
            found[pair] = plan
    if unknown:
        laid = [(work.graph, design) for work, design in unknown.values()]
        asked = _planning([*unknown.values()], plan_each(laid, policy.compiler, told), policy, views)
        for (graph, design), placements in zip(laid, best_plans(asked, policy), strict=True):
            plan = found[id(graph), id(design)] = Plan(graph, design, told.rates, placements)
            PLANS.keep(plan, told, policy)
    return [found[id(work.graph), id(design)] for work, design in zip(works, designs, strict=True)]


def _planning(
    pairs: Sequence[tuple[SkippedWorkload, Design]], choices: Sequence[Choices], policy: Policy, views: Views
) -> list[Planning]:
    """Return what there is to plan; designs laid out alike share ways to keep tensors."""
    asked: list[Planning] = []
    outlooks: dict[tuple[object, ...], Outlook] = {}
    ways: dict[tuple[object, ...], list[Placements]] = {}
    for (work, design), chosen in zip(pairs, choices, strict=True):
        graph = work.graph
        seen = id(graph), view_key(design)
        laid = id(graph), layout_family(design), tuple(chosen.gate_units.items())
        if seen not in outlooks:
            outlooks[seen] = views.outlook(work, design, chosen, policy.compiler)
        if laid not in ways:
            ways[laid] = (
                ways_to_place(graph, design, chosen) if policy.tile else [place(graph, design, chosen)]
            )
        asked.append(Planning(outlooks[seen], ways[laid], design, chosen))
    return asked


def _priced(
    works: Sequence[SkippedWorkload], plans: Sequence[Plan], settings: Sequence[Setting], views: Views
) -> list[OpCosts]:
    """Return the costs of all ops of every setting; what is not known is priced together."""
    asked: list[CostAsked] = []
    ops: list[range | OpCosts] = []  # of each setting: places in what is asked for, or what is known
    for work, plan, each in zip(works, plans, settings, strict=True):
        known = views.costs(work, plan.placements, each.design)
        if known is None:
            ops.append(range(len(asked), len(asked) + len(plan.placements)))
            asked += [
                CostAsked(states, where, each.design)
                for states, where in zip(work.states, plan.placements, strict=True)
            ]
        else:
            ops.append(known)
    if not asked:
        return [each for each in ops if isinstance(each, OpCosts)]
    priced = price_alike(asked)
    found = [each if isinstance(each, OpCosts) else priced.costs([(k,) for k in each]) for each in ops]
    for new, costs, work, plan, each in zip(ops, found, works, plans, settings, strict=True):
        if new is not costs:
            views.keep_costs(costs, work, plan.placements, each.design)
    return found


def _scheduled(
    setting: Setting, work: SkippedWorkload, plan: Plan, costs: OpCosts, policy: Policy
) -> Prepared:
    """Return priced work with its schedule."""
    design, known = setting.design, setting.rates
    schedule = plan.schedule(costs)
    rates = setting.workload.rate if known is None else known
    return Prepared(
        design=design,
        policy=policy,
        work=work,
        placements=plan.placements,
        costs=costs,
        schedule=schedule,
        tables=durations(schedule, costs, policy, rates, _latencies(design)),
        sizes=_sizes(len(work), setting.groups),
    )


def _sizes(rows: int, groups: Groups | None) -> Ints:
    """Return the inputs that each row stands for."""
    if groups is None or isinstance(groups, Copies):
        return np.full(rows, 1 if groups is None else groups.batch, np.int64)
    return np.asarray((groups >= 0).sum(axis=1), np.int64)


def _check_supported(policy: Policy, design: Design) -> None:
    """Refuse what the design's hardware cannot do; to speculate without a DRAM is merely idle."""
    skip = design.skip
    if policy.compaction == "per_input" and skip.some_channels and not skip.packs:
        raise UnsupportedError(
            f"policy.compaction = 'per_input': design {design.name!r} has skip.channels = {skip.channels!r}, which "
            f"cannot give the inputs of a batch channels of their own; use 'union'"
        )


def _latencies(design: Design) -> Latencies:
    memory = design.memory
    cut = 1 if memory is None else math.ceil(Bus(memory.dram, design.clock).burst_cycles)
    return Latencies(cut_cycles=cut, handover_cycles=design.handover_cycles)
