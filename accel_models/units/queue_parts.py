"""Parts of an op for a schedule, when the time of the whole is known and not that of each wait in it.

A schedule overlaps the parts of an op by one rule (:attr:`accel_models.cost.Cost.alone_cycles`): one bus, loads
before stores, compute between its first and its last tile.  Queues that hide less, or that load and store at the
same time, are described to it by when the array can begin, when the first result is ready and what the last
tile leaves to do, such that the op alone takes exactly what the queues take::

    bus      | loads                       |        | stores    |
    array         | compute                         |           |
                  ^ first input            ^        ^ first tile
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from traces import Ints


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QueueTimes:
    """What the queues of ``n`` ops take, in whole cycles; arrays of shape (n,)."""

    total: Ints  # no less than ``load`` and ``execute``
    load: Ints
    execute: Ints
    store: Ints
    first_load: Ints  # until the array can begin
    last_execute: Ints  # left for the array when the last tile has landed


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Parts:
    """What a schedule is told; arrays of shape (n,) [cycles]."""

    loads: Ints
    first_load: Ints
    first_tile: Ints  # of the array, from its start until stores begin
    last_tile: Ints
    stores: Ints


def parts_of(times: QueueTimes) -> Parts:
    """Return parts that take ``times.total`` together.

    Choice: what none of the queues works at is waited for by the loads; stores that go on beside loads take no
    time of their own on the schedule's one bus.
    """
    total, execute = times.total, times.execute
    loads = times.load + np.maximum(total - times.load - execute - times.store, 0)
    stores = np.minimum(times.store, total - loads)
    work = np.maximum(execute, 1)
    behind_loads = (total - loads) * work // (work + stores)  # so that load, last tile and last store fit
    behind_array = (total - execute) * work // np.maximum(stores, 1)  # so that compute and last store fit
    last_tile = np.minimum(np.minimum(times.last_execute, execute), np.minimum(behind_loads, behind_array))
    last_store = -(-stores * last_tile // work)
    earliest = np.maximum(total - stores - execute, 0)
    begin = np.clip(times.first_load, earliest, np.minimum(loads, total - execute - last_store))
    return Parts(
        loads=loads, first_load=begin, first_tile=total - stores - begin, last_tile=last_tile, stores=stores
    )
