"""Unit and law: DDI's shared gate, its exits, and DenseNets with absent layers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from networks.capturing.checking import check_macs
from networks.models.ddi import HIDDEN, DDIBlock, hard_decision
from networks.models.densenet import BottleneckUnit, DenseNet
from networks.models.families import DenseNetConfig, ResNetConfig
from networks.models.gates import OutputWatch, named_gates
from networks.models.lcnet import set_skipping
from networks.recording.recorder import record
from networks.training.answers import Wanted
from networks.training.objective import ExitLoss
from tests.networks.networks_fixtures import (
    SHAPE,
    WIDTHS,
    as_ddi,
    ddi_config,
    deciding,
    densenet_config,
    images,
    mgl2s_config,
)
from tests.shared import there
from traces.base.errors import ConfigError
from traces.trace import TraceInfo
from traces.work.lowering import lower


def test_hard_decisions_carry_the_gradient_of_their_probability() -> None:
    logits = torch.tensor([-2.0, 0.0, 3.0], requires_grad=True)
    decisions = hard_decision(logits)
    assert decisions.tolist() == [0.0, 0.0, 1.0]
    decisions.sum().backward()
    probability = torch.sigmoid(logits.detach())
    torch.testing.assert_close(logits.grad, probability * (1 - probability))


def test_the_first_block_has_no_gate_and_the_others_share_one_lstm() -> None:
    model, graph = deciding(ddi_config())
    names = [gate.name for gate in graph.gates]
    assert names[:2] == ["block2.layer_gate", "block2.channel_gate"]
    assert not any(name.startswith("block1.") for name in names)
    assert sum(isinstance(module, nn.LSTMCell) for module in model.modules()) == 1
    lstm = graph.op("block3.lstm")
    assert lstm.macs == 4 * HIDDEN * (HIDDEN + HIDDEN)


@torch.no_grad()
def test_everything_runs_before_training() -> None:
    model = ddi_config().build().eval()
    with OutputWatch(dict(named_gates(model))) as watch:
        model(images())
    assert all(bool((decisions == 1).all()) for decisions in watch.outputs.values())


@torch.no_grad()
def test_real_skipping_equals_the_masked_reference() -> None:
    model, _ = deciding(ddi_config())
    x = images()
    with OutputWatch(dict(named_gates(model))) as watch:
        masked = model(x)
    rates = torch.cat([decisions.flatten() for decisions in watch.outputs.values()])
    assert 0.1 < float(rates.mean()) < 0.9
    set_skipping(model, True)
    torch.testing.assert_close(model(x), masked, rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_the_gate_state_is_zeroed_for_every_batch() -> None:
    model, _ = deciding(ddi_config())
    x = images()
    first = model(x)
    model(images(5, seed=9))
    torch.testing.assert_close(model(x), first)


@torch.no_grad()
def test_exits_end_what_comes_behind_them() -> None:
    model, graph = deciding(ddi_config(exits=(2, 4)))
    labels = torch.zeros(12, dtype=torch.int64)
    trace = record(model, graph, [(images(), labels)], TraceInfo(model_name="m"), exit_threshold=0.0)
    assert set(trace.decisions["exits"].tolist()) == {0}
    runs = lower(trace).runs
    behind = graph.index["exit1.fc"]
    assert runs[:, behind].all()
    assert not runs[:, behind + 1 :].any()
    gate = graph.gate("exits")
    assert gate.exits == ("exit1.fc", "exit2.fc", "classifier")
    levels = dict(zip(gate.guards, gate.levels, strict=True))
    assert levels["block3.conv1"] == 0
    assert levels["exit2.fc"] == 0
    assert levels["block5.conv1"] == 1
    assert levels["classifier"] == 1
    assert "block2.conv1" not in levels


@torch.no_grad()
def test_skipping_a_dense_layer_equals_cutting_its_channels_from_its_readers() -> None:
    """The readers' weights for a skipped layer's channels do not matter: those channels are not there."""
    model, _ = deciding(densenet_config())
    assert isinstance(model, DenseNet)
    model.get_submodule("gate1_2").register_forward_hook(lambda m, a, output: torch.zeros_like(output))
    x = images()
    before = model(x)
    start = 2 * model.growth + model.growth  # behind the stem and dense1_1
    nn.init.normal_(model.unit("transition1").conv.weight[:, start : start + model.growth])
    torch.testing.assert_close(model(x), before)
    nn.init.normal_(model.unit("transition1").conv.weight[:, :start])
    assert not torch.allclose(model(x), before)


@torch.no_grad()
def test_a_skipped_dense_layer_is_absent_from_every_later_concatenation() -> None:
    model, graph = deciding(densenet_config())
    trace = record(
        model,
        graph,
        [(images(), torch.zeros(12, dtype=torch.int64))],
        TraceInfo(model_name="m"),
        exit_threshold=2.0,
    )
    work = lower(trace)
    runs = trace.decisions["gate2_2"]
    assert 0 < np.count_nonzero(runs) < 12
    block_input = graph.op("dense2_1").in_channels
    expected = block_input + 4 + 4 * runs.astype(int)
    assert work.in_channels[trace.decisions["gate2_3"], graph.index["dense2_3"]].tolist() == (
        expected[trace.decisions["gate2_3"]].tolist()
    )
    assert (
        work.in_channels[:, graph.index["pool"]].tolist()
        == (expected + 4 * trace.decisions["gate2_3"].astype(int)).tolist()
    )


def test_stages_share_the_controller() -> None:
    model = as_ddi(ddi_config().build())
    controller = there(model.controller)
    assert len(controller.embeds) == len(controller.channel_heads) == 5


def test_channel_heads_start_open_in_order_of_importance() -> None:
    model = as_ddi(ddi_config().build())
    model.open_gates_by_importance()
    block = model.get_submodule("block2")
    assert isinstance(block, DDIBlock)
    controller = there(model.controller)
    head = controller.channel_heads[0]
    assert isinstance(head, nn.Linear)
    bias = head.bias
    order = block.channel_importance().argsort()
    assert bias[order].tolist() == pytest.approx([1.0, 1.0 + 2 / 3, 1.0 + 4 / 3, 3.0])
    assert controller.layer_head.bias.item() == pytest.approx(3.0)


def test_an_exit_has_a_convolution_for_every_stage_it_leaves_out() -> None:
    """Behind the last block of a stage too; what it computes is counted as the exit's own."""
    graph = ddi_config(exits=(1, 2, 3, 5)).graph(ddi_config(exits=(1, 2, 3, 5)).build(), "m", SHAPE)
    convs = {
        f"exit{i}": [
            (op.in_channels, op.out_channels)
            for op in graph
            if op.name.startswith(f"exit{i}.") and op.kind == "conv"
        ]
        for i in range(1, 5)
    }
    assert convs == {"exit1": [(4, 3), (3, 4)], "exit2": [(4, 3), (3, 4)], "exit3": [(6, 4)], "exit4": []}
    assert graph.op("exit1.convs.1").macs == 9 * 3 * 4 * 2 * 2  # 8 x 8 pixels, halved twice


