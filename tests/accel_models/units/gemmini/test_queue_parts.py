"""Parts of an op whose total is known: a schedule takes exactly that total."""

from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.cost import Cost
from accel_models.energy.actions import EnergyParts
from accel_models.units.gemmini.price import Parts, QueueTimes, parts_of

CYCLES = st.integers(0, 10_000)
COUNTS = (
    "weight_bytes", "input_bytes", "output_bytes", "macs", "useful_macs", "gather_cycles", "control_cycles",
)  # fmt: skip


def as_cost(parts: Parts, execute: np.ndarray) -> Cost:
    zero = np.zeros_like(execute)
    counts: dict[str, Any] = dict.fromkeys(COUNTS, zero)
    return Cost(
        compute_cycles=execute,
        first_tile_cycles=parts.first_tile,
        last_tile_cycles=parts.last_tile,
        weight_cycles=zero,
        weight_first_cycles=zero,
        input_cycles=parts.loads,
        input_first_cycles=parts.first_load,
        output_cycles=parts.stores,
        sram_bytes=zero,
        energy=EnergyParts.zeros((len(zero),)),
        weight_energy_pj=np.zeros(len(zero)),
        feasible=np.ones(len(zero), np.bool_),
        **counts,
    )


def times(total: int, load: int, execute: int, store: int, first: int = 0, last: int = 0) -> QueueTimes:
    names = ("total", "load", "execute", "store", "first_load", "last_execute")
    values = (total, load, execute, store, first, last)
    return QueueTimes(**{name: np.array([value]) for name, value in zip(names, values, strict=True)})


def test_one_tile_takes_its_turns() -> None:
    """Load 10, compute 20, store 5, nothing beside another: 35 cycles."""
    parts = parts_of(times(35, 10, 20, 5, first=10, last=20))
    assert (parts.loads, parts.first_load, parts.stores) == (10, 10, 5)
    assert parts.first_tile == 20


def test_waits_of_all_queues_are_the_loads() -> None:
    """The three queues work for 35 of 50 cycles: a host issues no command in the others."""
    parts = parts_of(times(50, 10, 20, 5, first=10, last=20))
    assert parts.loads == 25
    assert parts.stores == 5


def test_stores_beside_loads_take_no_bus_of_their_own() -> None:
    """Loads of 30 and stores of 25 end in 40 cycles, in both directions at once."""
    parts = parts_of(times(40, 30, 10, 25, first=5, last=2))
    assert (parts.loads, parts.stores) == (30, 10)


@settings(max_examples=300)
@given(load=CYCLES, execute=CYCLES, store=CYCLES, more=CYCLES, first=CYCLES, last=CYCLES)
def test_an_op_alone_takes_its_total(
    load: int, execute: int, store: int, more: int, first: int, last: int
) -> None:
    total = max(load, execute) + more
    given_times = times(total, load, execute, store, first, last)
    parts = parts_of(given_times)
    assert 0 <= parts.first_load <= parts.loads
    assert 0 <= parts.last_tile <= execute
    assert 0 <= parts.stores <= store
    if execute:
        assert 0 <= parts.first_tile <= execute
    assert as_cost(parts, given_times.execute).alone_cycles == total
