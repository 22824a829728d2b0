"""Random networks for comparing ways in, and an independent count of their products."""

from __future__ import annotations

import random
from collections.abc import Callable
from math import prod
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tests.networks import image_blocks as img
from tests.networks import sequence_blocks as seq
from tests.networks.sequence_blocks import NOTED, Product

Image = tuple[int, int, int]  # channels, height, width
Made = tuple[nn.Module, Image]
ACTIVATIONS: list[type[nn.Module]] = [
    nn.ReLU, nn.ReLU6, nn.SiLU, nn.GELU, nn.Hardswish, nn.Sigmoid, nn.LeakyReLU, nn.ELU, nn.PReLU, nn.Mish,
    nn.Softplus, nn.Hardsigmoid, nn.Tanh, nn.Identity,
]  # fmt: skip
_LAYERS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d, nn.Linear)
_GATES: dict[type[nn.Module], int] = {nn.LSTM: 4, nn.GRU: 3, nn.RNN: 1}


def network(seed: int) -> tuple[nn.Module, Tensor]:
    """Return a random network and an input: an image, or a sequence of features or of channels."""
    pick = random.Random(seed)
    torch.manual_seed(seed)
    if seed % 5 == 4:
        return _sequence_network(pick)
    image = pick.choice([4, 8]), pick.choice([6, 8, 12]), pick.choice([4, 8, 12])
    x = torch.randn(1, *image)
    blocks: list[nn.Module] = []
    for _ in range(pick.randint(1, 5)):
        made, image = _block(pick, image)
        blocks.append(made)
    return nn.Sequential(*blocks, *_head(pick, image)).eval(), x