def test_exits_alone_skip_nothing_and_leave_the_backbone_as_it_is() -> None:
    config = ddi_config().model_copy(update={"layer_gates": False, "channel_gates": False})
    model, graph = deciding(config)
    assert [gate.kind for gate in graph.gates] == ["exit"]
    assert not list(named_gates(model))
    plain = ResNetConfig(kind="resnet", depth=14, widths=WIDTHS).build().eval()
    state = {name: tensor for name, tensor in model.state_dict().items() if not name.startswith("exit")}
    plain.load_state_dict(state)
    assert torch.equal(plain(images()), model(images()))
    check_macs(plain, graph.without_gates(), images(1))


def test_exits_learn_from_the_last_one_while_the_backbone_stays() -> None:
    config = ddi_config().model_copy(update={"layer_gates": False, "channel_gates": False})
    model, _ = deciding(config)
    backbone = {name: t.clone() for name, t in model.state_dict().items() if not name.startswith("exit")}
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("exit"))
    loss = ExitLoss()
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.05)
    x, wanted = images(64), Wanted(torch.arange(64) % 10)
    values = []
    for _ in range(30):
        optimizer.zero_grad()
        value = loss(model.train(), x, wanted, 0.0)
        value.backward()
        optimizer.step()
        values.append(value.item())
    assert values[-1] < 0.8 * values[0]
    report = loss.report()
    assert set(report) == {"right.exit1", "right.exit2"}
    assert all(0 <= share <= 1 for share in report.values())
    state = model.state_dict()
    assert all(torch.equal(state[name], tensor) for name, tensor in backbone.items())  # norms too


@torch.no_grad()
@pytest.mark.parametrize("bottleneck", [True, False])
def test_a_dense_layer_does_without_closed_channels(bottleneck: bool) -> None:
    """Multi-grained: the weights that read a closed channel do not matter, whatever they are."""
    model, graph = deciding(mgl2s_config(bottleneck=bottleneck))
    assert isinstance(model, DenseNet)
    inner = 16 if bottleneck else 4  # four times the growth, or the growth
    assert graph.gate("channels1_2").size == inner
    keep = torch.ones(inner)
    keep[1] = 0.0
    model.get_submodule("channels1_2").register_forward_hook(lambda m, a, output: keep.expand_as(output))
    model.get_submodule("gate1_2").register_forward_hook(lambda m, a, output: torch.ones_like(output))
    x = images()
    before = model(x)
    layer = model.layer("dense1_2")
    if isinstance(layer, BottleneckUnit):
        nn.init.normal_(layer.grow.conv.weight[:, 1])
    else:  # behind the stem, dense1_1 and its own first channel
        nn.init.normal_(model.unit("transition1").conv.weight[:, 2 * 4 + 4 + 1])
    torch.testing.assert_close(model(x), before)


def test_channel_gates_of_a_densenet_need_layer_gates() -> None:
    with pytest.raises(ConfigError, match="channel_gates: a DenseNet's need layer_gates"):
        DenseNetConfig(kind="densenet", layers=(2,), channel_gates=True).build()


@torch.no_grad()
def test_exits_that_learn_together_count_alike() -> None:
    """The joint loss is the plain sum of all exits' cross-entropies, the last with them."""
    model, _ = deciding(ddi_config())
    labels = torch.arange(12) % 10
    with OutputWatch({name: model.get_submodule(name) for name in ("exit1", "exit2")}) as watch:
        last = model(images())
    answers = [*watch.outputs.values(), last]
    expected = sum(functional.cross_entropy(answer, labels) for answer in answers)
    loss = ExitLoss(joint=True)(model, images(), Wanted(labels), 0.0)
    torch.testing.assert_close(loss, expected)
