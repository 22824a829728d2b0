"""Sleep between frames: gaps by hand, both sides of the wake-up time, and what a duty cycle of 30 fps is worth."""

from __future__ import annotations

import numpy as np
import pytest

from accel_models import load_design
from simulator import Arrivals, StreamSettings, stream
from simulator.streams.energy import asleep_cycles
from traces.graphs.resnets import cifar_resnet
from traces.synthetic import synthetic_trace

TRACE = synthetic_trace(cifar_resnet(8, gates="both"), 8, seed=3)


def cycles(*numbers: int) -> np.ndarray:
    return np.array(numbers, np.int64)


@pytest.mark.parametrize(
    ("starts", "ends", "wake", "asleep"),
    [
        ((10, 50), (20, 60), 0, 10 + 30 + 40),  # before, between and after two frames, of 100 cycles
        ((10, 50), (20, 60), 10, 0 + 20 + 30),  # a gap of exactly the wake-up time is waited through
        ((10, 50), (20, 60), 11, 0 + 19 + 29),
        ((10, 20), (80, 30), 5, 5 + 15),  # a frame within another leaves no gap
        ((), (), 5, 95),
    ],
)
def test_gaps_by_hand(starts: tuple[int, ...], ends: tuple[int, ...], wake: int, asleep: int) -> None:
    assert asleep_cycles(cycles(*starts), cycles(*ends), 100, wake) == asleep


def test_duty_cycling_at_one_frame_a_second() -> None:
    """Asleep for most of a second; what sleeping draws is a small part of waiting with clocks on."""
    settings = StreamSettings(arrivals=Arrivals(kind="periodic", rate_hz=1.0), frames=4)
    sleeping = load_design("stm32u575")
    waiting = sleeping.model_copy(update={"sleep": None})
    asleep, awake = (stream(TRACE, design, settings).summary() for design in (sleeping, waiting))
    assert awake.asleep == 0
    assert 0.5 < asleep.asleep < 1
    assert asleep.energy_uj_per_frame < awake.energy_uj_per_frame
    idle_w = 0.3 * 46.9e-12 * 3.3 * 160e6
    saved_uj = asleep.asleep * asleep.seconds * (idle_w - 30e-6) * 1e6 / asleep.completed
    assert awake.energy_uj_per_frame - asleep.energy_uj_per_frame == pytest.approx(saved_uj, rel=1e-6)
