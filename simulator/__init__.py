"""When work happens: schedules, two engines that agree, replays of traces, streams of frames.

Names are imported on first use, so ``import simulator`` stays fast::

    from simulator import replay
    results = replay(load_trace("lcnet_resnet20_cifar10.parquet"), load_design("edge_npu_16x16"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.arrivals import Arrivals
    from simulator.budgets import Budget, halt
    from simulator.dvfs import Dvfs, DvfsState
    from simulator.policy import Policy
    from simulator.results import Results, load_results
    from simulator.run import replay
    from simulator.static_table import StaticTable, estimate
    from simulator.stream_results import StreamResults
    from simulator.streams import StreamSettings, stream
    from simulator.summary import Summary

_HOME = {
    "Arrivals": "simulator.arrivals",
    "Budget": "simulator.budgets",
    "Dvfs": "simulator.dvfs",
    "DvfsState": "simulator.dvfs",
    "Policy": "simulator.policy",
    "Results": "simulator.results",
    "StaticTable": "simulator.static_table",
    "StreamResults": "simulator.stream_results",
    "StreamSettings": "simulator.streams",
    "Summary": "simulator.summary",
    "estimate": "simulator.static_table",
    "halt": "simulator.budgets",
    "load_results": "simulator.results",
    "replay": "simulator.run",
    "stream": "simulator.streams",
}
__all__ = [
    "Arrivals",
    "Budget",
    "Dvfs",
    "DvfsState",
    "Policy",
    "Results",
    "StaticTable",
    "StreamResults",
    "StreamSettings",
    "Summary",
    "estimate",
    "halt",
    "load_results",
    "replay",
    "stream",
]


def __getattr__(name: str) -> Any:  # the type is that of whatever is asked for
    if name not in _HOME:
        raise AttributeError(f"module 'simulator' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
