"""Streams: frames that arrive in time, wait for the machine, and have a deadline.

Frames in flight compete for units, so they go event by event (:mod:`simulator.engines.shared`), and share the buffers:
tensors of all of them are held at once, tiles and weights that come and go have an equal part each.  One that meets no
other takes the time of a replay in such buffers.  Choice: a frame's energy, wasted fetches included, is that of its
replay alone, whatever it shares the machine with.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from accel_models import Choices, Design, compiled_trace
from simulator.engines.fast import simulate
from simulator.policy import Policy, held_out_rates
from simulator.replays.accounting import Spent, spent
from simulator.replays.prepare import Prepared, Setting, prepare
from simulator.schedules.durations import Times
from simulator.streams.arrivals import Arrivals
from simulator.streams.budgets import Budget, Halted, check_fits, halt
from simulator.streams.dvfs import Dvfs
from simulator.streams.energy import Served, busy_cycles, moving_pj, sleeping, waiting_pj
from simulator.streams.results import StreamResults
from simulator.streams.server import NEVER, Rules, ServedTimes, SharedMachine, served
from simulator.streams.summary import StreamSummary
from simulator.summary import Spread
from traces import Bools, ConfigError, Ints, Trace, UnsupportedError, lower

MOST_FRAMES = 100_000_000  # Choice: 38 days at 30 a second; some 200 bytes of memory each


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """A stream of frames; the inputs of the trace come round again if there are more frames."""

    arrivals: Arrivals
    frames: int | None = None  # as many as there are inputs to show if left out
    deadline_s: float | None = None  # from arrival to answer
    queue: int | None = 8  # places to wait; None: as many as needed
    drop: str = "newest"  # or "oldest": which frame goes when the queue is full
    in_flight: int = 1  # frames on the machine at once
    dvfs: Dvfs | None = None
    budget: Budget | None = None

    def __post_init__(self) -> None:
        for name, least, most in (
            ("frames", 1, MOST_FRAMES),
            ("queue", 0, MOST_FRAMES),
            ("in_flight", 1, 1024),
        ):
            value = getattr(self, name)
            if value is not None and not least <= value <= most:
                raise ConfigError(f"stream.{name} = {value}: must be {least} to {most:,}")
        if self.drop not in {"newest", "oldest"}:
            raise ConfigError(f"stream.drop = {self.drop!r}: known: newest, oldest")
        if self.deadline_s is not None and not 0 < self.deadline_s < np.inf:
            raise ConfigError(f"stream.deadline_s = {self.deadline_s}: must be above 0 and finite")
        if self.dvfs is not None and self.in_flight > 1:
            raise UnsupportedError(
                f"stream.in_flight = {self.in_flight}: with DVFS states only one frame can be in flight"
            )


def stream(
    trace: Trace, design: Design, settings: StreamSettings, policy: Policy | None = None
) -> StreamResults:
    """Return what happens to a stream of the trace's inputs on a design.

    Parameters
    ----------
    trace
        Frames, in order.  With a budget, or where a policy reads rates that the trace does not carry, the first half
        stands in for other inputs and only the second half is shown.
    design
        The accelerator; its clock is that of arrivals and deadlines.
    settings
        Arrivals, queue, deadline, DVFS states, budget.
    policy
        How decisions meet the hardware; batches are not for streams.
    """
    policy = policy or Policy()
    if policy.batch > 1:
        raise UnsupportedError(
            f"policy.batch = {policy.batch}: frames of a stream run one by one; use batch = 1"
        )
    if not len(trace):
        raise ConfigError("trace: has no inputs to stream")
    frames, budget = settings.in_flight, settings.budget
    halted = None if budget is None else halt(trace, design, budget, policy, frames)
    rates, seen = held_out_rates(trace, policy)
    if halted is None:
        shown = trace.rows(seen, len(trace)) if seen else trace
    else:
        shown, seen = halted.trace, halted.seen
    asked = Setting(lower(compiled_trace(shown, policy.compiler)), design, rates=rates)
    prepared = prepare(asked, policy, Choices(frames=frames, rates=trace.info.rates))
    check_fits(prepared, frames)
    run = _Service(prepared, settings, _correct(shown, halted), halted, seen)
    return StreamResults(_summary(run), design, policy, _per_frame(run))


def _correct(shown: Trace, halted: Halted | None) -> Bools:
    return shown.labels == shown.predictions if halted is None else halted.correct


@dataclass(slots=True)
class _Service:
    """One stream being served."""

    prepared: Prepared
    settings: StreamSettings
    correct: Bools  # per input
    halted: Halted | None
    seen: int  # inputs before those that are shown, which stood in for others
    times: Times = field(init=False)  # of every input alone
    paid: Spent = field(init=False)
    inputs: Ints = field(init=False)  # (frames,), the input that each frame shows
    arrivals: Ints = field(init=False)  # (frames,) [cycles]
    served: ServedTimes = field(init=False)

    def __post_init__(self) -> None:
        settings, prepared = self.settings, self.prepared
        n, clock = len(prepared.work), prepared.design.clock
        frames = settings.frames or n
        self.inputs = np.arange(frames, dtype=np.int64) % n
        self.times = simulate(prepared.tables, prepared.work.state_index)
        self.paid = spent(prepared, self.times)
        alone, dvfs = self.times.latency, settings.dvfs
        machine = SharedMachine(
            tables=prepared.tables,
            state_index=prepared.work.state_index,
            alone=alone[None] if dvfs is None else np.stack([each.stretched(alone) for each in dvfs.states]),
            switch_cycles=0 if dvfs is None else dvfs.switch_cycles(clock),
        )
        rules = Rules(queue=settings.queue, in_flight=settings.in_flight, drop=settings.drop)  # type: ignore[arg-type]  # checked when it was made
        self.arrivals = settings.arrivals.cycles(frames, clock)
        self.served = served(machine, self.arrivals, rules)


def _per_frame(run: _Service) -> dict[str, NDArray[Any]]:
    """Return one row per frame, in order of arrival."""
    server, clock = run.served, run.prepared.design.clock
    done = server.ends != NEVER
    latency = np.where(done, server.ends - run.arrivals, 0)
    columns: dict[str, NDArray[Any]] = {
        "frame": np.arange(len(done), dtype=np.int64),
        "input": run.seen + run.inputs,
        "arrival_us": run.arrivals * (1e6 / clock),
        "wait_us": np.where(done, (server.starts - run.arrivals) * (1e6 / clock), np.nan),
        "latency_us": np.where(done, latency * (1e6 / clock), np.nan),
        "dropped": ~done,
        "missed": _missed(run, done, latency),
        "correct": run.correct[run.inputs] & done,
        "energy_pj": np.where(done, moving_pj(run.prepared, run.paid, _served(run)), 0.0),
    }
    if run.halted is not None:
        columns["exit"] = run.halted.exits[run.inputs]
    if run.settings.dvfs is not None:
        columns["dvfs_state"] = server.states
    return columns


def _missed(run: _Service, done: Bools, latency: Ints) -> Bools:
    """Return which frames got no answer in time: dropped, late, or beyond its budget."""
    missed = ~done
    if run.settings.deadline_s is not None:
        missed |= latency > run.settings.deadline_s * run.prepared.design.clock
    if run.halted is not None:
        missed |= ~run.halted.in_budget[run.inputs]
    return missed


def _served(run: _Service) -> Served:
    server, dvfs = run.served, run.settings.dvfs
    done = server.ends != NEVER
    return Served(
        inputs=run.inputs,
        done=done,
        cycles=np.where(done, server.ends - server.starts, 0),
        state=server.states,
        states=() if dvfs is None else dvfs.states,
    )


def _summary(run: _Service) -> StreamSummary:
    frames = _per_frame(run)
    server, prepared = run.served, run.prepared
    done = ~frames["dropped"]
    span = int(max(server.ends.max(), run.arrivals[-1]))
    served = _served(run)
    busy = busy_cycles(run.times, served)
    order = np.argsort(server.starts[done], kind="stable")
    asleep, asleep_pj = sleeping(prepared.design, server.starts[done][order], server.ends[done][order], span)
    static = waiting_pj(prepared, run.times, served, span - asleep) + asleep_pj
    completed = int(done.sum())
    load, deadline = _load(run), run.settings.deadline_s
    seconds = span / prepared.design.clock
    return StreamSummary(
        network=prepared.graph.name,
        design=prepared.design.name,
        design_hash=prepared.design.hash,
        frames=len(done),
        completed=completed,
        dropped=len(done) - completed,
        missed=int(frames["missed"].sum()),
        miss_rate=float(frames["missed"].mean()),
        load=load,
        unstable=load >= 1.0,
        seconds=seconds,
        frames_per_second=completed / seconds if seconds else 0.0,
        latency_us=Spread.of(frames["latency_us"][done]),
        wait_us=Spread.of(frames["wait_us"][done]),
        energy_uj_per_frame=float(frames["energy_pj"].sum() + static) * 1e-6 / max(completed, 1),
        asleep=asleep / max(span, 1),
        accuracy=float(frames["correct"].mean()),
        busy={
            unit: float(cycles) / max(span, 1)
            for unit, cycles in zip(prepared.schedule.units, busy, strict=False)
        },
        skipped=prepared.graph.skipped,
        deadline_us=None if deadline is None else deadline * 1e6,
    )


def _load(run: _Service) -> float:
    """Return the share of its capacity that the stream asks for; the queue grows without end from 1 on.

    One frame in flight: mean time of a frame, at the fastest DVFS state.  Several: mean busy time of the
    busiest unit, which no overlap can shorten.
    """
    gap = run.settings.arrivals.mean_gap_cycles(len(run.inputs), run.prepared.design.clock)
    times, shown = run.times, run.inputs
    if run.settings.in_flight > 1:
        service = float(times.busy[shown].mean(axis=0).max())
    else:
        service = float(times.latency[shown].mean())
    if run.settings.dvfs is not None:
        service /= run.settings.dvfs.states[-1].speed
    return service / gap if gap > 0 else float("inf")
