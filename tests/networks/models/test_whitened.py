"""Unit: the whitening stem, the gated stages, and the graph of both."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from networks.capturing.checking import check_macs
from networks.models.families import WhitenedConfig, build_model
from networks.models.gates import named_gates
from networks.models.whitened import WhitenedNet, WhitenedStage
from networks.recording.recorder import record
from networks.training.config import RunConfig
from networks.training.cost import CostModel, openness
from networks.training.data import load_dataset
from networks.training.launch import run
from networks.training.loading import load_model
from tests.networks.networks_fixtures import deciding, images, whitened_config
from tests.shared import there
from traces import TraceInfo, lower

SHAPE = (3, 16, 16)


@pytest.mark.parametrize("layer", [False, True])
@pytest.mark.parametrize("channel", [False, True])
def test_the_graph_counts_what_torch_counts(layer: bool, channel: bool) -> None:
    config = WhitenedConfig(kind="whitened", widths=(4, 6, 8), layer_gates=layer, channel_gates=channel)
    model = config.build().eval()
    graph = config.graph(model, "w", SHAPE)
    check_macs(model, graph, torch.randn(1, *SHAPE))
    assert {gate.name for gate in graph.gates} == {name for name, _ in named_gates(model)}
    assert (
        graph.without_gates().macs
        == WhitenedConfig(kind="whitened", widths=(4, 6, 8))
        .graph(WhitenedConfig(kind="whitened", widths=(4, 6, 8)).build(), "w", SHAPE)
        .macs
    )


def test_macs_of_airbench94_by_hand() -> None:
    config = WhitenedConfig(kind="whitened")
    pixels = [31 * 31, 15 * 15, 7 * 7, 3 * 3]
    by_hand = pixels[0] * 12 * 24
    for i, (a, b) in enumerate(((24, 64), (64, 256), (256, 256))):
        by_hand += 9 * a * b * pixels[i] + 9 * b * b * pixels[i + 1]
    assert config.graph(config.build(), "w", (3, 32, 32)).macs == by_hand + 256 * 10 == 118_147_360


def test_the_stem_whitens_patches() -> None:
    model = WhitenedNet((4,))
    pictures = functional.avg_pool2d(torch.randn(200, 3, 17, 17), 2, 1)  # neighbouring pixels are alike
    model.whiten(pictures)
    filters = model.stem.weight.flatten(1)
    assert torch.equal(filters[:12], -filters[12:])
    patches = functional.unfold(pictures, 2).transpose(1, 2).flatten(0, 1)
    out = patches @ filters[:12].T
    # The second moment v of a direction becomes v / (v + 5e-4); here every v is well above that.
    assert torch.allclose(out.T @ out / len(out), torch.eye(12), atol=0.02)


def test_a_stem_that_does_not_whiten_learns(tmp_path: Path) -> None:
    stems = []
    for whitening in (True, False):
        model: dict[str, Any] = {"kind": "whitened", "widths": [4], "whitening": whitening, "in_channels": 1}
        config = RunConfig.model_validate(
            {"name": "w", "dataset": "digits", "model": model, "training": {"epochs": 1, "batch_size": 50}}
        )
        digits = load_dataset("digits", None)
        trained = load_model(run(config, digits, tmp_path / str(whitening))).model
        assert isinstance(trained, WhitenedNet)
        stems.append(trained.stem.weight)
        if whitening:
            fresh = WhitenedNet((4,), in_channels=1)
            fresh.whiten(digits.normalise(digits.train.pixels[:5_000]))
            assert torch.allclose(trained.stem.weight, fresh.stem.weight, atol=2e-3)  # as float16
    learnt = stems[1].flatten(1)
    assert not torch.allclose(learnt[:4], -learnt[4:], atol=2e-3)
    torch.manual_seed(config.training.seed)  # as the run drew its network
    drawn = build_model(config.model)
    assert isinstance(drawn, WhitenedNet)
    assert (learnt - drawn.stem.weight.flatten(1)).abs().max() > 0.01


@torch.no_grad()
def test_a_stage_without_open_gates_hands_on_nothing_but_what_it_must() -> None:
    stage = WhitenedStage(3, 4, layer=True, channel=True).eval()
    cnet2, x = there(stage.cnet2), torch.rand(2, 3, 8, 8)
    there(stage.lnet).fc.linear.bias.fill_(-9.0)  # skips the second convolution
    first = torch.relu(stage.bn1(functional.max_pool2d(stage.conv1(x), 2)))
    for gate in (there(stage.cnet1), cnet2):
        gate.fc.linear.bias.fill_(9.0)
    assert torch.equal(stage(x), first)
    cnet2.fc.linear.bias[1] = -9.0  # one channel of what leaves the stage
    out = stage(x)
    assert not out[:, 1].any()
    assert torch.equal(out[:, [0, 2, 3]], first[:, [0, 2, 3]])


@torch.no_grad()
def test_the_pool_may_stand_before_the_norm() -> None:
    stage = WhitenedStage(3, 5, layer=False, channel=False).eval()
    for norm in (stage.bn1, stage.bn2):
        norm.get_buffer("running_mean").normal_()
        norm.get_buffer("running_var").uniform_(0.5, 2.0)
        norm.bias.normal_()
    x = torch.randn(2, 3, 9, 9)
    in_graph_order = functional.max_pool2d(torch.relu(stage.bn1(stage.conv1(x))), 2)
    in_graph_order = torch.relu(in_graph_order + stage.bn2(stage.conv2(in_graph_order)))
    assert torch.allclose(stage(x), in_graph_order, atol=1e-6)


@torch.no_grad()
def test_training_and_replay_count_the_same_macs() -> None:
    model, graph = deciding(whitened_config())
    labels = torch.zeros(12, dtype=torch.int64)
    seen = record(model, graph, [(images(), labels)], TraceInfo(model_name="w"))
    opened = {name: openness(torch.from_numpy(seen.scores[name]).float()) for name, _ in named_gates(model)}
    cost = CostModel(graph)
    counted = cost.per_input(cost.shares(opened))
    by_replay = torch.from_numpy(lower(seen).macs.astype("float64")).float()
    skipped = torch.stack([opened[f"stage{i}.lnet"] for i in (1, 2)]).min(0).values == 0
    assert torch.allclose(counted[~skipped], by_replay[~skipped], rtol=1e-5)
    # Behind a skipped convolution training takes all of cnet2's channels for present, replay only what cnet1 kept too.
    assert (counted[skipped] >= by_replay[skipped] - 1).all()


def test_what_a_stem_has_learnt_survives_gates() -> None:
    plain, gated = WhitenedNet((4, 6)), WhitenedNet((4, 6), layer_gates=True, channel_gates=True)
    missing = gated.load_state_dict(plain.state_dict(), strict=False).missing_keys
    assert missing
    assert all("net" in name for name in missing)  # cnet1, cnet2, lnet


def test_a_little_network_answers_first_and_changes_nothing_behind_it() -> None:
    torch.manual_seed(0)
    config = WhitenedConfig(kind="whitened", widths=(6, 8), little=(2, 3))
    model = config.build().eval()
    alone = WhitenedConfig(kind="whitened", widths=(6, 8)).build().eval()
    alone.load_state_dict({k: v for k, v in model.state_dict().items() if not k.startswith("little.")})
    torch.testing.assert_close(model(images()), alone(images()))
    graph = config.graph(model, "two", SHAPE)
    (gate,) = graph.gates
    assert gate.exits == ("little.classifier", "classifier")
    assert "stage1.conv1" in gate.guards
    assert "little.stage1.conv1" not in gate.guards


def test_where_the_little_network_is_sure_the_large_one_does_not_run() -> None:
    torch.manual_seed(0)
    config = WhitenedConfig(kind="whitened", widths=(6, 8), little=(2, 3))
    model = config.build().eval()
    graph = config.graph(model, "two", SHAPE)
    dense = graph.macs
    little = sum(op.macs for op in graph.ops if op.name.startswith("little.")) + graph.op("stem").macs
    batch = [(torch.randn(4, *SHAPE), torch.zeros(4))]
    assert set(lower(record(model, graph, batch, exit_threshold=0.0)).macs) == {little}
    assert set(lower(record(model, graph, batch, exit_threshold=1.01)).macs) == {dense}
