"""The table that training towards a design reads."""

import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from accel_models.cost_table import channel_knots, cost_table, save_cost_table
from accel_models.load import load_design
from traces.graphs import cifar_resnet

GRAPH = cifar_resnet(8, gates="both")


def test_knots_reach_from_nothing_to_all() -> None:
    assert channel_knots(3).tolist() == [0, 1, 2, 3]
    assert channel_knots(64).tolist() == list(range(0, 65, 4))


@pytest.mark.parametrize("unit", ["cycles", "pJ"])
def test_costs_rise_with_channels_from_zero(unit: str) -> None:
    table = cost_table(GRAPH, load_design("edge_npu_16x16"), "pJ" if unit == "pJ" else "cycles")
    assert table["unit"] == unit
    ops = table["ops"]
    assert isinstance(ops, dict)
    assert set(ops) == set(GRAPH.index)
    for op in GRAPH.ops:
        if op.kind == "conv":
            grid = np.array(ops[op.name]["cost"])
            assert grid[0].max() == grid[:, 0].max() == 0.0
            assert all((b >= a).all() for a, b in pairwise(grid)), op.name
            assert grid[-1, -1] > 0


def test_training_reads_what_is_written(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from networks.cost_table import check_cost_table, load_cost_table  # noqa: PLC0415  (torch may be missing)

    path = tmp_path / "table.json"
    save_cost_table(GRAPH, load_design("edge_npu_16x16"), "pJ", path)
    table = load_cost_table(path)
    check_cost_table(table, set(GRAPH.index))
    name = next(op.name for op in GRAPH.ops if op.kind == "conv" and op.in_channels == 16)
    written = json.loads(path.read_text())["ops"][name]
    middle = table.interpolate(name, torch.tensor([8.0]), torch.tensor([8.0]))
    i = written["in_channels"].index(8)
    assert float(middle[0]) == pytest.approx(written["cost"][i][i])
