"""Replay a trace on a design: the way from decisions to time and energy, and its table of contents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from accel_models import Choices, Copies, Design, Misfit
from simulator.policy import Half, Policy, group_inputs, halves, halves_note, hints
from simulator.replays.accounting import Answer, Runs, dense_answer
from simulator.replays.collect import Collector, TraceHash
from simulator.replays.estimates import expected_answer, mean_rate_answer
from simulator.replays.op_times import op_times
from simulator.replays.prepare import Prepared, Setting, prepare_each
from simulator.replays.timeline import timeline_json
from simulator.replays.views import Views, views_of
from simulator.replays.waterfall import levels
from simulator.results import Results
from simulator.schedules.durations import Times
from traces import (
    ConfigError,
    Floats,
    Ints,
    MeanWorkload,
    Trace,
    Workload,
    did_you_mean,
    iter_inputs,
    load_inputs,
)

EngineName = Literal["fast", "events"]
Traces = Trace | str | Path | Iterable[Trace]
INPUTS_AT_A_TIME = 32768  # inputs lowered and priced at a time, so that memory stays bounded


def replay(  # noqa: PLR0913  # what a user may ask of a replay, all by name
    trace: Traces,
    design: Design,
    *,
    policy: Policy | None = None,
    engine: EngineName = "fast",
    limit: int | None = None,
    timeline: int = 0,
    explain: bool = True,
    views: Views | None = None,
) -> Results:
    """Return what every input of a trace takes on a design.

    Parameters
    ----------
    trace
        A trace, the path of a stored one, or its parts in order; the latter two are streamed in bounded
        memory.  Batches do not reach across parts of 32,768 inputs.  The name or path of any other network (a
        model, a topology) is one batch of inputs that run it whole, whose accuracy is not known.
    design
        The accelerator.
    policy
        How decisions meet the hardware; by default weights wait for them.
    engine
        ``fast`` or ``events``; both give the same to the cycle.
    limit
        Replay the first inputs only.
    timeline
        Keep the first so many inputs as a timeline.
    explain
        Also find the oracle, the waterfall and the estimate at mean rates, which takes several more replays.
        The estimate is taken part by part and averaged.
    views
        What replays of this very trace on other designs found out about it; changes nothing but the time.  Left out,
        those of the last traces are remembered, or of their first ``limit`` inputs.
    """
    policy = policy or Policy()
    if limit is not None and limit < 1:
        raise ConfigError(f"limit = {limit}: must be at least 1")
    if views is None and isinstance(trace, Trace):
        views = _remembered(trace, limit)
        trace = views.trace or trace
    asked = _Terms(policy, engine, views or Views(None), timeline=timeline, explain=explain)
    return _replayed(_parts(trace, limit, policy), [design], asked)[0]


def replay_each(trace: Trace, designs: Sequence[Design], policy: Policy, views: Views) -> list[Results]:
    """Return what :func:`replay` finds on each design, not explained and without ``ops``, which are not added up.

    What designs share is found out once, so many together take far less than one by one.
    """
    return _replayed(_parts(trace, None, policy), designs, _Terms(policy, "fast", views, ops=False))


def _remembered(trace: Trace, limit: int | None) -> Views:
    """Return what is known about the first inputs of a trace, if they are replayed in one part."""
    inputs = min(len(trace), limit or len(trace))
    if inputs > INPUTS_AT_A_TIME:
        return Views(None)
    part = trace if inputs == len(trace) else trace.rows(0, inputs)
    content = TraceHash(part)
    content.add(part)
    rates = hash(tuple(sorted(part.info.rates.items())))
    return views_of(trace, inputs, f"{content.hexdigest()} {rates}")


@dataclass(frozen=True, slots=True)
class _Terms:
    """How to replay."""

    policy: Policy
    engine: EngineName
    views: Views
    timeline: int = 0
    explain: bool = False
    ops: bool = True  # add up what each op takes

    def lowered(self, part: Trace) -> Workload:
        """Return what a part leaves to do, its channels sorted by the rates of other inputs."""
        return self.views.lowered(self.views.compiled(part, self.policy.compiler))


@dataclass(slots=True, eq=False)
class _Lane:
    """One design while parts of the trace go by."""

    design: Design
    collector: Collector
    started: bool = False
    dense_macs: int = 0  # of the dense network
    baseline: Answer = (0.0, 0.0)  # ... and what it takes
    misfit: Misfit | None = None

    def start(self, dense: Prepared) -> None:
        """Replay the dense network."""
        self.started, self.misfit, self.dense_macs = True, dense.misfit, dense.graph.macs
        if self.misfit is None:
            self.baseline = dense_answer(dense)


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """A part of the trace, lowered."""

    trace: Trace
    workload: Workload
    groups: Ints | None
    rates: Floats | None  # for ``predict``
    mean: MeanWorkload | None  # if the replay is explained


def _replayed(parts: Iterator[Trace], designs: Sequence[Design], asked: _Terms) -> list[Results]:
    """Return the results on each design."""
    first = next(parts, None)
    if first is None:
        raise ConfigError("trace: has no inputs to replay")
    known = halves(first, asked.policy, asked.lowered)
    trace_hash = TraceHash(first)
    lanes = [
        _Lane(design, Collector(first, design, asked.policy, asked.engine, trace_hash)) for design in designs
    ]
    for told in chain(known, (Half(part, known[-1].rates) for part in parts)):
        trace_hash.add(told.trace)
        going = [lane for lane in lanes if lane.misfit is None]
        if not going:
            break
        _add(_part(told, asked), going, asked)
    return [_results(lane, first, asked.policy) for lane in lanes]


def _part(told: Half, asked: _Terms) -> _Part:
    """Return what a part leaves to do."""
    workload = asked.lowered(told.trace) if told.workload is None else told.workload
    mean = asked.views.mean(workload) if asked.explain else None
    return _Part(told.trace, workload, group_inputs(told.trace, asked.policy), told.rates, mean)


def _add(part: _Part, lanes: Sequence[_Lane], asked: _Terms) -> None:
    """Replay a part on every design; all that is to be priced is priced together."""
    dense = asked.views.dense(part.trace.graph)
    copies = Copies(asked.policy.batch)
    settings = [Setting(part.workload, lane.design, part.groups, part.rates) for lane in lanes]
    if part.mean is not None:
        settings += [Setting(part.mean.workload, lane.design, copies, part.mean.rate) for lane in lanes]
        if asked.policy.batch > 1:
            settings += [Setting(part.workload, lane.design, copies, part.rates) for lane in lanes]
    if not lanes[0].started:
        settings += [Setting(dense, lane.design, copies) for lane in lanes]
    prepared = prepare_each(settings, asked.policy, asked.views, Choices(rates=part.trace.info.rates))
    if not lanes[0].started:
        for lane, bare in zip(lanes, prepared[-len(lanes) :], strict=True):
            lane.start(bare)
    for k, lane in enumerate(lanes):
        lane.misfit = lane.misfit or prepared[k].misfit
        if lane.misfit is None:
            actual = Runs.of(prepared[k], _of_events(prepared[k], asked.engine))
            _collect(part, lane, asked, actual)
            if part.mean is not None:
                mean_rate = mean_rate_answer(prepared[len(lanes) + k], part.mean.rate)
                alone = actual if asked.policy.batch == 1 else Runs.of(prepared[2 * len(lanes) + k])
                _explain(part, lane, actual, alone, mean_rate)


def _collect(part: _Part, lane: _Lane, asked: _Terms, actual: Runs) -> None:
    """Add up a part on one design."""
    lane.collector.add(part.trace, part.workload, actual, part.groups, ops=asked.ops)
    if asked.timeline and not lane.collector.timeline:
        lane.collector.timeline = timeline_json(actual.prepared, asked.timeline)


def _explain(part: _Part, lane: _Lane, actual: Runs, alone: Runs, mean_rate: Answer) -> None:
    """Add what idealised replays of a part find; ``alone``: every input beside copies of itself, if not by itself."""
    macs, dense = part.workload.macs, lane.dense_macs
    shares = macs / dense if dense else np.ones(len(macs))  # of what has none, nothing is saved
    lane.collector.explain(
        levels(alone, actual, shares, lane.baseline),
        mean_rate,
        expected_answer(actual.prepared),
        len(part.trace),
        op_times(actual.prepared),
    )


def _results(lane: _Lane, first: Trace, policy: Policy) -> Results:
    """Return what was found on one design."""
    if lane.misfit is not None:
        return lane.collector.does_not_fit(lane.misfit, len(first))
    notes = (*hints(first, lane.design, policy.compiler), *halves_note(first, policy))
    return lane.collector.results(lane.dense_macs, lane.baseline, notes)


def _of_events(prepared: Prepared, engine: EngineName) -> Times | None:
    """Return the times under the policy by the reference; ``None`` if the fast engine is asked for."""
    if engine == "events":
        from simulator.engines import events  # noqa: PLC0415  (SimPy is needed by this engine alone)

        return events.simulate(prepared.tables, prepared.work.state_index)
    if engine == "fast":
        return None
    raise ConfigError(f"engine = {engine!r}{did_you_mean(engine, ('fast', 'events'))}")


def _parts(trace: Traces, limit: int | None, policy: Policy) -> Iterator[Trace]:
    """Yield the trace in parts, at least one and none empty; parts hold whole batches where they can."""
    rows = INPUTS_AT_A_TIME // policy.batch * policy.batch
    whole = _slices(trace, rows, limit, policy.batch)
    left = limit
    for part in whole:
        cut = part if left is None or len(part) <= left else part.rows(0, left)
        if len(cut):
            yield cut
        if left is not None:
            left -= len(cut)
            if left == 0:
                return


def _slices(trace: Traces, rows: int, limit: int | None, batch: int) -> Iterable[Trace]:
    """Return the trace cut into parts of ``rows`` inputs; parts that are given stay as they are."""
    if isinstance(trace, str | Path):
        return _of_file(trace, rows, limit, batch)
    if isinstance(trace, Trace):
        whole = trace
        if len(whole) <= rows:
            return (whole,)
        return (whole.rows(at, min(at + rows, len(whole))) for at in range(0, len(whole), rows))
    return trace


def _of_file(path: str | Path, rows: int, limit: int | None, batch: int) -> Iterable[Trace]:
    """Return the parts of a stored trace, or a batch of inputs of any other network."""
    if Path(path).suffix == ".npz":
        return _slices(load_inputs(path, limit), rows, limit, batch)
    return iter_inputs(path, rows, limit, static_inputs=batch)
