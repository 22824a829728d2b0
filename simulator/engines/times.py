"""What an engine returns: when an input was done, and where its time went."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from traces import Ints


@dataclass(frozen=True, kw_only=True, eq=False)
class Times:
    """Times of ``n`` rows (inputs or batches) on one schedule [cycles]."""

    latency: Ints  # (n,), until the last task has ended
    busy: Ints  # (n, units), cycles each unit worked
    waits: Callable[[], Ints]  # what ``decision_wait`` is, found out when it is asked for
    fetched_early: Ints  # (n, speculative tasks), cycles of each transfer spent before its decision came
    starts: Ints | None = None  # (n, tasks), if asked for
    ends: Ints | None = None
    worked: Ints | None = None  # (n, tasks), cycles of each task

    @cached_property
    def decision_wait(self) -> Ints:
        """Cycles that tasks stood ready but for a decision, over all rows, shape (tasks,)."""
        return self.waits()


def speculative_duration(start: int, decided: int, kept: int, whole: int, cut: int) -> tuple[int, int]:
    """Return a speculative transfer's cycles, and how many of them passed before the decision.

    The whole operand is asked for; once the decision is known the transfer is cut at the next burst, and of
    the part not yet fetched only the kept share still comes:

        early    = min(ceil((decided - start) / cut) cut, whole), at least 0
        duration = early + ceil(kept (whole - early) / whole)

    Parameters
    ----------
    start, decided
        When the transfer starts and when the decision is there [cycles].
    kept, whole
        Cycles of what turns out needed, and of everything, at least 1; tiling may make a part of the weights
        take longer than all of them, and then counts as everything.
    cut
        Cycles of one burst.
    """
    whole = max(whole, kept)
    early = max(decided - start, 0)
    early = min(-(-early // cut) * cut, whole)
    return early + -(-kept * (whole - early) // whole), early
