"""What many designs find out about one trace, found out once."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np

from accel_models import Compaction, Compiler, Design, Groups, SkippedWorkload, compiled_trace, skip, view_key
from traces import NetworkGraph, Trace, Workload, dense_workload, lower


class Views:
    """A trace lowered, and seen through every skip mechanism that came by: for sweeps over designs.

    Give the same value to every :func:`simulator.replays.run.replay` of this trace.  Parts of it, and other traces,
    are looked at anew each time, so nothing grows but with the number of different mechanisms.
    """

    def __init__(self, trace: object) -> None:
        self._trace = trace if isinstance(trace, Trace) else None  # what is streamed is not looked at twice
        self._sorted: Trace | None = None
        self._lowered: dict[int, Workload] = {}  # by the identity of the trace, sorted or not
        self._dense: Workload | None = None
        self._dense_of: NetworkGraph | None = None
        self._seen: dict[Hashable, SkippedWorkload] = {}

    def compiled(self, part: Trace, compiler: Compiler) -> Trace:
        """Return the trace with its channels sorted, as :func:`accel_models.compiled_trace`."""
        if part is not self._trace or not compiler.sort:
            return compiled_trace(part, compiler)
        if self._sorted is None:
            self._sorted = compiled_trace(part, compiler)
        return self._sorted

    def lowered(self, part: Trace) -> Workload:
        """Return what the gates left to do, as :func:`traces.work.workload.lower`."""
        if part is not self._trace and part is not self._sorted:
            return lower(part)
        if id(part) not in self._lowered:
            self._lowered[id(part)] = lower(part)
        return self._lowered[id(part)]

    def dense(self, graph: NetworkGraph) -> Workload:
        """Return the work of the dense network inside the dynamic one."""
        if self._dense is None or graph is not self._dense_of:
            self._dense, self._dense_of = dense_workload(graph.without_gates()), graph
        return self._dense

    def skipped(
        self, workload: Workload, design: Design, groups: Groups | None, compaction: Compaction
    ) -> SkippedWorkload:
        """Return what the design computes and fetches, as :func:`accel_models.work.skipping.skip`."""
        known = [self._dense, *self._lowered.values()]
        if not any(workload is each for each in known):
            return skip(workload, design, groups, compaction)
        rows = groups.tobytes() if isinstance(groups, np.ndarray) else groups
        key = (id(workload), view_key(design), rows, compaction)
        if key not in self._seen:
            self._seen[key] = skip(workload, design, groups, compaction)
        return self._seen[key]
