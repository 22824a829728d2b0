"""Sleep between frames: what a chip that is switched off between frames, memories kept, does not draw."""

from __future__ import annotations

import numpy as np

from accel_models import Design
from traces import Ints


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
