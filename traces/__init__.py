"""Networks as graphs, recorded gate decisions, their storage, and the work they leave to do.

Names are imported on first use, so ``import traces`` stays fast::

    from traces import load_trace, lower
    workload = lower(load_trace("lcnet_resnet20_cifar10.parquet"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traces.base.atomic import atomic_write
    from traces.base.errors import ConfigError, FileProblem, GraphError, LacunaError, UnsupportedError
    from traces.exits import with_exit_threshold
    from traces.files.storage import (
        StoredTrace,
        export_npz,
        import_npz,
        iter_trace,
        load_trace,
        read_info,
        save_trace,
        shipped_traces,
    )
    from traces.graphs.dense import dynamic_ops, strip_gates
    from traces.graphs.files import load_graph, parse_graph, save_graph
    from traces.graphs.graph import Gate, NetworkGraph, Op
    from traces.graphs.named import load_network, network_names
    from traces.graphs.resnets import cifar_resnet
    from traces.statistics import GateStatistics, TraceStatistics, trace_statistics
    from traces.synthetic import SyntheticSettings, synthetic_trace
    from traces.trace import SCHEMA_VERSION, Trace, TraceInfo, pack_mask
    from traces.work.workload import (
        MeanWorkload,
        OpStates,
        Workload,
        dense_workload,
        lower,
        mean_workload,
        open_trace,
    )

_HOME = {
    "ConfigError": "traces.base.errors",
    "FileProblem": "traces.base.errors",
    "Gate": "traces.graphs.graph",
    "GateStatistics": "traces.statistics",
    "GraphError": "traces.base.errors",
    "LacunaError": "traces.base.errors",
    "MeanWorkload": "traces.work.workload",
    "NetworkGraph": "traces.graphs.graph",
    "Op": "traces.graphs.graph",
    "OpStates": "traces.work.workload",
    "SCHEMA_VERSION": "traces.trace",
    "StoredTrace": "traces.files.storage",
    "SyntheticSettings": "traces.synthetic",
    "Trace": "traces.trace",
    "TraceInfo": "traces.trace",
    "TraceStatistics": "traces.statistics",
    "UnsupportedError": "traces.base.errors",
    "Workload": "traces.work.workload",
    "atomic_write": "traces.base.atomic",
    "cifar_resnet": "traces.graphs.resnets",
    "dense_workload": "traces.work.workload",
    "dynamic_ops": "traces.graphs.dense",
    "export_npz": "traces.files.storage",
    "import_npz": "traces.files.storage",
    "iter_trace": "traces.files.storage",
    "load_graph": "traces.graphs.files",
    "load_network": "traces.graphs.named",
    "load_trace": "traces.files.storage",
    "lower": "traces.work.workload",
    "mean_workload": "traces.work.workload",
    "network_names": "traces.graphs.named",
    "open_trace": "traces.work.workload",
    "pack_mask": "traces.trace",
    "parse_graph": "traces.graphs.files",
    "read_info": "traces.files.storage",
    "save_graph": "traces.graphs.files",
    "save_trace": "traces.files.storage",
    "shipped_traces": "traces.files.storage",
    "strip_gates": "traces.graphs.dense",
    "synthetic_trace": "traces.synthetic",
    "trace_statistics": "traces.statistics",
    "with_exit_threshold": "traces.exits",
}

__all__ = [
    "SCHEMA_VERSION",
    "ConfigError",
    "FileProblem",
    "Gate",
    "GateStatistics",
    "GraphError",
    "LacunaError",
    "MeanWorkload",
    "NetworkGraph",
    "Op",
    "OpStates",
    "StoredTrace",
    "SyntheticSettings",
    "Trace",
    "TraceInfo",
    "TraceStatistics",
    "UnsupportedError",
    "Workload",
    "atomic_write",
    "cifar_resnet",
    "dense_workload",
    "dynamic_ops",
    "export_npz",
    "import_npz",
    "iter_trace",
    "load_graph",
    "load_network",
    "load_trace",
    "lower",
    "mean_workload",
    "network_names",
    "open_trace",
    "pack_mask",
    "parse_graph",
    "read_info",
    "save_graph",
    "save_trace",
    "shipped_traces",
    "strip_gates",
    "synthetic_trace",
    "trace_statistics",
    "with_exit_threshold",
]  # a literal, so that type checkers see it


def __getattr__(name: str) -> Any:
    """Import a public name from its module when it is first used."""
    if name not in _HOME:
        raise AttributeError(f"module 'traces' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOME])
