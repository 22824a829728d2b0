"""Unit and law: what the gates do to a residual network, masked and really skipping."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from networks.capturing.checking import check_macs
from networks.models.families import ResNetConfig
from networks.models.gates import LinearLayerGate, OutputWatch, kept_scores, named_gates
from networks.models.lcnet import GatedBlock, LCBasicBlock, masked_reference, set_skipping
from networks.training.cost import CostModel
from tests.networks.networks_fixtures import SHAPE, deciding, images, lcnet_config
from tests.shared import there
from traces.base.errors import ConfigError


@pytest.mark.parametrize(
    ("layer", "channel", "per_convolution"),
    [(True, False, False), (False, True, False), (True, True, False), (True, True, True)],
)
@torch.no_grad()
def test_real_skipping_equals_the_masked_reference(layer: bool, channel: bool, per_convolution: bool) -> None:
    model, _ = deciding(lcnet_config(layer=layer, channel=channel, per_convolution=per_convolution))
    x = images()
    with OutputWatch(dict(named_gates(model))) as watch:
        masked = model(x)
    rates = torch.cat([(scores > 0).float().flatten() for scores in watch.outputs.values()])
    assert 0.1 < float(rates.mean()) < 0.9  # the gates do decide

    set_skipping(model, True)

    torch.testing.assert_close(model(x), masked, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_skipped_block_computes_nothing() -> None:
    torch.manual_seed(0)
    block = LCBasicBlock(4, 4, 1, layer=True, channel=True).eval()
    assert isinstance(block.lnet, LinearLayerGate)
    nn.init.constant_(block.lnet.fc.linear.bias, -10.0)
    set_skipping(block, True)
    calls: list[str] = []
    for name, module in block.named_modules():
        module.register_forward_hook(lambda m, a, o, name=name: calls.append(name))
    x = torch.rand(3, 4, 8, 8)

    out = block(x)

    assert torch.equal(out, x)  # the shortcut; inputs are not negative
    assert not {"conv1", "conv2", "cnet"} & set(calls)
    assert "lnet" in calls


@torch.no_grad()
def test_a_block_without_kept_channels_leaves_the_norm_constant() -> None:
    torch.manual_seed(0)
    block = LCBasicBlock(4, 6, 2, layer=False, channel=True).eval()
    x = torch.rand(2, 4, 7, 7)
    scores = torch.zeros(2, 6)
    masked = block.run(x, None, scores)

    set_skipping(block, True)

    torch.testing.assert_close(block.run(x, None, scores), masked)


def test_the_masked_reference_restores_real_skipping() -> None:
    model, _ = deciding(lcnet_config())
    set_skipping(model, True)
    blocks = [module for module in model.modules() if isinstance(module, GatedBlock)]
    with masked_reference(model):
        assert not any(block.skipping for block in blocks)
    assert all(block.skipping for block in blocks)


def test_scores_scale_what_they_keep() -> None:
    """Halving every channel score halves the branch's input to conv2, so the sum before ReLU moves linearly."""
    torch.manual_seed(0)
    block = LCBasicBlock(4, 4, 1, layer=False, channel=True).eval()
    x = torch.rand(1, 4, 8, 8)
    full = block.branch(x, torch.ones(1, 4)) - block.branch(x, torch.zeros(1, 4))
    half = block.branch(x, torch.full((1, 4), 0.5)) - block.branch(x, torch.zeros(1, 4))
    torch.testing.assert_close(half, 0.5 * full)


def test_scores_step_and_clip_and_let_gradients_lead_back_only_when_far_off() -> None:
    x = torch.tensor([-3.0, -3.0, -0.5, -0.5, 0.5, 0.5, 1.5, 1.5, 4.0, 4.0], requires_grad=True)
    y = kept_scores(x)
    assert y.tolist() == [0.0, 0.0, 0.0, 0.0, 0.75, 0.75, 1.0, 1.0, 1.0, 1.0]
    y.backward(torch.tensor([1.0, -1.0] * 5))
    # A descent step moves against the gradient: far below 0 only upwards, far above 1 only downwards.
    assert there(x.grad).tolist() == [0.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0, 0.0]


