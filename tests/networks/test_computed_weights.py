"""Weights, biases and scales that a network computes: capture and exported ONNX, MACs and M, K, N worked by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from networks.capturing.capture import capture
from traces.graphs.network import NetworkGraph
from traces.graphs.onnx.load import load_onnx

torch = pytest.importorskip("torch", reason="the networks extra is not installed")
pytest.importorskip("onnx", reason="the onnx extra is not installed")
from torch import Tensor, nn  # noqa: E402  # after the check that torch is there
from torch.nn import functional as fn  # noqa: E402  # as above

Product = tuple[int, int, int, int]  # M, K, N of a group, groups
WAYS: dict[tuple[int, bool], Any] = {
    (1, False): fn.conv1d, (2, False): fn.conv2d, (3, False): fn.conv3d,
    (1, True): fn.conv_transpose1d, (2, True): fn.conv_transpose2d,
}  # fmt: skip


class Experts(nn.Module):
    """CondConv (Yang et al., 2019): four sets of weights mixed by what the input looks like, one convolution."""

    def __init__(
        self,
        axes: int = 2,
        kernel: int = 3,
        groups: int = 1,
        stride: int = 1,
        *,
        back: bool = False,
        bias: bool = False,
    ) -> None:
        super().__init__()
        sides = (8, 12 // groups) if back else (12, 8 // groups)
        self.kernels = nn.Parameter(torch.randn(4, *sides, *[kernel] * axes))
        self.route, self.bias = nn.Linear(8, 4), nn.Linear(8, 12) if bias else None
        self.options = {"groups": groups, "stride": stride, "padding": kernel // 2}
        self.run = WAYS[axes, back]

    def forward(self, x: Tensor) -> Tensor:
        seen = x.flatten(2).mean(2)
        shares = torch.softmax(self.route(seen), 1)[0]
        kernel = (shares.view(-1, *[1] * (self.kernels.ndim - 1)) * self.kernels).sum(0)
        bias = None if self.bias is None else self.bias(seen)[0]
        return torch.as_tensor(self.run(x, kernel, bias, **self.options))


IMAGE, LINE, BODY = (1, 8, 10, 6), (1, 8, 20), (1, 8, 4, 5, 6)
ROUTE: Product = (1, 8, 4, 1)
CASES: dict[str, tuple[dict[str, Any], tuple[int, ...], Product]] = {
    "3x3": ({}, IMAGE, (60, 72, 12, 1)),
    "1x1": ({"kernel": 1}, IMAGE, (60, 8, 12, 1)),
    "groups": ({"groups": 4}, IMAGE, (60, 18, 3, 4)),
    "stride": ({"stride": 2}, IMAGE, (15, 72, 12, 1)),
    "one axis": ({"axes": 1}, LINE, (20, 24, 12, 1)),
    "three axes": ({"axes": 3}, BODY, (120, 216, 12, 1)),
    "transposed": ({"back": True, "stride": 2}, IMAGE, (60, 8, 108, 1)),
    "transposed, groups": ({"back": True, "stride": 2, "groups": 2}, IMAGE, (60, 4, 54, 2)),
    "transposed, one axis": ({"back": True, "axes": 1}, LINE, (20, 8, 36, 1)),
}


def both(model: nn.Module, inputs: tuple[Tensor, ...], folder: Path) -> list[NetworkGraph]:
    model.eval()
    torch.onnx.export(model, inputs, str(folder / "m.onnx"), dynamo=False, opset_version=17)
    return [capture(model, inputs), load_onnx(folder / "m.onnx")]


def products(graph: NetworkGraph) -> list[Product]:
    return [(*op.product, op.groups) for op in graph if op.macs]


@pytest.mark.parametrize("case", CASES)
@pytest.mark.filterwarnings("ignore")
def test_a_convolution_with_computed_weights_is_a_product(case: str, tmp_path: Path) -> None:
    options, shape, wanted = CASES[case]
    for graph in both(Experts(**options), (torch.randn(shape),), tmp_path):
        assert products(graph) == [ROUTE, wanted]
        assert [op.kind for op in graph if op.macs] == ["linear", "matmul"]


@pytest.mark.filterwarnings("ignore")
def test_a_computed_bias_is_a_sum_and_its_layer_stays(tmp_path: Path) -> None:
    for graph in both(Experts(bias=True), (torch.randn(IMAGE),), tmp_path):
        assert products(graph) == [ROUTE, (1, 8, 12, 1), (60, 72, 12, 1)]
        assert graph.ops[-1].kind == "add"


class Tracker(nn.Module):
    """Siamese trackers (Bertinetto et al., 2016; Li et al., 2019): a template slides over the search image."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.stem, self.groups = nn.Conv2d(3, 8, 3), groups

    def forward(self, x: Tensor, template: Tensor) -> Tensor:
        kernel = self.stem(template)
        kernel = kernel.permute(1, 0, 2, 3) if self.groups > 1 else kernel
        return fn.conv2d(self.stem(x), kernel, groups=self.groups)


@pytest.mark.parametrize("groups", [1, 8])
@pytest.mark.filterwarnings("ignore")
def test_features_slide_over_features(groups: int, tmp_path: Path) -> None:
    """10 x 10 pixels of 8 channels under a template of 4 x 4: 49 places, 16 x 8 products each."""
    inputs = (torch.randn(1, 3, 12, 12), torch.randn(1, 3, 6, 6))
    wanted = (49, 128 // groups, 1, groups)
    for graph in both(Tracker(groups), inputs, tmp_path):
        assert sorted(products(graph)) == sorted([(100, 27, 8, 1), (16, 27, 8, 1), wanted])


class Styled(nn.Module):
    """Adaptive normalisation (Huang and Belongie, 2017): scale and shift are computed."""

    def __init__(self, kind: str) -> None:
        super().__init__()
        self.conv, self.scale, self.shift = nn.Conv2d(3, 8, 3, padding=1), nn.Linear(3, 8), nn.Linear(3, 8)
        self.kind = kind

    def forward(self, x: Tensor) -> Tensor:
        seen, y = x.mean((2, 3)), self.conv(x)
        scale, shift = self.scale(seen)[0], self.shift(seen)[0]
        match self.kind:
            case "group":
                return fn.group_norm(y, 2, scale, shift)
            case "layer":
                return fn.layer_norm(y.permute(0, 2, 3, 1), (8,), scale, shift)
            case "instance":
                return fn.instance_norm(y, None, None, scale, shift)
            case _:
                return fn.batch_norm(y, torch.zeros(8), torch.ones(8), scale, shift, training=False)


@pytest.mark.parametrize("kind", ["group", "layer", "instance", "batch"])
@pytest.mark.filterwarnings("ignore")
def test_computed_scales_and_shifts_are_kept(kind: str, tmp_path: Path) -> None:
    for graph in both(Styled(kind), (torch.randn(1, 3, 6, 6),), tmp_path):
        assert sorted(products(graph)) == [(1, 3, 8, 1), (1, 3, 8, 1), (36, 27, 8, 1)]
        assert [op.kind for op in graph][-2:] == ["mul", "add"]
        assert {op.out_channels for op in graph.ops[-2:]} == {8}
