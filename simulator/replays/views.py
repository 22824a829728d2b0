"""What many designs find out about one trace, found out once."""

from __future__ import annotations

from collections.abc import Hashable

from accel_models import Compaction, Design, Ints, SkippedWorkload, skip, view_key
from traces import NetworkGraph, Trace, Workload, dense_workload, lower


class Views:
    """A trace lowered, and seen through every skip mechanism that came by: for sweeps over designs.

    Give the same value to every :func:`simulator.replays.run.replay` of this trace.  Parts of it, and other traces,
    are looked at anew each time, so nothing grows but with the number of different mechanisms.
    """

    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._workload: Workload | None = None
        self._dense: Workload | None = None
        self._seen: dict[Hashable, SkippedWorkload] = {}

    def lowered(self, part: Trace) -> Workload:
        """Return what the gates left to do, as :func:`traces.work.workload.lower`."""
        if part is not self._trace:
            return lower(part)
        if self._workload is None:
            self._workload = lower(part)
        return self._workload

    def dense(self, graph: NetworkGraph) -> Workload:
        """Return the work of the static network inside the dynamic one."""
        if graph is not self._trace.graph:
            return dense_workload(graph.without_gates())
        if self._dense is None:
            self._dense = dense_workload(graph.without_gates())
        return self._dense

    def skipped(
        self, workload: Workload, design: Design, groups: Ints | None, compaction: Compaction
    ) -> SkippedWorkload:
        """Return what the design computes and fetches, as :func:`accel_models.work.skipping.skip`."""
        if workload is not self._workload and workload is not self._dense:
            return skip(workload, design, groups, compaction)
        rows = None if groups is None else groups.tobytes()
        key = (workload is self._dense, view_key(design), rows, compaction)
        if key not in self._seen:
            self._seen[key] = skip(workload, design, groups, compaction)
        return self._seen[key]
