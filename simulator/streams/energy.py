"""Energy of a stream's frames and of the time between them, each at the clock and supply of its DVFS state.

A chip that is switched off between frames, memories kept, sleeps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from accel_models import Design, design_prices, idle_of, static_energy_pj
from simulator.replays.accounting import Spent, off_chip_pj
from simulator.replays.prepare import Prepared
from simulator.schedules.durations import Times
from simulator.streams.dvfs import DvfsState
from traces import Bools, Floats, Ints

OWN_STATE = DvfsState(name="own", speed=1.0, voltage=1.0)  # of a stream without DVFS


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Served:
    """How the frames of a stream were served; arrays of shape (frames,)."""

    inputs: Ints  # of the trace, that the frame shows
    done: Bools
    cycles: Ints  # on the machine, of the design's clock
    state: Ints  # index into ``states``
    states: tuple[DvfsState, ...]  # empty without DVFS

    @property
    def named(self) -> tuple[DvfsState, ...]:
        """The states; the design's own without DVFS."""
        return self.states or (OWN_STATE,)


def moving_pj(prepared: Prepared, paid: Spent, served: Served) -> Floats:
    """Energy of each frame but static [pJ]; that of the chip goes with the square of its state's voltage."""
    energy = np.asarray((paid.energy.total_pj - paid.energy.static_pj)[served.inputs], np.float64)
    if not served.states:
        return energy
    outside = off_chip_pj(prepared, paid)[served.inputs]
    scale = np.array([state.energy_scale for state in served.states])
    return np.asarray(outside + (energy - outside) * scale[served.state], np.float64)


def busy_cycles(times: Times, served: Served) -> Floats:
    """Cycles of the design's clock that each unit works; a state's cycles are as much longer as it is slower."""
    speeds = np.array([state.speed for state in served.named])
    return np.asarray((_own_busy(times, served) / speeds[:, None]).sum(axis=0), np.float64)


def waiting_pj(prepared: Prepared, times: Times, served: Served, awake: int) -> float:
    """Return the static energy of the awake cycles [pJ]: frames in their state, the time between in the first."""
    design, units, states = prepared.design, prepared.schedule.units, served.named
    time = np.zeros(len(states))
    if served.states:
        np.add.at(time, served.state, served.cycles)
    time[0] += awake - time.sum()
    busy, total = _own_busy(times, served), 0.0
    for k, state in enumerate(states):
        cycles = np.array([time[k] * state.speed])  # of the state's own clock
        idle = idle_of(design, units, cycles, busy[k : k + 1])
        clock = design.clock * state.speed
        total += float(static_energy_pj(design_prices(design), cycles, clock, idle, state.voltage)[0])
    return total


def _own_busy(times: Times, served: Served) -> Ints:
    """Cycles that each unit works in each state, of that state's own clock, shape (states, units)."""
    own = np.zeros((len(served.named), times.busy.shape[1]), np.int64)
    np.add.at(own, served.state[served.done], times.busy[served.inputs[served.done]])
    return own


def asleep_cycles(starts: Ints, ends: Ints, span: int, wake: int) -> int:
    """Return the cycles that a chip sleeps while no frame is being served.

    It falls asleep at once and wakes ``wake`` cycles before the next frame, whose arrival it is told in time (a
    timer of periodic frames); a gap no longer than that is waited through with clocks on.

    Parameters
    ----------
    starts, ends
        Of every served frame, in order of start, shape (n,) [cycles].
    span
        Cycles that are looked at, from 0.
    wake
        Cycles to wake up.
    """
    if not len(starts):
        return max(span - wake, 0)
    awake_until = np.concatenate([[0], np.maximum.accumulate(ends)])
    gaps = np.concatenate([starts, [span]]) - awake_until
    return int(np.maximum(gaps - wake, 0).sum())


def sleeping(design: Design, starts: Ints, ends: Ints, span: int) -> tuple[int, float]:
    """Return the cycles a design sleeps and the energy it draws then [pJ]; none without a sleep mode."""
    if design.sleep is None:
        return 0, 0.0
    wake = round(design.sleep.wake * design.clock)
    cycles = asleep_cycles(starts, ends, span, wake)
    return cycles, design.sleep.power * cycles / design.clock * 1e12
