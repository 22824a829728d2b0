"""How far one has to look to follow a replay: files entered, and changes from one to another."""

from __future__ import annotations

import pytest

from accel_models import load_design
from benchmarks.where import entered
from simulator import replay
from traces import load_trace


@pytest.mark.parametrize(("explain", "files", "changes"), [(False, 40, 2_500), (True, 45, 9_000)])
def test_a_replay_of_known_inputs_enters_few_files(explain: bool, files: int, changes: int) -> None:
    """Before there were rooms it entered 50 files and changed 10,039 times, not explained (`benchmarks/where.py`)."""
    trace, design = load_trace("lcnet_resnet20_30_cifar10", 256), load_design("edge_npu_16x16")
    replay(trace, design, explain=explain)
    found = entered(lambda: replay(trace, design, explain=explain))
    assert 10 < found[0] <= files
    assert 300 < found[1] <= changes