def test_gate_norms_fold_into_one_linear_layer() -> None:
    """What the graph counts, a single linear layer, gives the scores of the two modules."""
    torch.manual_seed(0)
    gate = LinearLayerGate(5).eval()
    norm, linear = gate.fc.norm, gate.fc.linear
    mean, variance = norm.get_buffer("running_mean"), norm.get_buffer("running_var")
    nn.init.normal_(mean)
    nn.init.uniform_(variance, 0.5, 2.0)
    weight = linear.weight / torch.sqrt(variance + norm.eps)
    bias = linear.bias - weight @ mean
    x = torch.rand(7, 5)
    folded = nn.functional.linear(x, weight, bias)
    torch.testing.assert_close(gate.fc(x), folded)


@pytest.mark.parametrize(
    ("depth", "layout", "macs", "gate_share", "gate_weights"),
    [
        # MACs without gates, L + C gates' MACs over them, C-Net weights: computed from the published shapes.
        (18, "imagenet", 1_814_073_344, 0.00029, 520_000),
        (50, "imagenet", 4_089_184_256, 0.00106, 4_330_000),
    ],
)
def test_imagenet_sizes_and_gate_overhead(
    depth: int, layout: str, macs: int, gate_share: float, gate_weights: int
) -> None:
    config = ResNetConfig.model_validate(
        {
            "kind": "resnet",
            "depth": depth,
            "layout": layout,
            "classes": 1000,
            "layer_gates": True,
            "channel_gates": True,
        }
    )
    graph = config.graph(config.build(), "net", (3, 224, 224))
    static = graph.without_gates()
    assert static.macs == macs
    assert (graph.macs - static.macs) / static.macs == pytest.approx(gate_share, rel=0.02)
    assert sum(op.weight_count for op in graph if op.name.endswith("cnet.fc")) == pytest.approx(
        gate_weights, rel=0.01
    )


