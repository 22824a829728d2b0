"""Random PyTorch networks, read three ways: capture, ONNX and its reader, and a count of what ran."""

from __future__ import annotations

from collections import Counter
from math import prod
from pathlib import Path
from typing import Any

import pytest

from networks.capturing.capture import capture
from traces.graphs.network import NetworkGraph
from traces.graphs.onnx.load import load_onnx

torch = pytest.importorskip("torch", reason="the networks extra is not installed")
pytest.importorskip("onnx", reason="the onnx extra is not installed")
from tests.networks.random_networks import network, products  # noqa: E402  # after the check that torch is there

QUICK, ALL = 25, 500


@pytest.mark.parametrize(
    "seed",
    [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))],
)
@pytest.mark.filterwarnings("ignore")
def test_products_are_those_that_ran(seed: int, tmp_path: Path) -> None:
    module, x = network(seed)
    truth = Counter(products(module, x))
    captured = capture(module, x)
    assert _products(captured) == truth
    read = load_onnx(_exported(module, x, seed, tmp_path))
    assert _products(read) == truth
    assert captured.macs == read.macs == sum(prod(sizes) * times for sizes, times in truth.items())


def _exported(module: Any, x: Any, seed: int, folder: Path) -> Path:
    path = folder / "net.onnx"
    options: dict[str, Any] = {"opset_version": 14 + seed % 7, "do_constant_folding": seed % 2 == 0}
    torch.onnx.export(module, (x,), str(path), dynamo=False, **options)
    return path


def _products(graph: NetworkGraph) -> Counter[tuple[int, ...]]:
    return Counter((*op.product, op.groups) for op in graph if op.macs)
