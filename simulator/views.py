"""What many designs find out about one trace, found out once."""

from __future__ import annotations

from collections.abc import Hashable

from accel_models.cost import Ints
from accel_models.design import Design
from accel_models.skipping import Compaction, SkippedWorkload, skip, view_key
from traces.states import Workload
from traces.trace import Trace
from traces.workload import lower


class Views:
    """A trace lowered, and seen through every skip mechanism that came by: for sweeps over designs.

    Give the same value to every :func:`simulator.run.replay` of this trace.  Parts of it, and other traces,
    are looked at anew each time, so nothing grows but with the number of different mechanisms.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._workload: Workload | None = None
        self._seen: dict[Hashable, SkippedWorkload] = {}

    def lowered(self, part: Trace) -> Workload:
        """Return what the gates left to do, as :func:`traces.workload.lower`."""
        if part is not self._trace:
            return lower(part)
        if self._workload is None:
            self._workload = lower(part)
        return self._workload

    def skipped(
        self, workload: Workload, design: Design, groups: Ints | None, compaction: Compaction
    ) -> SkippedWorkload:
        """Return what the design computes and fetches, as :func:`accel_models.skipping.skip`."""
        if workload is not self._workload:
            return skip(workload, design, groups, compaction)
        key = (view_key(design), None if groups is None else groups.tobytes(), compaction)
        if key not in self._seen:
            self._seen[key] = skip(workload, design, groups, compaction)
        return self._seen[key]
