"""Static baselines cut out of a trained network: uniformly narrowed, uniformly shortened, or both.

Dynamic networks start from a trained backbone, so what they are compared with starts from it too and is trained
alike afterwards: the same epochs, rates and teacher.  Channels are kept by the size of their batch norm's scale
(Z. Liu et al., "Learning Efficient Convolutional Networks through Network Slimming", ICCV 2017); of every
stage the first blocks are kept.

Choice: channels of the residual stream are ranked by the sum of the scales of every batch norm that writes to them.
Choice: norms of whitened networks do not scale, so there a stage's channels are ranked by the weights that read them.
"""

from __future__ import annotations

from itertools import groupby

import torch
from torch import Tensor, nn

from networks.models.resnet import BasicBlock, ResidualBlock, ResNet
from networks.models.whitened import WhitenedNet, WhitenedStage
from traces import ConfigError


def shrunk_state(trained: ResNet, smaller: ResNet) -> dict[str, Tensor]:
    """Return the tensors that ``smaller`` starts with: those of ``trained`` with fewer channels and blocks.

    Parameters
    ----------
    trained, smaller
        Residual networks of basic blocks with as many stages; ``smaller`` has no more blocks or channels in any.

    Raises
    ------
    ConfigError
        The second is not a smaller version of the first.
    """
    old_stages, new_stages = _stages(trained), _stages(smaller)
    if len(old_stages) != len(new_stages):
        raise ConfigError(f"{len(new_stages)} stages cannot be cut out of {len(old_stages)}")
    image_channels = torch.arange(trained.stem.in_channels)
    norms = [trained.stem_bn]
    state: dict[str, Tensor] = {}
    incoming = image_channels
    for i, (old, new) in enumerate(zip(old_stages, new_stages, strict=True)):
        if len(new) > len(old):
            raise ConfigError(f"stage {i + 1}: {len(new)} blocks cannot be cut out of {len(old)}")
        norms += [norm for _, block in old for norm in _writers(block)]
        stream = _strongest(norms, new[0][1].out_channels)
        if i == 0:
            state |= _cut_pair("stem", trained.stem, "stem_bn", trained.stem_bn, image_channels, stream)
            incoming = stream
        for (_, block), (name, cut) in zip(old, new, strict=False):  # the last blocks of a stage go
            state |= _cut_block(name, block, incoming, stream, cut.inner_channels)
            incoming = stream
        norms = []
    classifier = trained.classifier
    return state | {"classifier.weight": classifier.weight[:, incoming], "classifier.bias": classifier.bias}


def narrowed_state(trained: WhitenedNet, smaller: WhitenedNet) -> dict[str, Tensor]:
    """Return the tensors that a narrower whitened network starts with; both have as many stages and no gates.

    Raises
    ------
    ConfigError
        The second is not a narrower version of the first.
    """
    old, new = list(trained.stages()), list(smaller.stages())
    if len(old) != len(new):
        raise ConfigError(f"{len(new)} stages cannot be cut out of {len(old)}")
    readers = [stage.conv1.weight for _, stage in old[1:]] + [trained.classifier.weight[:, :, None, None]]
    state = {f"stem.{name}": tensor for name, tensor in trained.stem.state_dict().items()}
    incoming = torch.arange(trained.stem.out_channels)
    for (name, stage), (_, cut), reader in zip(old, new, readers, strict=True):
        if stage.cnet1 is not None or stage.lnet is not None:
            raise ConfigError("only networks without gates can be narrowed")
        kept = _largest(_read_by(stage, reader), cut.conv1.out_channels)
        state |= _cut_pair(f"{name}.conv1", stage.conv1, f"{name}.bn1", stage.bn1, incoming, kept)
        state |= _cut_pair(f"{name}.conv2", stage.conv2, f"{name}.bn2", stage.bn2, kept, kept)
        incoming = kept
    return state | {"classifier.weight": trained.classifier.weight[:, incoming]}


def _read_by(stage: WhitenedStage, reader: Tensor) -> Tensor:
    """Return the norm of all weights that read each channel of a stage's stream, (width,)."""
    squares = [weight.detach().square().sum((0, 2, 3)) for weight in (stage.conv2.weight, reader)]
    return torch.stack([square / square.mean() for square in squares]).sum(0)


def _cut_block(
    name: str, block: ResidualBlock, incoming: Tensor, stream: Tensor, inner_channels: int
) -> dict[str, Tensor]:
    (conv1, bn1), (conv2, bn2) = block.layers()
    inner = _strongest([bn1], inner_channels)
    state = _cut_pair(f"{name}.conv1", conv1, f"{name}.bn1", bn1, incoming, inner)
    state |= _cut_pair(f"{name}.conv2", conv2, f"{name}.bn2", bn2, inner, stream)
    if isinstance(block.shortcut, nn.Sequential):
        conv, norm = block.shortcut
        assert isinstance(conv, nn.Conv2d)  # the projection of networks.models.resnet
        assert isinstance(norm, nn.BatchNorm2d)  # likewise
        state |= _cut_pair(f"{name}.shortcut.0", conv, f"{name}.shortcut.1", norm, incoming, stream)
    return state


def _cut_pair(  # noqa: PLR0913, PLR0917  # a convolution, its norm, and what is kept of both
    conv_name: str, conv: nn.Conv2d, norm_name: str, norm: nn.BatchNorm2d, inputs: Tensor, outputs: Tensor
) -> dict[str, Tensor]:
    state = {f"{conv_name}.weight": conv.weight[outputs][:, inputs]}
    for name, tensor in norm.state_dict().items():
        state[f"{norm_name}.{name}"] = tensor[outputs] if tensor.ndim else tensor
    return state


def _strongest(norms: list[nn.BatchNorm2d], count: int) -> Tensor:
    """Return the ``count`` channels with the largest scales, in their order."""
    return _largest(torch.stack([norm.weight.detach().abs() for norm in norms]).sum(0), count)


def _largest(scales: Tensor, count: int) -> Tensor:
    if count > len(scales):
        raise ConfigError(f"{count} channels cannot be cut out of {len(scales)}")
    return scales.argsort(descending=True, stable=True)[:count].sort().values


def _writers(block: ResidualBlock) -> list[nn.BatchNorm2d]:
    """Return the batch norms whose outputs make up the block's output."""
    shortcut = [module for module in block.shortcut.modules() if isinstance(module, nn.BatchNorm2d)]
    return [block.layers()[-1][1], *shortcut]


def _stages(network: ResNet) -> list[list[tuple[str, ResidualBlock]]]:
    """Return the named blocks of each stage; a stage is what has one width."""
    blocks = list(network.blocks())
    if any(type(block) is not BasicBlock for _, block in blocks):
        raise ConfigError("only residual networks of basic blocks without gates can be shrunk")
    return [list(stage) for _, stage in groupby(blocks, key=lambda named: named[1].inner_channels)]
