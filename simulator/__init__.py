"""When work happens: schedules, two engines that agree, replays of traces, streams of frames.

Names are imported on first use, so ``import simulator`` stays fast::

    from simulator import replay
    results = replay(load_trace("lcnet_resnet20_cifar10.parquet"), load_design("edge_npu_16x16"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulator.policy import Policy
    from simulator.replays.run import replay
    from simulator.results import Results, load_results
    from simulator.static_table import StaticTable, estimate
    from simulator.streams.arrivals import Arrivals
    from simulator.streams.budgets import Budget, halt
    from simulator.streams.dvfs import Dvfs, DvfsState
    from simulator.streams.results import StreamResults
    from simulator.streams.stream import StreamSettings, stream
    from simulator.summary import Summary

_HOME = {
    "Arrivals": "simulator.streams.arrivals",
    "Budget": "simulator.streams.budgets",
    "Dvfs": "simulator.streams.dvfs",
    "DvfsState": "simulator.streams.dvfs",
    "Policy": "simulator.policy",
    "Results": "simulator.results",
    "StaticTable": "simulator.static_table",
    "StreamResults": "simulator.streams.results",
    "StreamSettings": "simulator.streams.stream",
    "Summary": "simulator.summary",
    "estimate": "simulator.static_table",
    "halt": "simulator.streams.budgets",
    "load_results": "simulator.results",
    "replay": "simulator.replays.run",
    "stream": "simulator.streams.stream",
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
