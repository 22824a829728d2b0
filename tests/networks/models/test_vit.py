"""Unit: vision transformers whose tokens are dropped, their graph, and what training thinks they cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from networks.models.families import ViTConfig
from networks.models.gates import OutputWatch, named_gates
from networks.models.vit import TokenGate, VisionTransformer
from networks.recording.recorder import record
from networks.training.cost import CostModel, openness
from tests.shared import there
from traces import lower
from traces.base.errors import ConfigError

SHAPE = (3, 16, 16)  # 16 tokens, and the class token
GATES = (1, 2)


def _network(gates_after: tuple[int, ...] = GATES) -> tuple[VisionTransformer, ViTConfig]:
    torch.manual_seed(0)
    config = ViTConfig(kind="vit", depth=3, width=12, heads=2, ratio=2, side=16, gates_after=gates_after)
    model = config.build()
    model.eval()
    gates = [gate for _, gate in named_gates(model) if isinstance(gate, TokenGate)]
    for gate in gates:  # each drops about half of the tokens
        nn.init.zeros_(gate.out.bias)
        with OutputWatch({"scores": gate.out}) as watch:
            model(_images())
        nn.init.constant_(gate.out.bias, -watch.outputs["scores"].median().item())
    return model, config


def _images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_what_is_dropped_stays_dropped_and_the_class_token_stays() -> None:
    model, _ = _network()
    with OutputWatch(dict(named_gates(model))) as watch:
        model(_images())
    first, second = watch.outputs["gate1"], watch.outputs["gate2"]
    assert first.shape == (6, 17)
    assert 0.0 < first.mean() < 1.0
    assert bool((second <= first).all())
    assert bool((second[:, 0] == 1).all())


def test_dropped_tokens_change_nothing() -> None:
    """The answer is that of the tokens left alone, sent through the blocks by themselves."""
    model, _ = _network((1,))
    image = _images(1)
    with OutputWatch({"gate": model.get_submodule("gate1"), "first": model.get_submodule("block1")}) as watch:
        answer = model(image)
    x = watch.outputs["first"][:, watch.outputs["gate"][0] > 0]
    assert 1 < x.shape[1] < 17
    for name in ("block2", "block3"):
        x = model.get_submodule(name)(x, None)
    torch.testing.assert_close(model.classifier(model.norm(x[:, 0])), answer)


def test_training_and_inference_attend_alike() -> None:
    model, _ = _network()
    expected = model(_images())
    for module in model.modules():
        if not isinstance(module, nn.BatchNorm2d):
            module.training = True
    torch.testing.assert_close(model(_images()), expected, rtol=1e-4, atol=1e-5)


def test_training_counts_the_macs_that_replay_counts() -> None:
    model, config = _network()
    graph = config.graph(model, "vit", SHAPE)
    assert [(gate.kind, gate.size) for gate in graph.gates] == [("token", 17)] * 2
    trace = record(model, graph, [(_images(), torch.zeros(6))])
    with OutputWatch(dict(named_gates(model))) as watch:
        model(_images())
    cost = CostModel(graph)
    opened = {name: openness(bits) for name, bits in watch.outputs.items()}
    kept = cost.per_input(cost.shares(opened)).detach().numpy()
    assert kept == pytest.approx(lower(trace).macs, rel=1e-3)


def test_gradients_reach_the_gates_through_attention() -> None:
    model, _ = _network()
    model.train()
    model(_images()).square().sum().backward()
    for name, gate in named_gates(model):
        assert isinstance(gate, TokenGate)
        assert there(gate.out.bias.grad).abs().item() > 0, name


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gates_after": (3,)}, "gates_after"),
        ({"gates_after": (2, 1)}, "gates_after"),
        ({"width": 10, "heads": 3}, "width = 10"),
    ],
)
def test_impossible_layouts_are_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ViTConfig.model_validate({"kind": "vit", "depth": 3} | settings).build()
