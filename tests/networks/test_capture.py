"""Unit: networks as graphs, worked by hand; every op's name, sizes and MACs."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from networks.capturing.capture import CaptureWarning, capture
from networks.models.families import ResNetConfig
from tests.networks.networks_fixtures import (
    SHAPE,
    ddi_config,
    deciding,
    densenet_config,
    lcnet_config,
    mgl2s_config,
)
from traces.base.errors import GraphError, UnsupportedError
from traces.graphs.named import load_network


class Small(nn.Module):
    """Modules and functions, one module called twice, a branch that the answer does not need."""

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.twice = nn.Conv2d(8, 8, 3, padding=1, groups=4)
        self.unused = nn.Linear(8, 100)
        self.head = nn.Linear(8, 10)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        x = torch.relu_(self.norm(self.stem(x)))
        y = fn.hardswish(self.twice(self.twice(x))) + x
        pooled = y.mean((2, 3))
        return self.head(pooled), self.unused(pooled)


def test_modules_name_ops_and_calls_are_numbered() -> None:
    graph = capture(Small(), torch.zeros(4, 3, 16, 16), answer=lambda out: out[0])
    assert [(op.name, op.kind, op.activation) for op in graph] == [
        ("stem", "conv", "relu"),
        ("twice", "conv", "none"),
        ("twice#2", "conv", "none"),
        ("hardswish", "activation", "hard_swish"),
        ("add", "add", "none"),
        ("mean", "global_avg_pool", "none"),
        ("head", "linear", "none"),
    ]
    assert [op.macs for op in graph] == [64 * 27 * 8, 64 * 18 * 8, 64 * 18 * 8, 0, 0, 0, 80]
    assert (graph.input_channels, graph.input_height, graph.input_width) == (3, 16, 16)
    assert graph.op("add").inputs == ("hardswish", "stem")


def test_what_the_network_puts_out_beside_is_kept_without_an_answer() -> None:
    assert "unused" in capture(Small(), torch.zeros(1, 3, 16, 16)).index


def test_capturing_leaves_the_network_as_it_was() -> None:
    model = Small().train()
    model.norm.eval()
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    capture(model, torch.randn(1, 3, 16, 16))
    assert model.training
    assert model.twice.training
    assert not model.norm.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize(
    "config",
    [lcnet_config(), ddi_config(), densenet_config(), mgl2s_config()],
    ids=["lcnet", "ddi", "densenet", "mgl2s"],
)
def test_networks_built_by_hand_have_the_same_products(config: ResNetConfig) -> None:
    """The graphs written beside our models, op by op, and those captured from them agree on what multiplies."""
    model, graph = deciding(config)
    heads = [name.removesuffix(".fc") for gate in graph.gates for name in gate.exits[:-1]]
    captured = capture(model, torch.zeros(1, *SHAPE), keep=heads)

    def products(ops: object) -> list[tuple[int, ...]]:
        return sorted((*op.product, op.groups) for op in ops if op.macs)  # type: ignore[attr-defined]  # ops

    assert products(captured) == products(graph)


@pytest.mark.filterwarnings("ignore")
def test_resnet50_has_the_published_macs_from_one_pass(tmp_path: Path) -> None:
    """Captured by one forward pass, and its ONNX says the same; ``benchmarks/reading.py`` times both."""
    pytest.importorskip("onnx", reason="the onnx extra is not installed")
    model = ResNetConfig(kind="resnet", depth=50, layout="imagenet", classes=1000).build().eval()
    passes = []
    model.register_forward_hook(lambda *_: passes.append(1))
    image = torch.zeros(1, 3, 224, 224)
    graph = capture(model, image)
    assert len(passes) == 1
    assert graph.macs == 4_089_184_256  # 4.09 G: He et al., CVPR 2016, with strides on the 3x3 convolutions
    torch.onnx.export(model, (image,), str(tmp_path / "m.onnx"), dynamo=False, opset_version=17)
    read = load_network(tmp_path / "m.onnx")
    assert [op.product for op in read if op.macs] == [op.product for op in graph if op.macs]


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 16, 4, 4)
        self.layer = nn.TransformerEncoderLayer(
            16, 2, 32, batch_first=True, activation="gelu", norm_first=True
        )
        self.head = nn.Linear(16, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.layer(self.patches(x).flatten(2).transpose(1, 2)).mean(1))


def test_attention_is_two_products_and_a_softmax() -> None:
    graph = capture(Attention(), torch.zeros(1, 3, 16, 16))
    scores = graph.op("layer.self_attn.attention.scores")
    assert (scores.kind, scores.product, scores.groups) == ("matmul", (16, 8, 16), 2)
    assert graph.op("layer.self_attn.attention.values").product == (16, 16, 8)
    assert graph.op("layer.self_attn.linear").product == (16, 16, 48)
    assert [op.kind for op in graph].count("layer_norm") == 2


class Steps(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(8, 5, 2, batch_first=True)
        self.gru = nn.GRU(5, 4, batch_first=True, bidirectional=True)
        self.head = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        y, _ = self.gru(self.lstm(x)[0])
        return self.head(y[:, -1])


def test_recurrent_layers_count_every_step() -> None:
    graph = capture(Steps(), torch.zeros(1, 6, 8))
    assert graph.op("lstm").macs == 6 * 4 * 5 * (8 + 5)
    assert graph.op("lstm.1").macs == 6 * 4 * 5 * (5 + 5)
    assert graph.op("gru.backward").macs == 6 * 3 * 4 * (5 + 4)


class Noted(nn.Module):
    """Notes whether its runs are to be differentiated."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(6, 4)
        self.grads: list[bool] = []

    def forward(self, x: Tensor) -> Tensor:
        self.grads.append(torch.is_grad_enabled())
        out: Tensor = self.lstm(x)[0]
        return out


