"""Networks as graphs, recorded gate decisions, their storage, and the work they leave to do.

Names are imported on first use, so ``import traces`` stays fast::

    from traces import load_trace, lower
    workload = lower(load_trace("lcnet_resnet20_cifar10.parquet"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from traces.atomic import atomic_write
    from traces.dense import dynamic_ops, strip_gates
    from traces.errors import ConfigError, FileProblem, GraphError, LacunaError, UnsupportedError
    from traces.exits import with_exit_threshold
    from traces.graph import Gate, NetworkGraph, Op
    from traces.graph_files import load_graph, parse_graph, save_graph
    from traces.graphs import cifar_resnet
    from traces.named_networks import load_network, network_names
    from traces.statistics import GateStatistics, TraceStatistics, trace_statistics
    from traces.storage import (
        StoredTrace,
        export_npz,
        import_npz,
        iter_trace,
        load_trace,
        read_info,
        save_trace,
        shipped_traces,
    )
    from traces.synthetic import SyntheticSettings, synthetic_trace
    from traces.trace import SCHEMA_VERSION, Trace, TraceInfo, pack_mask
    from traces.workload import (
        MeanWorkload,
        OpStates,
        Workload,
        dense_workload,
        lower,
        mean_workload,
        open_trace,
    )

_HOME = {
    "ConfigError": "traces.errors",
    "FileProblem": "traces.errors",
    "Gate": "traces.graph",
    "GateStatistics": "traces.statistics",
    "GraphError": "traces.errors",
    "LacunaError": "traces.errors",
    "MeanWorkload": "traces.workload",
    "NetworkGraph": "traces.graph",
    "Op": "traces.graph",
    "OpStates": "traces.workload",
    "SCHEMA_VERSION": "traces.trace",
    "StoredTrace": "traces.storage",
    "SyntheticSettings": "traces.synthetic",
    "Trace": "traces.trace",
    "TraceInfo": "traces.trace",
    "TraceStatistics": "traces.statistics",
    "UnsupportedError": "traces.errors",
    "Workload": "traces.workload",
    "atomic_write": "traces.atomic",
    "cifar_resnet": "traces.graphs",
    "dense_workload": "traces.workload",
    "dynamic_ops": "traces.dense",
    "export_npz": "traces.storage",
    "import_npz": "traces.storage",
    "iter_trace": "traces.storage",
    "load_graph": "traces.graph_files",
    "load_network": "traces.named_networks",
    "load_trace": "traces.storage",
    "lower": "traces.workload",
    "mean_workload": "traces.workload",
    "network_names": "traces.named_networks",
    "open_trace": "traces.workload",
    "pack_mask": "traces.trace",
    "parse_graph": "traces.graph_files",
    "read_info": "traces.storage",
    "save_graph": "traces.graph_files",
    "save_trace": "traces.storage",
    "shipped_traces": "traces.storage",
    "strip_gates": "traces.dense",
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
