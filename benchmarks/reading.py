"""Time to read networks: ResNet-50 captured from PyTorch and read from its ONNX, a small transformer alike.

python benchmarks/reading.py            processor time of one process, the best of three [s]

Wanted: ResNet-50 captured in less than 3 s and read from ONNX in less than 1 s.  Imports are not counted.
"""

from __future__ import annotations

import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.capturing.capture import capture
from networks.models.families import ResNetConfig
from traces.graphs.network import NetworkGraph
from traces.graphs.onnx.load import load_onnx

WANTED = {"captured": 3.0, "ONNX read": 1.0}  # of ResNet-50 [s]


def transformer() -> nn.Module:
    """Return six layers of attention of 256 features."""
    layer = nn.TransformerEncoderLayer(256, 4, 1024, batch_first=True, norm_first=True)
    return nn.TransformerEncoder(layer, 6, enable_nested_tensor=False).eval()


def best(read: Callable[[], NetworkGraph]) -> tuple[float, NetworkGraph]:
    """Return the least processor time of three readings, and what was read."""
    times, graph = [], read()
    for _ in range(3):
        began = time.process_time()
        graph = read()
        times.append(time.process_time() - began)
    return min(times), graph


def measure(name: str, model: nn.Module, x: Tensor) -> None:
    """Print both times of a network, and that both ways count the same."""
    model.eval()
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "net.onnx"
        torch.onnx.export(model, (x,), str(path), dynamo=False, opset_version=17)
        captured, graph = best(lambda: capture(model, x))
        read, other = best(lambda: load_onnx(path))
    same = "the same MACs" if graph.macs == other.macs else f"{graph.macs:,} and {other.macs:,} MACs"
    print(f"{name:12} {len(graph.ops):4} ops  captured {captured:6.3f} s   ONNX read {read:6.3f} s   {same}")


print(f"processor time; wanted of ResNet-50: {WANTED}")
measure(
    "ResNet-50",
    ResNetConfig(kind="resnet", depth=50, layout="imagenet", classes=1000).build(),
    torch.zeros(1, 3, 224, 224),
)
measure("transformer", transformer(), torch.zeros(1, 128, 256))
