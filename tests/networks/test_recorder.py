"""Unit and contract: traces of our networks and of anyone's, and every way they can disagree with a graph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from networks.capturing.capture import capture
from networks.models.families import AnyModel, ResNetConfig
from networks.models.gates import LinearChannelGate, OutputWatch, named_gates
from networks.models.graph_ops import add_conv, add_linear, start_graph
from networks.models.lcnet import set_skipping
from networks.recording.recorder import record
from tests.networks.networks_fixtures import (
    SHAPE,
    ddi_config,
    deciding,
    densenet_config,
    images,
    lcnet_config,
    mgl2s_config,
    skipnet_config,
)
from traces.base.errors import GraphError
from traces.exit_choice import with_exit_threshold
from traces.files.storage import load_trace, save_trace
from traces.gating.requests import channel
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate
from traces.trace import TraceInfo

INFO = TraceInfo(model_name="small")
LABELS = torch.arange(12) % 10


class OwnModel(nn.Module):
    """A user's network: one gated convolution; the gate is one of ours."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 6, 3, padding=1)
        self.gate = LinearChannelGate(3, 6)
        self.head = nn.Linear(6, 10)
        self.uses_gate = True

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv(x)
        if self.uses_gate:
            y = y * self.gate(x.mean((2, 3)))[:, :, None, None]
        return self.head(y.mean((2, 3)))

    def graph(self, gate_name: str = "gate") -> NetworkGraph:
        builder, x = start_graph("own", SHAPE)
        pooled = builder.global_pool("gate.pool", x)
        scores = add_linear(builder, "gate.fc", self.gate.fc.linear, pooled, "relu1")
        builder.elementwise("threshold", "gate.threshold", (scores,))
        y = builder.elementwise("mul", "scale", (add_conv(builder, "conv", self.conv, x), scores))
        add_linear(builder, "head", self.head, builder.global_pool("pool", y))
        builder.gate(
            Gate(
                name=gate_name,
                kind="channel",
                size=6,
                reads="input",
                computed_by=("gate.pool", "gate.fc", "gate.threshold"),
                guards=("conv",),
                scaled=True,
            )
        )
        return builder.finish()


@pytest.fixture
def own() -> OwnModel:
    torch.manual_seed(0)
    model = OwnModel()
    nn.init.normal_(model.gate.fc.linear.weight, std=5.0)
    return model


@pytest.mark.parametrize(
    "config",
    [lcnet_config(), ddi_config(), skipnet_config(), densenet_config(), mgl2s_config()],
    ids=["lcnet", "ddi", "skipnet", "dense", "mgl2s"],
)
def test_a_trace_holds_what_the_gates_put_out(config: AnyModel) -> None:
    model, graph = deciding(config)
    with torch.no_grad(), OutputWatch(dict(named_gates(model))) as watch:
        logits = model(images())

    batches = [(images()[:7], LABELS[:7]), (images()[7:], LABELS[7:])]
    trace = record(model, graph, batches, INFO, exit_threshold=2.0)

    assert trace.labels.tolist() == LABELS.tolist()
    assert trace.predictions.tolist() == logits.argmax(1).tolist()
    assert trace.info.test_accuracy == pytest.approx(trace.accuracy)
    for name, scores in watch.outputs.items():
        gate = graph.gate(name)
        opened = (scores > 0).numpy()
        recorded = trace.decisions[name] if gate.kind == "layer" else trace.mask(name)
        np.testing.assert_array_equal(recorded, opened)
        if gate.scaled:
            np.testing.assert_array_equal(trace.scores[name], scores.numpy().astype(np.float16))


def test_a_stored_trace_comes_back(tmp_path: Path) -> None:
    model, graph = deciding(ddi_config())
    trace = record(model, graph, [(images(), LABELS)], INFO, exit_threshold=0.4)
    save_trace(trace, tmp_path / "t.parquet")
    loaded = load_trace(tmp_path / "t.parquet")
    assert loaded.graph == graph
    np.testing.assert_array_equal(loaded.predictions, trace.predictions)
    for name, values in trace.decisions.items():
        np.testing.assert_array_equal(loaded.decisions[name], values)
    np.testing.assert_array_equal(loaded.exit_predictions["exits"], trace.exit_predictions["exits"])
    np.testing.assert_array_equal(loaded.exit_confidences["exits"], trace.exit_confidences["exits"])


