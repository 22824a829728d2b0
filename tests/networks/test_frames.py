"""Frames of one video go through an image network together: a batch inside one input, seen by capture and ONNX."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from networks.capturing.capture import capture
from traces.graphs.onnx.load import load_onnx

torch = pytest.importorskip("torch", reason="the networks extra is not installed")
pytest.importorskip("onnx", reason="the onnx extra is not installed")
from torch import Tensor, nn  # noqa: E402  # after the check that torch is there

FRAMES = 4
Made = Callable[[], nn.Module]
Product = tuple[int, int, int, int]  # M, K, N of a group, groups


class Video(nn.Module):
    """A network over frames, and a mean over them: (1, frames, 3, 16, 16) to (1, 3)."""

    def __init__(self, body: nn.Module) -> None:
        super().__init__()
        self.body, self.head = body, nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        n, frames = x.shape[:2]
        y = self.body(x.flatten(0, 1)).mean((2, 3))
        out: Tensor = self.head(y.view(n, frames, -1).mean(1))
        return out


def conv(wide: int, *given: Any, **options: Any) -> nn.Module:
    return nn.Conv2d(wide, 8, *given, **options)


# Products worked by hand: the pixels of four frames meet the same weights.
BODIES: dict[str, tuple[Made, list[Product]]] = {
    "same size": (
        lambda: nn.Sequential(conv(3, 3, padding=1), nn.MaxPool2d(2), conv(8, 3, padding=1, groups=8)),
        [(4 * 256, 27, 8, 1), (4 * 64, 9, 1, 8)],
    ),
    "no padding, so rows of one frame never meet those of the next": (
        lambda: nn.Sequential(conv(3, 3), conv(8, 3, stride=2), nn.AvgPool2d(3, 2), conv(8, 1)),
        [(4 * 196, 27, 8, 1), (4 * 36, 72, 8, 1), (4 * 4, 8, 8, 1)],
    ),
    "padding wider than half a window": (
        lambda: nn.Sequential(conv(3, 3, padding=2), conv(8, 5, padding=4)),
        [(4 * 324, 27, 8, 1), (4 * 484, 200, 8, 1)],
    ),
    "transposed": (
        lambda: nn.Sequential(conv(3, 3, padding=1), nn.ConvTranspose2d(8, 8, 2, 2)),
        [(4 * 256, 27, 8, 1), (4 * 256, 8, 32, 1)],
    ),
    "padded before": (
        lambda: nn.Sequential(nn.ZeroPad2d(1), conv(3, 3), nn.ReflectionPad2d(1), conv(8, 3)),
        [(4 * 256, 27, 8, 1), (4 * 256, 72, 8, 1)],
    ),
}


@pytest.mark.parametrize("body", BODIES)
@pytest.mark.filterwarnings("ignore")
def test_all_frames_are_rows_of_one_product(body: str, tmp_path: Path) -> None:
    made, products = BODIES[body]
    model, x = Video(made()).eval(), torch.randn(1, FRAMES, 3, 16, 16)
    torch.onnx.export(model, (x,), str(tmp_path / "m.onnx"), dynamo=False, opset_version=17)
    for graph in (capture(model, x), load_onnx(tmp_path / "m.onnx")):
        assert [(*op.product, op.groups) for op in graph if op.macs] == [*products, (1, 8, 3, 1)]
        assert graph.batch == 1
