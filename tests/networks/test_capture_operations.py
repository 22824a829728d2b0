"""Unit: what single operations of PyTorch become, kinds and elements put out worked by hand."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as fn
from torch import Tensor, nn

from networks.capturing.capture import capture
from traces.base.errors import UnsupportedError


class Calls(nn.Module):
    """A function that may use a convolution of 4 channels (``m.c``) and a layer of 8 features (``m.l``)."""

    def __init__(self, function: Callable[[Calls, Tensor], Tensor]) -> None:
        super().__init__()
        self.function = function
        self.c, self.l = nn.Conv2d(4, 4, 3, padding=1), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        return self.function(self, x)


IMAGE, ROWS, VIDEO = (
    torch.rand(1, 4, 8, 8),
    torch.rand(1, 6, 8),
    torch.rand(1, 4, 4, 8, 8),
)  # 256, 48, 1024 elements


def shifted(m: Any, x: Tensor) -> Tensor:
    """TSM: parts of the features move a step forth or back, the others stay."""
    y, z = m.l(x), torch.zeros_like(x)
    z[:, :-1, :2] = y[:, 1:, :2]  # 10 elements
    z[:, 1:, 2:4] = y[:, :-1, 2:4]  # 10
    z[:, :, 4:] = y[:, :, 4:]  # 24
    return z


def first_row(m: Any, x: Tensor) -> Tensor:
    y: Tensor = m.l(x)
    y[:, 0] = m.l(x[:, 1])
    return y


def cleared(m: Any, x: Tensor) -> Tensor:
    y: Tensor = m.l(x)
    y[:, 0] = 0
    return y


CASES: dict[str, tuple[Callable[[Any, Tensor], Tensor], Tensor, list[tuple[str, int]]]] = {
    "glu": (lambda m, x: fn.glu(m.c(x), 1), IMAGE,
            [("conv", 256), ("slice", 128), ("slice", 128), ("activation", 128), ("mul", 128)]),
    "lerp": (lambda m, x: torch.lerp(x, m.c(x), torch.sigmoid(x)), IMAGE,
             [("conv", 256), ("activation", 256), ("add", 256), ("mul", 256), ("add", 256)]),
    "addcmul": (lambda m, x: torch.addcmul(x, m.c(x), x), IMAGE, [("conv", 256), ("mul", 256), ("add", 256)]),
    "addcdiv": (lambda m, x: torch.addcdiv(x, m.c(x), torch.exp(x)), IMAGE,
                [("conv", 256), ("activation", 256), ("activation", 256), ("mul", 256), ("add", 256)]),
    "square": (lambda m, x: m.l(x) ** 2, ROWS, [("linear", 48), ("mul", 48)]),
    "power of two": (lambda m, x: 2 ** m.l(x), ROWS, [("linear", 48), ("activation", 48)]),
    "norm over features": (lambda m, x: fn.normalize(m.l(x), dim=-1), ROWS,
                           [("linear", 48), ("reduce", 6), ("activation", 6), ("activation", 6), ("mul", 48)]),
    "matrix times vector": (lambda m, x: torch.mv(x[0], m.l(x)[0, 0]), ROWS,
                            [("linear", 48), ("slice", 8), ("matmul", 6)]),
    "statistics of the batch": (lambda m, x: fn.batch_norm(m.c(x), None, None, training=True), IMAGE,
                                [("conv", 256), ("layer_norm", 256)]),
    "pool in depth": (lambda m, x: fn.max_pool3d(x, (2, 3, 3), (2, 2, 2), (0, 1, 1)), VIDEO,
                      [("reshape", 1024), ("max_pool", 512), ("reshape", 512), ("max_pool", 128),
                       ("reshape", 128)]),
    "circular padding": (lambda m, x: fn.pad(m.c(x), (1, 1, 1, 1), "circular"), IMAGE, [("conv", 256), ("copy", 400)]),
    "parts written": (shifted, ROWS,
                      [("linear", 48), *[("slice", n) for n in (40, 10, 40, 10, 24)], ("copy", 14),
                       *[("reshape", n) for n in (14, 10, 24)], ("concat", 48)]),
    "a row written": (first_row, ROWS,
                      [("linear", 48), ("slice", 8), ("linear", 8), ("slice", 40), ("concat", 48)]),
    "values added where an index says": (
        lambda m, x: torch.zeros(1, 6, 8).scatter_add(2, x.argsort(-1), m.l(x)), ROWS, [("linear", 48), ("copy", 48)]
    ),
    "quantisation in training": (
        lambda m, x: torch.fake_quantize_per_tensor_affine(m.l(x), 0.1, 0, -128, 127), ROWS, [("linear", 48)]
    ),
    "pixels blended at computed places": (
        lambda m, x: fn.grid_sample(x, torch.tanh(m.c(x))[:, :2].permute(0, 2, 3, 1), align_corners=False), IMAGE,
        [("conv", 256), ("slice", 128), ("upsample", 256)],
    ),
    "rows at computed places": (
        lambda m, x: torch.gather(x, 1, m.l(x).topk(2, 1).indices), ROWS,
        [("linear", 48), ("threshold", 48), ("slice", 16), ("copy", 16)],
    ),
    "repeated along two axes": (lambda m, x: torch.kron(m.l(x)[0], torch.ones(2, 2)), ROWS,
                                [("linear", 48), ("copy", 192), ("activation", 192)]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_operations_are_what_they_do(case: str) -> None:
    function, x, expected = CASES[case]
    graph = capture(Calls(function), x)
    assert [(op.kind, op.output_elements) for op in graph] == expected


def test_what_is_cleared_needs_nothing() -> None:
    graph = capture(Calls(cleared), ROWS)
    assert [op.kind for op in graph] == ["linear"]


def test_what_only_waits_for_something_missing_is_not_listed_as_a_fault_of_its_own() -> None:
    with pytest.raises(UnsupportedError, match=r"1 of 3 nodes \(33 %\) cannot be priced: 1 linalg_inv_ex"):
        capture(Calls(lambda m, x: m.c(torch.linalg.inv(x)).relu()), IMAGE)


class Heads(nn.Module):
    """Four heads of queries over four, two or one of keys, their tensors named or in order."""

    def __init__(self, shared: int, *, named: bool) -> None:
        super().__init__()
        self.q, self.k = nn.Linear(16, 16), nn.Linear(16, 4 * shared)
        self.shared, self.named = shared, named

    def forward(self, x: Tensor, z: Tensor) -> Tensor:
        q = self.q(x).view(1, 7, 4, 4).transpose(1, 2)
        k = self.k(z).view(1, 9, self.shared, 4).transpose(1, 2)
        several = self.shared < 4
        if self.named:
            y = fn.scaled_dot_product_attention(query=q, key=k, value=k, enable_gqa=several)
        else:
            y = fn.scaled_dot_product_attention(q, k, k, enable_gqa=several)
        return y.transpose(1, 2).reshape(1, 7, 16)


@pytest.mark.parametrize("named", [False, True])
@pytest.mark.parametrize("shared", [4, 2, 1])
def test_heads_of_queries_share_those_of_keys(shared: int, named: bool) -> None:
    """7 queries and 9 keys of 4 features; those that share keys are rows of one product."""
    graph = capture(Heads(shared, named=named), (torch.rand(1, 7, 16), torch.rand(1, 9, 16)))
    rows = 7 * 4 // shared
    assert [(*op.product, op.groups) for op in graph if op.kind == "matmul"] == [
        (rows, 4, 9, shared),
        (rows, 9, 4, shared),
    ]
