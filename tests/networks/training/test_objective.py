"""Unit: what the two cost targets add to the cross-entropy, by hand."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from networks.models.gates import OutputWatch, named_gates
from networks.training.answers import Wanted
from networks.training.cost import CostModel, openness
from networks.training.objective import GateLog, SignFlipCost, TargetCost
from tests.networks.networks_fixtures import ddi_config, deciding, images, lcnet_config

LABELS = torch.arange(12) % 10
WANTED = Wanted(LABELS)


def _kept(model: torch.nn.Module, cost: CostModel) -> float:
    with torch.no_grad(), OutputWatch(dict(named_gates(model))) as watch:
        model(images())
    shares = cost.shares({name: openness(scores) for name, scores in watch.outputs.items()})
    return float(cost.per_input(shares).mean() / cost.dense())


@pytest.mark.parametrize(("gap", "pull"), [(0.0, 0.0), (0.03, 0.03**2), (0.3, 0.05 * (2 * 0.3 - 0.05))])
def test_the_pull_is_square_near_the_target_and_straight_far_from_it(gap: float, pull: float) -> None:
    """At the end of annealing the bounds are 0 and 1, so the pull of the mean cost is all there is."""
    model, graph = deciding(lcnet_config())
    cost = CostModel(graph)
    objective = TargetCost(cost, target=_kept(model, cost) - gap, weight=10.0)
    with torch.no_grad():
        loss = objective(model, images(), WANTED, 1.0)
        answer = functional.cross_entropy(model(images()), LABELS)
    assert float(loss - answer) == pytest.approx(10.0 * pull, abs=1e-5)


def test_at_first_the_target_is_the_start() -> None:
    """With all gates open the cost is the start's, 1 plus the gates, and nothing pulls hard."""
    model = lcnet_config().build().eval()
    cost = CostModel(lcnet_config().graph(model, "m", (3, 8, 8)))
    for name in dict(named_gates(model)):
        torch.nn.init.zeros_(model.get_parameter(f"{name}.fc.linear.weight"))
    objective = TargetCost(cost, target=0.3, weight=10.0)
    with torch.no_grad():
        loss = objective(model, images(), WANTED, 0.0)
        answer = functional.cross_entropy(model(images()), LABELS)
    gates = cost.graph.macs / cost.dense() - 1
    assert float(loss - answer) == pytest.approx(10.0 * gates**2, abs=1e-4)


def test_report_gives_means_and_forgets() -> None:
    model, graph = deciding(lcnet_config())
    cost = CostModel(graph)
    objective = TargetCost(cost, target=0.5)
    with torch.no_grad():
        objective(model, images(), WANTED, 0.5)
        objective(model, images(), WANTED, 0.5)
    report = objective.report()
    assert report["cost_kept"] == pytest.approx(_kept(model, cost), abs=1e-6)
    assert 0.0 <= report["rate.block2.lnet"] <= 1.0
    assert objective.report() == {}


@pytest.mark.parametrize(("above", "sign"), [(True, 1.0), (False, -1.0)])
def test_the_sign_turns_at_the_target(above: bool, sign: float) -> None:
    model, graph = deciding(ddi_config())
    cost = CostModel(graph)
    kept = _kept(model, cost)
    objective = SignFlipCost(cost, target=kept - 0.1 if above else kept + 0.1, beta=2.0, exit_weight=0.0)
    with torch.no_grad():
        loss = objective(model, images(), WANTED, 0.5)
        answer = functional.cross_entropy(model(images()), LABELS)
    assert float(loss - answer) == pytest.approx(sign * 2.0 * kept, rel=1e-4)


def test_side_exits_are_learnt_too() -> None:
    model, graph = deciding(ddi_config())
    objective = SignFlipCost(CostModel(graph), target=0.5, beta=0.0, exit_weight=0.5)
    exits = {name: model.get_submodule(name) for name in ("exit1.fc", "exit2.fc")}
    with torch.no_grad(), OutputWatch(exits) as watch:
        loss = objective(model, images(), WANTED, 0.5)
        answer = functional.cross_entropy(model(images()), LABELS)
        sides = sum(functional.cross_entropy(logits, LABELS) for logits in watch.outputs.values())
    assert float(loss) == pytest.approx(float(answer + 0.5 * sides), rel=1e-5)


def test_dead_and_undecided_gates_are_counted() -> None:
    log = GateLog()
    log.note(torch.tensor(0.5), {"a": torch.tensor([1.0, 1.0]), "b": torch.tensor([[0.0, 1.0], [0.0, 0.0]])})
    log.note(torch.tensor(0.7), {"a": torch.tensor([1.0, 1.0]), "b": torch.tensor([[0.0, 1.0], [0.0, 1.0]])})
    figures = log.take()
    assert figures["cost_kept"] == pytest.approx(0.6)
    assert figures["never_open"] == 1.0  # channel 0 of b
    assert figures["always_open"] == 1.0  # a
    assert figures["rate.b"] == pytest.approx(0.375)


def test_the_cost_pulls_at_layer_gates_as_told() -> None:
    """Half the pull, half of the gradient that the cost gives a layer gate; channel gates feel no difference."""

    def gradients(layer_pull: float) -> dict[str, Tensor]:
        model, graph = deciding(lcnet_config())
        objective = TargetCost(CostModel(graph), target=0.3, layer_pull=layer_pull)
        with OutputWatch(dict(named_gates(model))) as watch:
            model(images())
        leaves = {name: score.detach().requires_grad_() for name, score in watch.outputs.items()}
        objective._penalty(leaves, 1.0).backward()
        return {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}

    full, half = gradients(1.0), gradients(0.5)
    assert set(full) == set(half)
    for name in full:
        share = 0.5 if name.endswith("lnet") else 1.0
        assert torch.allclose(half[name], share * full[name])
        assert full[name].abs().sum() > 0
