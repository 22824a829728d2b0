"""Random PyTorch modules, exported to ONNX and read: every product's M, K, N as counted where it ran."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from math import prod
from pathlib import Path
from typing import Any

import pytest

from traces.graphs.onnx.load import load_onnx

torch = pytest.importorskip("torch", reason="the networks extra is not installed")
pytest.importorskip("onnx", reason="the onnx extra is not installed")
from torch import Tensor, nn  # noqa: E402  # after the check that torch is there
from torch.nn import functional as F  # noqa: E402

Product = tuple[int, int, int, int]  # M, K, N per group, groups
QUICK, ALL = 40, 400


class Attention(nn.Module):
    """Heads by reshapes and transposes; two products of activations."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        n, rows, width = x.shape
        parts = self.qkv(x).reshape(n, rows, 3, self.heads, width // self.heads).permute(2, 0, 3, 1, 4)
        q, k, v = parts[0], parts[1], parts[2]
        mixed = torch.softmax(product(q, k.transpose(-2, -1)) * 0.1, -1)
        return x + self.out(product(mixed, v).transpose(1, 2).reshape(n, rows, width))


class Squeeze(nn.Module):
    """Squeeze and excitation."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.down, self.up = nn.Conv2d(channels, 2, 1), nn.Conv2d(2, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(self.up(F.relu(self.down(x.mean((2, 3), keepdim=True)))))


class Shuffle(nn.Module):
    """Channels of two groups interleaved."""

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return x.view(n, 2, c // 2, h, w).transpose(1, 2).reshape(n, c, h, w)


class Branches(nn.Module):
    """Two ways, joined along the channels."""

    def __init__(self, left: nn.Module, right: nn.Module) -> None:
        super().__init__()
        self.left, self.right = left, right

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([self.left(x), self.right(x)], 1)


class Residual(nn.Module):
    """A way around."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.inner(x))


class ChannelsLast(nn.Module):
    """A product over channels in NHWC, as ConvNeXt does."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm, self.up, self.down = (
            nn.LayerNorm(channels),
            nn.Linear(channels, 2 * channels),
            nn.Linear(2 * channels, channels),
        )

    def forward(self, x: Tensor) -> Tensor:
        y = self.down(F.gelu(self.up(self.norm(x.permute(0, 2, 3, 1)))))
        return x + y.permute(0, 3, 1, 2)


class Rows(nn.Module):
    """Pixels become rows of a sequence, pass a module, and become pixels again."""

    def __init__(self, inner: nn.Module) -> None:
        super().__init__()
        self.inner = inner

    def forward(self, x: Tensor) -> Tensor:
        n, c, h, w = x.shape
        return self.inner(x.flatten(2).transpose(1, 2)).transpose(1, 2).reshape(n, c, h, w)


RECORDED: list[Product] = []


def product(a: Tensor, b: Tensor) -> Tensor:
    """Multiply two activations and note the sizes."""
    if not torch.jit.is_tracing():
        RECORDED.append((a.shape[-2], a.shape[-1], b.shape[-1], prod(a.shape[:-2])))
    return a @ b


def noted(module: nn.Module, x: Tensor) -> list[Product]:
    """Run the module and return the products of its layers, from what hooks see: the independent count."""
    RECORDED.clear()

    def hook(layer: nn.Module, args: tuple[Tensor, ...], out: Tensor) -> None:
        if isinstance(layer, nn.ConvTranspose2d):
            cin, cout = layer.in_channels // layer.groups, layer.out_channels // layer.groups
            area = prod(layer.kernel_size)
            RECORDED.append((prod(args[0].shape[2:]), cin, cout * area, layer.groups))
        elif isinstance(layer, nn.Linear):
            RECORDED.append((prod(out.shape[:-1]), layer.in_features, layer.out_features, 1))
        else:
            assert isinstance(layer, nn.Conv1d | nn.Conv2d)
            cin, cout = layer.in_channels // layer.groups, layer.out_channels // layer.groups
            RECORDED.append((prod(out.shape[2:]), cin * prod(layer.kernel_size), cout, layer.groups))

    layers = [
        m for m in module.modules() if isinstance(m, nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Linear)
    ]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    with torch.no_grad():
        module(x)
    for handle in handles:
        handle.remove()
    return list(RECORDED)


def block(pick: random.Random, channels: int, size: int) -> tuple[nn.Module, int, int]:
    """Return a random block, and the channels and pixels it puts out."""
    kernel, dilation = pick.choice([1, 3, 5]), pick.choice([1, 1, 2])
    same = dilation * (kernel // 2)
    wide = pick.choice([4, 8, 12])
    groups = pick.choice([g for g in (1, 2, 4, channels) if channels % g == 0 and wide % g == 0] or [1])
    activation = pick.choice([nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Sigmoid, nn.LeakyReLU])
    conv = nn.Conv2d(channels, wide, kernel, 1, same, dilation, groups)
    depthwise = nn.Conv2d(channels, channels, 3, 1, 1, groups=channels)
    halves = size >= 4 and size % 2 == 0
    choices: list[Callable[[], tuple[nn.Module, int, int]]] = [
        lambda: (nn.Sequential(conv, nn.BatchNorm2d(wide), activation()), wide, size),
        lambda: (nn.Sequential(depthwise, nn.Conv2d(channels, wide, 1), activation()), wide, size),
        lambda: (Residual(nn.Conv2d(channels, channels, 3, padding=1)), channels, size),
        lambda: (Squeeze(channels), channels, size),
        lambda: (nn.Sequential(Shuffle(), nn.Conv2d(channels, channels, 1, groups=2)), channels, size),
        lambda: (Branches(nn.Conv2d(channels, 4, 1), nn.Conv2d(channels, wide, 3, padding=1)), 4 + wide, size),
        lambda: (ChannelsLast(channels), channels, size),
        lambda: (Rows(Attention(channels, 2)), channels, size),
        lambda: (Rows(nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, channels))), channels, size),
        lambda: (nn.ConvTranspose2d(channels, wide, 2, 2), wide, 2 * size),
        lambda: (nn.Sequential(nn.Upsample(scale_factor=2), nn.Conv2d(channels, wide, 3, padding=1)), wide, 2 * size),
        lambda: (nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), nn.Conv2d(channels, wide, 3, 2)), wide, size // 2),
        lambda: (nn.MaxPool2d(2), channels, size // 2),
        lambda: (nn.AvgPool2d(3, 1, 1), channels, size),
        lambda: (nn.GroupNorm(2, channels), channels, size),
    ]  # fmt: skip
    if not halves:
        choices = choices[:11] + choices[13:]
    if size > 12:
        choices = choices[:9] + choices[11:]
    return pick.choice(choices)()


def network(seed: int) -> tuple[nn.Module, Tensor]:
    """Return a random network and an input."""
    pick = random.Random(seed)
    torch.manual_seed(seed)
    channels, size = pick.choice([4, 8]), pick.choice([6, 8, 12])
    x = torch.randn(1, channels, size, size)
    blocks: list[nn.Module] = []
    for _ in range(pick.randint(1, 5)):
        made, channels, size = block(pick, channels, size)
        blocks.append(made)
    heads = [
        [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)],
        [nn.Flatten(), nn.Linear(channels * size * size, 5)],
        [nn.Flatten(2), nn.Linear(size * size, 3)],
        [nn.Flatten(2), nn.Conv1d(channels, 6, 3, padding=1)],
    ]
    return nn.Sequential(*blocks, *pick.choice(heads)).eval(), x


@pytest.mark.parametrize(
    "seed",
    [*range(QUICK), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(QUICK, ALL))],
)
@pytest.mark.filterwarnings("ignore")
def test_products_are_those_that_ran(seed: int, tmp_path: Path) -> None:
    module, x = network(seed)
    truth = Counter(noted(module, x))
    path = tmp_path / "net.onnx"
    settings: dict[str, Any] = {
        "dynamo": False,
        "opset_version": 13 + seed % 5,
        "do_constant_folding": seed % 2 == 0,
    }
    torch.onnx.export(module, (x,), str(path), **settings)
    graph = load_onnx(path)
    found = Counter((*op.product, op.groups) for op in graph if op.macs)
    assert found == truth
    assert graph.macs == sum(prod(sizes) * times for sizes, times in truth.items())