class Looks(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
        self.gate = nn.Linear(4, 1)

    def forward(self, x: Tensor) -> Tensor:
        if self.gate(x).mean() > 0:
            x = self.b(x)
        return self.a(x)


def test_a_network_that_looks_at_its_data_says_so_and_keeps_what_it_looked_at() -> None:
    model = Looks()
    nn.init.constant_(model.gate.bias, 100.0)
    with pytest.warns(CaptureWarning, match="looks at its data"):
        graph = capture(model, torch.zeros(1, 4))
    assert {"gate", "b", "a"} <= set(graph.index)


class Odd(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return torch.linalg.inv(x @ x.transpose(-1, -2)) + torch.linalg.matrix_exp(x)


def test_everything_unknown_is_listed_at_once() -> None:
    with pytest.raises(
        UnsupportedError, match=r"linalg_inv_ex.*linalg_matrix_exp|linalg_matrix_exp.*linalg_inv_ex"
    ):
        capture(Odd(), torch.eye(4)[None])


def test_an_example_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(GraphError, match="Small does not run on the example: RuntimeError"):
        capture(Small(), torch.zeros(1, 5, 16, 16))


class Loop(nn.Module):
    """A cell called step by step, only whose last state is the answer."""

    def __init__(self) -> None:
        super().__init__()
        self.cell = nn.LSTMCell(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        h = c = torch.zeros(1, 4)
        for t in range(x.shape[1]):
            h, c = self.cell(x[:, t], (h, c))
        return h


def test_a_cell_reads_the_state_of_its_call_before() -> None:
    graph = capture(Loop(), torch.zeros(1, 3, 6))
    cells = [op for op in graph if op.kind == "lstm_cell"]
    assert [op.name for op in cells] == ["cell", "cell#2", "cell#3"]
    assert [op.macs for op in cells] == [(6 + 4) * 4 * 4] * 3
    assert "cell" in cells[1].inputs
    assert "cell#2" in cells[2].inputs


class Pair(nn.Module):
    """A recurrent network that starts where another one ended."""

    def __init__(self) -> None:
        super().__init__()
        self.enc, self.dec = nn.GRU(6, 4), nn.GRU(6, 4, bidirectional=False)

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.dec(x.flip(0), self.enc(x)[1])[0]
        return y


@pytest.mark.parametrize("shape", [(5, 1, 6), (5, 3, 6)])
def test_steps_are_not_taken_for_a_batch(shape: tuple[int, ...]) -> None:
    with pytest.raises(
        GraphError, match=r"enc .GRU, batch_first=False. reads 5 steps along axis 0 .* batch_axis=1"
    ):
        capture(Pair(), torch.zeros(shape))
    graph = capture(Pair(), torch.zeros(shape), batch_axis=1)
    assert graph.macs == 2 * 5 * (6 + 4) * 4 * 3
    assert any(name.startswith("dec.state") or name.startswith("enc") for name in graph.op("dec").inputs[1:])


def test_an_example_may_have_no_batch() -> None:
    assert capture(nn.LSTM(6, 4), torch.zeros(5, 6), batch_axis=None).macs == 5 * (6 + 4) * 4 * 4
    noted = Noted()
    with pytest.raises(GraphError, match="batch_first=False"):
        capture(noted, torch.zeros(5, 6))
    assert noted.grads == [False, False]  # what only looks at sizes keeps nothing for gradients
    assert capture(nn.Linear(6, 4), torch.zeros(6), batch_axis=None).macs == 24


def test_a_projected_state_is_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match=r"1 lstm .*its state is projected; needs proj_size = 0"):
        capture(nn.LSTM(6, 4, proj_size=2, batch_first=True), torch.zeros(1, 5, 6))
