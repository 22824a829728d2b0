"""Unit: blocks that compute only some tiles of an image, their graph, and what training thinks they cost."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from networks.models.families import ResNetConfig
from networks.models.gates import OutputWatch, named_gates
from networks.models.spatial import SpatialBasicBlock, TileGate
from networks.recording.recorder import record
from networks.training.cost import CostModel, openness
from tests.networks.networks_fixtures import WIDTHS
from tests.shared import there
from traces import lower
from traces.base.errors import ConfigError

SHAPE = (3, 32, 32)


def bias_of(gate: TileGate) -> torch.Tensor:
    return gate.conv.get_parameter("bias")


def _network() -> tuple[nn.Module, ResNetConfig]:
    torch.manual_seed(0)
    config = ResNetConfig(kind="resnet", depth=8, widths=WIDTHS, spatial_gates=True)
    model = config.build()
    for module in model.modules():
        if isinstance(module, TileGate):
            nn.init.normal_(module.conv.weight, std=1.0)
            nn.init.zeros_(bias_of(module))
    return model.eval(), config


def _images(n: int = 6) -> torch.Tensor:
    return torch.randn(n, *SHAPE, generator=torch.Generator().manual_seed(1))


def test_tiles_that_are_left_out_hand_the_input_on() -> None:
    torch.manual_seed(0)
    block = SpatialBasicBlock(4, 4, 1, grid=2).eval()
    nn.init.zeros_(block.tiles.conv.weight)
    x = torch.rand(2, 4, 8, 8)
    nn.init.constant_(bias_of(block.tiles), -1.0)
    torch.testing.assert_close(block(x), x)  # all closed: a ReLU of what is positive
    nn.init.constant_(bias_of(block.tiles), 1.0)
    torch.testing.assert_close(block(x), torch.relu(x + block.branch(x)))  # all open: the static block


def test_the_mask_covers_whole_tiles_row_by_row() -> None:
    block = SpatialBasicBlock(1, 1, 1, grid=2).eval()
    nn.init.zeros_(block.tiles.conv.weight)
    block.tiles.conv.weight.data[0, 0, 1, 1] = 1.0  # a tile's own mean decides
    nn.init.zeros_(bias_of(block.tiles))
    x = torch.full((1, 1, 4, 4), -1.0)
    x[0, 0, :2, 2:] = 1.0  # the upper right tile
    assert block.tiles(x).tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_a_network_starts_with_all_its_tiles_open() -> None:
    torch.manual_seed(0)
    model = ResNetConfig(kind="resnet", depth=8, widths=WIDTHS, spatial_gates=True).build().eval()
    with OutputWatch(dict(named_gates(model))) as watch:
        model(_images())
    assert len(watch.outputs) == 3
    assert all(bits.min() == 1 for bits in watch.outputs.values())


def test_training_counts_the_macs_that_replay_counts() -> None:
    model, config = _network()
    graph = config.graph(model, "spatial", SHAPE)
    trace = record(model, graph, [(_images(), torch.zeros(6))])
    with OutputWatch(dict(named_gates(model))) as watch:
        model(_images())
    cost = CostModel(graph)
    opened = {name: openness(scores) for name, scores in watch.outputs.items()}
    kept = cost.per_input(cost.shares(opened)).detach().numpy()
    replayed = lower(trace).macs
    assert 0.2 < (kept / cost.dense()).mean() < 0.9  # the gates really decide
    assert kept == pytest.approx(replayed, rel=1e-3)


def test_a_pull_at_the_cost_reaches_the_gates() -> None:
    model, config = _network()
    cost = CostModel(config.graph(model, "spatial", SHAPE))
    with OutputWatch(dict(named_gates(model))) as watch:
        model(_images())
    cost.per_input(cost.shares({n: openness(s) for n, s in watch.outputs.items()})).mean().backward()
    for name, _ in named_gates(model):
        gate = model.get_submodule(name)
        assert isinstance(gate, TileGate)
        assert there(bias_of(gate).grad).item() > 0  # more open costs more


def test_bits_and_channels_together_are_refused() -> None:
    with pytest.raises(ConfigError, match="spatial_gates"):
        ResNetConfig(kind="resnet", depth=8, spatial_gates=True, channel_gates=True).build()