@torch.no_grad()
def test_bottlenecks_skip_really_too() -> None:
    config = ResNetConfig(
        kind="resnet",
        depth=50,
        layout="imagenet",
        classes=5,
        widths=(4, 6, 8, 10),
        layer_gates=True,
        channel_gates=True,
    )
    model, _ = deciding(config)
    x = torch.randn(3, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    masked = model(x)
    set_skipping(model, True)
    torch.testing.assert_close(model(x), masked, rtol=1e-3, atol=1e-4)


def test_importance_is_the_size_of_what_a_channel_adds() -> None:
    """Against a million draws: a channel's root mean square behind the ReLU, times its readers' norm."""
    torch.manual_seed(0)
    block = lcnet_config().build().get_submodule("block1")
    assert isinstance(block, LCBasicBlock)
    assert isinstance(block.bn1, nn.BatchNorm2d)
    assert isinstance(block.conv2, nn.Conv2d)
    scale, shift = torch.tensor([1.0, 0.5, 2.0, 0.1]), torch.tensor([0.0, -1.0, 0.3, 1.0])
    block.bn1.weight.data, block.bn1.bias.data = scale, shift
    draws = torch.relu(torch.randn(1_000_000, 4) * scale + shift)
    readers = block.conv2.weight.detach().square().sum((0, 2, 3)).sqrt()
    expected = draws.square().mean(0).sqrt() * readers
    torch.testing.assert_close(block.channel_importance(), expected, rtol=0.01, atol=0.0)


def test_gates_start_open_in_order_of_importance() -> None:
    torch.manual_seed(0)
    block = lcnet_config().build().get_submodule("block1")
    assert isinstance(block, LCBasicBlock)
    block.open_gates_by_importance()
    order = block.channel_importance().argsort()
    assert there(block.cnet).fc.linear.bias[order].tolist() == pytest.approx(
        [0.5, 0.5 + 1 / 3, 0.5 + 2 / 3, 1.5]
    )
    assert there(block.lnet).fc.linear.bias.item() == pytest.approx(1.5)


@torch.no_grad()
def test_the_last_convolution_may_have_a_cnet_of_its_own() -> None:
    block = LCBasicBlock(4, 4, 1, layer=False, channel=True, per_convolution=True).eval()
    there(block.cnet2).fc.linear.bias.copy_(torch.tensor([9.0, -9.0, 9.0, -9.0]))
    x = torch.rand(2, 4, 8, 8)
    out = block(x)
    assert torch.equal(out[:, [1, 3]], x[:, [1, 3]])  # nothing is added to the shortcut
    assert not torch.equal(out[:, [0, 2]], x[:, [0, 2]])
    block.cnet2 = None
    assert torch.equal(block(x)[:, [0, 2]], out[:, [0, 2]])


@torch.no_grad()
def test_a_cnet_per_convolution_saves_inputs_and_outputs() -> None:
    """Half of the inner channels and half of the outputs: a half of conv1, a quarter of conv2."""
    config = lcnet_config(layer=False, per_convolution=True, depth=8)
    model = config.build().eval()
    graph = config.graph(model, "small", SHAPE)
    check_macs(model, graph, images(1))
    half = {gate.name: (torch.arange(gate.size) % 2 == 0).float()[None] for gate in graph.gates}
    shares = CostModel(graph).shares(half)
    assert {name: share.item() for name, share in shares.items() if name.startswith("block2.conv")} == {
        "block2.conv1": 0.5,
        "block2.conv2": 0.25,
    }


def test_plain_relu1_by_hand() -> None:
    x = torch.tensor([-0.5, 0.0, 0.25, 0.9, 3.0])
    assert kept_scores(x, 0.0).tolist() == pytest.approx([0.0, 0.0, 0.25, 0.9, 1.0])
    assert kept_scores(x, 0.5).tolist() == pytest.approx([0.0, 0.0, 0.625, 0.95, 1.0])
    config = lcnet_config().model_copy(update={"least_score": 0.0})
    gates = [gate for _, gate in named_gates(config.build())]
    assert {gate.least for gate in gates if isinstance(gate, LinearLayerGate)} == {0.0}


def test_gates_that_are_bits_scale_nothing() -> None:
    config = ResNetConfig(
        kind="resnet", depth=8, widths=(4, 6, 8), layer_gates=True, channel_gates=True, least_score=1.0
    )
    model, graph = deciding(config)
    assert not any(gate.scaled for gate in graph.gates)
    assert not any(op.kind == "mul" for op in graph.ops)
    with OutputWatch(dict(named_gates(model))) as watch:
        model(images())
    values = torch.cat([scores.flatten() for scores in watch.outputs.values()]).unique().tolist()
    assert values == [0.0, 1.0]


GROUPED = ResNetConfig(
    kind="resnet", depth=8, widths=(4, 8, 8), channel_gates=True, channel_group=4, least_score=1.0
)


@torch.no_grad()
def test_grouped_gates_keep_whole_groups() -> None:
    """A bit for each four neighbouring channels; the gate's own layer is a quarter as wide."""
    model, graph = deciding(GROUPED)
    with OutputWatch(dict(named_gates(model))) as watch:
        masked = model(images())
    bits = watch.outputs["block2.cnet"].reshape(12, 2, 4)
    assert torch.equal(bits, bits[:, :, :1].expand_as(bits))
    assert 0 < float(bits.mean()) < 1
    assert graph.op("block2.cnet.fc").out_channels == 2
    assert graph.gate("block2.cnet").size == 8
    assert not any(op.kind == "mul" for op in graph.ops)
    check_macs(model, graph, images(1))
    set_skipping(model, skipping=True)
    torch.testing.assert_close(model(images()), masked, rtol=1e-4, atol=1e-4)


@torch.no_grad()
def test_groups_start_with_channels_that_matter_alike() -> None:
    model, _ = deciding(GROUPED)
    block = model.get_submodule("block2")
    assert isinstance(block, LCBasicBlock)
    x = torch.randn(3, 4, 8, 8)
    before = block.branch(x)
    block.sort_channels()
    importance = block.channel_importance()
    assert importance.tolist() == sorted(importance.tolist(), reverse=True)
    torch.testing.assert_close(block.branch(x), before)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"channel_group": 3}, "channel_group = 3: does not divide the 4 channels"),
        ({"least_score": 0.5}, "channel_group = 4: needs channel_gates, least_score: 1"),
        ({"per_convolution": True}, "no per_convolution"),
        ({"channel_gates": False, "layer_gates": True}, "needs channel_gates"),
    ],
)
def test_groups_that_cannot_be_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        GROUPED.model_copy(update=change).build()
