"""Unit and oracle: differentiable costs against hand arithmetic and the lowering of traces."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from accel_models.cost_table import save_cost_table as save_exported
from accel_models.design.load import load_design
from networks.models.families import AnyModel
from networks.models.gates import OutputWatch, named_gates
from networks.recording.recorder import record
from networks.training.cost import CostModel, openness
from networks.training.cost_table import FORMAT, CostTable, OpCost, check_cost_table, load_cost_table
from tests.networks.networks_fixtures import (
    ddi_config,
    deciding,
    densenet_config,
    images,
    lcnet_config,
    mgl2s_config,
)
from tests.shared import there
from traces import COST_TABLE_VERSION
from traces.base.errors import ConfigError, FileProblem, LacunaError
from traces.trace import TraceInfo
from traces.work.lowering import lower


@pytest.mark.parametrize(
    "config",
    [
        lcnet_config(),
        lcnet_config(channel=False),
        lcnet_config(layer=False),
        ddi_config(),
        densenet_config(),
        mgl2s_config(),
        mgl2s_config(bottleneck=False),
    ],
    ids=["joint", "layer", "channel", "ddi", "densenet", "bottleneck", "mgl2s"],
)
@torch.no_grad()
def test_macs_equal_those_of_the_lowered_trace(config: AnyModel) -> None:
    """Oracle: traces.work.lowering.lower, written by other hands for other ends."""
    model, graph = deciding(config)
    labels = torch.zeros(12, dtype=torch.int64)
    trace = record(model, graph, [(images(), labels)], TraceInfo(model_name="m"), exit_threshold=2.0)
    with OutputWatch(dict(named_gates(model))) as watch:
        model(images())
    cost = CostModel(graph)
    opened = {name: openness(scores.double()) for name, scores in watch.outputs.items()}

    macs = cost.per_input(cost.shares(opened))

    assert len(set(macs.tolist())) > 1
    np.testing.assert_allclose(macs.numpy(), lower(trace).macs, rtol=1e-9)


def test_openness_counts_hard_and_learns_soft() -> None:
    scores = torch.tensor([0.0, 0.2, 1.0], requires_grad=True)
    opened = openness(scores)
    torch.testing.assert_close(opened.detach(), torch.tensor([0.0, 1.0, 1.0]))
    opened.sum().backward()
    assert there(scores.grad).tolist() == [1.0, 1.0, 1.0]


def test_closing_a_gate_lowers_the_cost_by_what_it_guards() -> None:
    _, graph = deciding(lcnet_config(channel=False))
    cost = CostModel(graph)
    scores = {gate.name: torch.ones(1, requires_grad=True) for gate in graph.gates}
    total = cost.per_input(cost.shares({name: openness(score) for name, score in scores.items()})).sum()
    assert int(total) == graph.macs
    total.backward()
    for gate in graph.gates:
        guarded = sum(graph.op(name).macs for name in gate.guards)
        assert float(there(scores[gate.name].grad)) == pytest.approx(guarded)


GRID = OpCost(
    in_channels=np.array([0.0, 4.0, 8.0]),
    out_channels=np.array([0.0, 8.0]),
    cost=np.array([[0.0, 0.0], [10.0, 30.0], [10.0, 50.0]]),
)
TABLE = CostTable(design="d", unit="pJ", ops={"op": GRID})


@pytest.mark.parametrize(
    ("inside", "outside", "cost"),
    [(0, 0, 0.0), (4, 8, 30.0), (8, 8, 50.0), (2, 8, 15.0), (4, 4, 20.0), (6, 8, 40.0), (6, 4, 25.0)],
)
def test_table_interpolates_by_hand(inside: float, outside: float, cost: float) -> None:
    got = TABLE.interpolate("op", torch.tensor([float(inside)]), torch.tensor([float(outside)]))
    assert float(got) == pytest.approx(cost)


def test_table_gradient_is_the_local_slope() -> None:
    inside = torch.tensor([6.0], requires_grad=True)
    TABLE.interpolate("op", inside, torch.tensor([8.0])).backward()
    assert float(there(inside.grad)) == pytest.approx((50 - 30) / 4)


@settings(deadline=None, max_examples=30)
@given(inside=st.floats(0, 8), outside=st.floats(0, 8))
def test_interpolation_stays_between_the_table_s_extremes(inside: float, outside: float) -> None:
    got = float(TABLE.interpolate("op", torch.tensor([inside]), torch.tensor([outside])))
    assert -1e-3 <= got <= 50.0 + 1e-3


def test_training_for_a_design_prices_only_what_the_table_holds() -> None:
    _, graph = deciding(lcnet_config(channel=False))
    name = "block2.conv1"
    op = graph.op(name)
    grid = OpCost(
        in_channels=np.array([0.0, op.in_channels]),
        out_channels=np.array([0.0, op.out_channels]),
        cost=np.array([[0.0, 0.0], [0.0, 700.0]]),
    )
    cost = CostModel(graph, CostTable(design="d", unit="pJ", ops={name: grid}))
    opened = {gate.name: torch.ones(2) for gate in graph.gates}
    opened["block2.lnet"] = torch.tensor([1.0, 0.0])
    assert cost.unit == "pJ"
    assert cost.dense() == 700.0
    assert cost.per_input(cost.shares(opened)).tolist() == [700.0, 0.0]


def test_table_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    fields = ("in_channels", "out_channels", "cost")
    ops = {name: {field: getattr(op, field).tolist() for field in fields} for name, op in TABLE.ops.items()}
    whole = {"format": FORMAT, "format_version": COST_TABLE_VERSION, "unit": "pJ", "design": "d", "ops": ops}
    path.write_text(json.dumps(whole), encoding="utf-8")
    loaded = load_cost_table(path)
    assert (loaded.design, loaded.unit) == ("d", "pJ")
    np.testing.assert_array_equal(loaded.ops["op"].cost, GRID.cost)


def test_bad_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.json"
    with pytest.raises(FileProblem, match="no such cost table"):
        load_cost_table(path)
    path.write_text("{")
    with pytest.raises(FileProblem, match="not JSON"):
        load_cost_table(path)
    path.write_text("{}")
    with pytest.raises(FileProblem, match="not a cost table"):
        load_cost_table(path)
    path.write_text('{"format": "lacuna-cost-table", "format_version": 9}')
    with pytest.raises(FileProblem, match="format 9; this version reads 1"):
        load_cost_table(path)
    path.write_text('{"format": "lacuna-cost-table", "format_version": 1, "ops": {"a": {}}}')
    with pytest.raises(FileProblem, match="damaged cost table"):
        load_cost_table(path)
    with pytest.raises(ConfigError, match="did you mean 'opp'"):
        check_cost_table(TABLE, {"opp"})
    with pytest.raises(ConfigError, match="rising"):
        OpCost(in_channels=np.array([4.0, 0.0]), out_channels=np.array([0.0, 1.0]), cost=np.zeros((2, 2)))
    with pytest.raises(ConfigError, match="needs one row"):
        OpCost(in_channels=np.array([0.0, 4.0]), out_channels=np.array([0.0, 1.0]), cost=np.zeros((3, 2)))
    with pytest.raises(ConfigError, match="negative"):
        OpCost(in_channels=np.array([0.0, 4.0]), out_channels=np.array([0.0, 1.0]), cost=-np.ones((2, 2)))


def test_a_design_s_exported_table_is_read_and_trained_towards(tmp_path: Path) -> None:
    """Contract: what accel_models exports, networks reads; every op that multiplies has a price."""
    _, graph = deciding(lcnet_config(depth=8))
    save_exported(graph, load_design("edge_npu_16x16"), "pJ", tmp_path / "table.json")
    table = load_cost_table(tmp_path / "table.json")
    check_cost_table(table, {op.name for op in graph.ops})
    assert {op.name for op in graph.ops if op.macs} <= set(table.ops)

    cost = CostModel(graph, table)
    scores = {
        gate.name: torch.ones((1,) if gate.kind == "layer" else (1, gate.size), requires_grad=True)
        for gate in graph.gates
    }
    opened = cost.per_input(cost.shares({name: openness(score) for name, score in scores.items()}))
    assert float(opened.detach()) == pytest.approx(sum(table.dense(op.name) for op in graph.ops), rel=1e-5)
    opened.sum().backward()
    assert all(bool((there(score.grad) >= 0).all()) for score in scores.values())
    assert cost.dense() < float(opened.detach())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"in_channels": [0, "x"]}, "needs numbers"),
        ({"cost": [[0, 1], [2]]}, "damaged cost table"),
        ({"cost": [[0, 1], [2, 2**62]]}, "above 4.6e"),
        ({"out_channels": [-1, 4]}, "rising counts"),
        ({"out_channels": [True, None]}, "needs numbers"),
    ],
)
def test_tables_that_hold_no_costs_are_refused(tmp_path: Path, change: dict[str, object], said: str) -> None:
    op = {"in_channels": [0, 4], "out_channels": [0, 4], "cost": [[0, 0], [0, 1]], **change}
    table = {
        "format": "lacuna-cost-table",
        "format_version": 1,
        "unit": "pJ",
        "design": "d",
        "ops": {"a": op},
    }
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    with pytest.raises(LacunaError, match=said):
        load_cost_table(path)
    path.write_text(json.dumps({**table, "unit": "J"}))
    with pytest.raises(FileProblem, match="cycles or pJ"):
        load_cost_table(path)