def _convolution(pick: random.Random, image: Image) -> Made:
    """Return any convolution that fits, its output sizes counted by torch's own rule."""
    channels, *sides = image
    wide = pick.choice([4, 8, 12])
    groups = pick.choice([g for g in (1, 2, 4, channels) if channels % g == 0 and wide % g == 0])
    kernel = [pick.choice([k for k in (1, 2, 3, 5) if k <= side]) for side in sides]
    dilation = [
        pick.choice([d for d in (1, 2) if d * (k - 1) < side]) for k, side in zip(kernel, sides, strict=True)
    ]
    padding = [pick.randint(0, (k - 1) * d // 2 + 1) for k, d in zip(kernel, dilation, strict=True)]
    stride = [pick.choice([1, 1, 2]) for _ in sides]
    modes: list[Literal["zeros", "reflect", "replicate"]] = ["zeros", "zeros", "reflect", "replicate"]
    mode = pick.choice(modes)
    padding = [min(p, side - 1) for p, side in zip(padding, sides, strict=True)]
    conv = nn.Conv2d(
        channels, wide, tuple(kernel), tuple(stride), tuple(padding), tuple(dilation), groups,  # type: ignore[arg-type]
        bias=pick.random() < 0.5, padding_mode=mode,
    )  # fmt: skip
    out = [
        (side + 2 * p - d * (k - 1) - 1) // s + 1
        for side, p, d, k, s in zip(sides, padding, dilation, kernel, stride, strict=True)
    ]
    behind = [nn.BatchNorm2d(wide)] if pick.random() < 0.5 else []
    return nn.Sequential(conv, *behind, pick.choice(ACTIVATIONS)()), (wide, out[0], out[1])


def _transposed(pick: random.Random, image: Image) -> Made:
    channels, height, width = image
    wide, groups = pick.choice([4, 8]), pick.choice([1, 2])
    kernel, stride, padding, extra = pick.choice([(2, 2, 0, 0), (3, 2, 1, 1), (3, 1, 1, 0), (4, 2, 1, 0)])
    conv = nn.ConvTranspose2d(channels, wide, kernel, stride, padding, extra, groups)
    grown = [(side - 1) * stride - 2 * padding + kernel + extra for side in (height, width)]
    return conv, (wide, grown[0], grown[1])


def _same_size(pick: random.Random, image: Image) -> nn.Module:
    """Return a block that puts out an image of the same size."""
    channels, height, width = image
    rows, act = height * width, pick.choice(ACTIVATIONS)()
    conv = nn.Conv2d(channels, channels, 3, padding=1)
    depthwise = nn.Conv2d(channels, channels, 3, padding=1, groups=channels)
    point = nn.Conv2d(channels, channels, 1)
    heads = pick.choice([1, 2, 4])
    layer = nn.TransformerEncoderLayer(channels, heads, 8, activation="gelu", batch_first=True)
    half = channels // 2
    choices: list[Callable[[], nn.Module]] = [
        lambda: img.Residual(nn.Sequential(conv, nn.BatchNorm2d(channels))),
        lambda: nn.Sequential(depthwise, act, point),
        lambda: img.Squeeze(channels, flat=pick.random() < 0.5),
        img.OneAxis,
        img.Places,
        lambda: img.Crossing(channels),
        lambda: img.Kernels(channels),
        lambda: img.Split(channels),
        lambda: img.Scales(channels),
        lambda: nn.Sequential(img.Call(img.shuffled), nn.Conv2d(channels, channels, 1, groups=2)),
        lambda: img.Branches(
            nn.Conv2d(channels, half, 1), nn.Conv2d(channels, channels - half, (3, 1), padding=(1, 0))
        ),
        lambda: img.ChannelsLast(channels),
        lambda: seq.Rows(seq.Attention(channels, heads)),
        lambda: seq.Rows(layer),
        lambda: seq.Rows(seq.Fewer(channels, rows)),
        lambda: seq.Rows(seq.Linear(channels)),
        lambda: seq.Rows(seq.Across(channels)),
        lambda: seq.Rows(seq.Mixer(channels, rows)),
        lambda: seq.Rows(seq.Gated(channels)),
        lambda: seq.Rows(seq.Recurrent(nn.GRU, channels, half, 1, both=True)),
        lambda: seq.Rows(nn.Sequential(nn.LayerNorm(channels), nn.Linear(channels, channels))),
        lambda: seq.Windows(channels, seq.Attention(channels, heads), 2),
        lambda: nn.Sequential(img.Call(lambda x: torch.flip(x, [3])), point),
        lambda: nn.Sequential(nn.AvgPool2d(3, 1, 1), nn.GroupNorm(2, channels), point),
        lambda: nn.Sequential(nn.InstanceNorm2d(channels, affine=True), conv),
    ]  # fmt: skip
    return pick.choice(choices if height % 2 == width % 2 == 0 else [*choices[:21], *choices[22:]])()


def _other_size(pick: random.Random, image: Image) -> Made:
    """Return a block that puts out an image of another size."""
    channels, height, width = image
    even = height % 2 == 0 and width % 2 == 0
    double = (channels, 2 * height, 2 * width)
    choices: list[Callable[[], Made]] = [
        lambda: (seq.Rows(seq.Experts(channels)), (6, height, width)),
        lambda: (nn.ZeroPad2d((0, 1, 1, 0)), (channels, height + 1, width + 1)),
    ]
    if min(height, width) >= 3:
        choices += [
            lambda: (nn.MaxPool2d(3, 2, 1), (channels, (height + 1) // 2, (width + 1) // 2)),
            lambda: (nn.MaxPool2d(2, ceil_mode=True), (channels, -(-height // 2), -(-width // 2))),
            lambda: (img.Call(lambda x: x[:, :, 1:, :-1]), (channels, height - 1, width - 1)),
            lambda: (img.Call(lambda x: x.mean(2, keepdim=True)), (channels, 1, width)),
        ]
    if max(height, width) <= 12:
        choices += [
            lambda: _transposed(pick, image),
            lambda: (nn.Upsample(scale_factor=2, mode="bilinear"), double),
            lambda: (nn.Upsample(scale_factor=2), double),
        ]
        if channels % 4 == 0 and channels > 4:
            choices.append(lambda: (nn.PixelShuffle(2), (channels // 4, 2 * height, 2 * width)))
    if even and height >= 4 and width >= 4:
        half = (height // 2, width // 2)
        choices += [
            lambda: (nn.Sequential(img.Call(img.focused), nn.Conv2d(4 * channels, 8, 1)), (8, *half)),
            lambda: (nn.Sequential(nn.PixelUnshuffle(2), nn.Conv2d(4 * channels, 8, 1)), (8, *half)),
            lambda: (nn.AvgPool2d(2), (channels, *half)),
        ]
    made, (c, h, w) = pick.choice(choices)()
    if c % 4:  # what follows shares channels among four heads
        made, c = nn.Sequential(made, nn.Conv2d(c, 8, 1)), 8
    return made, (c, h, w)


def _block(pick: random.Random, image: Image) -> Made:
    kind = pick.random()
    if kind < 0.3:
        return _convolution(pick, image)
    return (_same_size(pick, image), image) if kind < 0.7 else _other_size(pick, image)


def _head(pick: random.Random, image: Image) -> list[nn.Module]:
    channels, height, width = image
    rows = height * width
    line = img.Call(lambda x: x.flatten(2).transpose(1, 2))
    heads: list[Callable[[], list[nn.Module]]] = [
        lambda: [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 5)],
        lambda: [nn.Flatten(), nn.Linear(channels * rows, 5)],
        lambda: [nn.Flatten(2), nn.Linear(rows, 3)],
        lambda: [nn.Flatten(2), nn.Conv1d(channels, 6, 1, groups=2)],
        lambda: [line, seq.Ask(channels), nn.Linear(channels, 5)],
        lambda: [line, seq.WithClass(channels, rows, seq.Attention(channels, 2)), nn.Linear(channels, 5)],
        lambda: [img.Call(lambda x: x.amax((2, 3))), nn.Linear(channels, 4), nn.Softmax(-1)],
        lambda: [line, seq.Recurrent(nn.LSTM, channels, 6, 2, both=False), img.Call(lambda x: x[:, -1]),
                 nn.Linear(6, 3)],
    ]  # fmt: skip
    if height % 2 == 0 and width % 2 == 0:
        heads.append(
            lambda: [
                img.Call(img.patches),
                nn.Linear(4 * channels, 7),
                img.Call(lambda x: x.mean(1)),
            ]
        )
    return pick.choice(heads)()


def _sequence_network(pick: random.Random) -> tuple[nn.Module, Tensor]:
    """Return a network over steps: channels first and convolutions, or rows of features."""
    width, steps = pick.choice([8, 12]), pick.choice([7, 10, 16])
    if pick.random() < 0.5:
        blocks: list[nn.Module] = [
            nn.Conv1d(width, 8, pick.choice([1, 3, 5]), padding=2, dilation=pick.choice([1, 2]))
        ]
        for _ in range(pick.randint(0, 3)):
            kinds: list[Callable[[], nn.Module]] = [
                lambda: nn.Conv1d(8, 8, 3, padding=1, groups=pick.choice([1, 2, 8])),
                lambda: nn.Sequential(nn.Conv1d(8, 16, 1), nn.GLU(1)),
                lambda: nn.Sequential(nn.ConvTranspose1d(8, 8, 4, 2, 1), pick.choice(ACTIVATIONS)()),
                lambda: nn.Sequential(nn.ConstantPad1d((2, 0), 0.0), nn.Conv1d(8, 8, 3), nn.BatchNorm1d(8)),
                lambda: nn.MaxPool1d(2, 1, 1),
            ]
            blocks.append(pick.choice(kinds)())
        return nn.Sequential(*blocks, img.Call(lambda x: x.mean(2)), nn.Linear(8, 3)).eval(), torch.randn(
            1, width, steps
        )
    inner: list[Callable[[], nn.Module]] = [
        lambda: seq.Attention(width, pick.choice([1, 2, 4])),
        lambda: nn.TransformerEncoderLayer(width, 2, 16, batch_first=True, norm_first=pick.random() < 0.5),
        lambda: seq.Fewer(width, steps),
        lambda: seq.Linear(width),
        lambda: seq.Across(width),
        lambda: seq.Mixer(width, steps),
        lambda: seq.Gated(width),
        lambda: nn.Sequential(seq.Experts(width), nn.Linear(6, width)),
        lambda: seq.Recurrent(
            pick.choice([nn.LSTM, nn.GRU, nn.RNN]), width, width // 2, pick.choice([1, 2]), both=True
        ),
        lambda: nn.Sequential(nn.LayerNorm(width), nn.Linear(width, width), pick.choice(ACTIVATIONS)()),
    ]  # fmt: skip
    made = [pick.choice(inner)() for _ in range(pick.randint(1, 4))]
    ends: list[list[nn.Module]] = [
        [seq.Ask(width)], [seq.WithClass(width, steps, nn.Linear(width, width))], [img.Call(lambda x: x.mean(1))],
        [img.Call(lambda x: x[:, -1])], [nn.Flatten(), nn.Linear(width * steps, width)],
    ]  # fmt: skip
    return nn.Sequential(*made, *pick.choice(ends), nn.Linear(width, 3)).eval(), torch.randn(1, steps, width)


def products(module: nn.Module, x: Tensor) -> list[Product]:
    """Run the module and return its products, from what hooks see of layers: a count of its own."""
    NOTED.clear()
    handles = [
        layer.register_forward_hook(_note, with_kwargs=True)
        for layer in module.modules()
        if isinstance(layer, (*_LAYERS, nn.RNNBase, nn.MultiheadAttention))
        and not isinstance(
            layer, nn.modules.linear.NonDynamicallyQuantizableLinear
        )  # MultiheadAttention's own
    ]
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)  # which runs no hooks of layers inside
    try:
        with torch.no_grad():
            module(x)
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
        for handle in handles:
            handle.remove()
    return list(NOTED)


def _note(layer: nn.Module, args: tuple[Any, ...], given: dict[str, Any], out: Any) -> None:
    if isinstance(layer, nn.RNNBase):
        gates, ways = _GATES[type(layer)], 2 if layer.bidirectional else 1
        for k in range(layer.num_layers):
            size = layer.input_size if k == 0 else ways * layer.hidden_size
            NOTED.extend([(args[0].shape[1], size + layer.hidden_size, gates * layer.hidden_size, 1)] * ways)
    elif isinstance(layer, nn.MultiheadAttention):
        queries, keys, width, heads = args[0].shape[1], args[1].shape[1], layer.embed_dim, layer.num_heads
        each = width // heads
        if args[0] is args[1]:
            NOTED.extend([(queries, width, 3 * width, 1), (queries, each, keys, heads)])
        else:  # a learned query, which is a constant as its projection is: weights that all keys meet
            NOTED.extend([(keys, width, 2 * width, 1), (keys, each, queries, heads)])
        NOTED.append((queries, keys, each, heads))
        NOTED.append((queries, width, width, 1))
    elif isinstance(layer, nn.ConvTranspose1d | nn.ConvTranspose2d):
        area, groups = prod(layer.kernel_size), layer.groups
        NOTED.append((
            prod(args[0].shape[2:]), layer.in_channels // groups, layer.out_channels // groups * area, groups
        ))  # fmt: skip
    elif isinstance(layer, nn.Linear):
        NOTED.append((prod(out.shape[:-1]), layer.in_features, layer.out_features, 1))
    else:
        assert isinstance(layer, nn.Conv1d | nn.Conv2d)
        area, groups = prod(layer.kernel_size), layer.groups
        NOTED.append((
            prod(out.shape[2:]), layer.in_channels // groups * area, layer.out_channels // groups, groups
        ))  # fmt: skip
