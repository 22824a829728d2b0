"""How far one has to look to follow a replay: files entered, and changes from one to another."""

from __future__ import annotations

import pytest

from accel_models import load_design
from benchmarks.where import entered
from simulator import replay
from traces import load_trace

NETWORK, DESIGN = "lcnet_resnet20_30_cifar10", "edge_npu_16x16"


@pytest.mark.parametrize(("explain", "files", "changes"), [(False, 41, 2_200), (True, 47, 3_700)])
def test_a_replay_of_new_inputs_enters_fewer_files_and_changes_them_a_fifth_as_often(
    explain: bool, files: int, changes: int
) -> None:
    """Before there were rooms a replay, not explained, entered 50 files and changed 10,039 times; now 40 and 1,700.

    The network is planned already, for other inputs; nothing else is known.
    """
    trace, design = load_trace(NETWORK, 512), load_design(DESIGN)
    replay(trace.rows(256, 512), design, explain=explain)  # imports, and fills caches of a graph
    found = entered(lambda: replay(trace.rows(0, 256), design, explain=explain))
    assert 10 < found[0] <= files
    assert 1_000 < found[1] <= changes


@pytest.mark.parametrize(("explain", "files", "changes"), [(False, 23, 260), (True, 28, 1_450)])
def test_a_replay_of_known_inputs_enters_few_files(explain: bool, files: int, changes: int) -> None:
    """Before there were rooms nothing was remembered (`benchmarks/where.py`)."""
    trace, design = load_trace(NETWORK, 256), load_design(DESIGN)
    replay(trace, design, explain=explain)
    found = entered(lambda: replay(trace, design, explain=explain))
    assert 10 < found[0] <= files
    assert 100 < found[1] <= changes