def test_scores_can_be_left_out() -> None:
    model, graph = deciding(lcnet_config())
    whole = record(model, graph, [(images(), LABELS)], INFO)
    small = record(model, graph, [(images(), LABELS)], INFO, scores=False)
    assert whole.scores
    assert not small.scores
    assert all((small.decisions[name] == values).all() for name, values in whole.decisions.items())


def test_predictions_are_those_of_the_answering_exit() -> None:
    model, graph = deciding(ddi_config())
    late = record(model, graph, [(images(), LABELS)], INFO, exit_threshold=2.0)
    middle = float(np.median(late.exit_confidences["exits"][:, 0]))
    trace = record(model, graph, [(images(), LABELS)], INFO, exit_threshold=middle)
    chosen = trace.decisions["exits"]
    assert len(set(chosen.tolist())) > 1
    assert trace.predictions.tolist() == trace.exit_predictions["exits"][np.arange(12), chosen].tolist()
    again = with_exit_threshold(late, middle)  # chosen afterwards, without the network
    assert again.predictions.tolist() == trace.predictions.tolist()
    assert again.decisions["exits"].tolist() == chosen.tolist()


def test_recording_leaves_mode_and_skipping_as_they_were() -> None:
    model, graph = deciding(lcnet_config())
    set_skipping(model, True)
    model.train()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    record(model, graph, [(images(), LABELS)], INFO)
    assert model.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert all(module.skipping for module in model.modules() if hasattr(module, "skipping"))


def test_a_users_model_is_recorded_without_edits(own: OwnModel) -> None:
    trace = record(own, own.graph(), [(images(), LABELS)], INFO)
    kept = trace.mask("gate")
    assert kept.shape == (12, 6)
    assert 0 < kept.mean() < 1


def test_a_gate_that_is_never_called_is_an_error(own: OwnModel) -> None:
    own.uses_gate = False
    with pytest.raises(
        GraphError, match=r"gate 'gate': its module 'gate' was never called in the forward pass"
    ):
        record(own, own.graph(), [(images(), LABELS)], INFO)


def test_a_graph_gate_without_module_names_the_nearest(own: OwnModel) -> None:
    with pytest.raises(
        GraphError, match=r"gate module 'gates': the model has no module .*did you mean 'gate'"
    ):
        record(own, own.graph("gates"), [(images(), LABELS)], INFO)


def test_a_module_the_graph_does_not_know_is_an_error(own: OwnModel) -> None:
    with pytest.raises(GraphError, match=r"gate module 'gate': the graph has no such gate"):
        record(own, own.graph().without_gates(), [(images(), LABELS)], INFO)


def test_an_output_of_another_shape_is_an_error(own: OwnModel) -> None:
    gates = [channel("mask", guards="head", module="gate", open=lambda scores: scores > 0)]
    graph = capture(own, images(1)).with_gates(*gates)
    with pytest.raises(GraphError, match=r"decisions have shape \(12, 6\), need \(12, 10\)"):
        record(own, graph, [(images(), LABELS)], INFO)


def test_macs_of_another_network_are_an_error() -> None:
    model, _ = deciding(lcnet_config())
    other = lcnet_config().graph(model, "larger images", (3, 16, 16))
    with pytest.raises(GraphError, match=r"torch counts \d+ MACs in one forward pass, the graph has \d+"):
        record(model, other, [(images(), LABELS)], INFO)


def test_macs_of_an_imagenet_network_agree_with_torch() -> None:
    config = ResNetConfig(
        kind="resnet", depth=18, layout="imagenet", classes=7, layer_gates=True, channel_gates=True
    )
    model = config.build()
    graph = config.graph(model, "r18", (3, 32, 32))
    trace = record(model, graph, [(torch.zeros(1, 3, 32, 32), torch.zeros(1, dtype=torch.int64))], INFO)
    assert len(trace.decisions) == 16


def test_no_inputs_is_an_error() -> None:
    model, graph = deciding(lcnet_config())
    with pytest.raises(GraphError, match="no inputs to record"):
        record(model, graph, [], INFO)
