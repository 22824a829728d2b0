"""What a network starts with: the weights of a trained one, whole or cut down."""

from __future__ import annotations

from pathlib import Path

from torch import nn

from networks.models.ddi import DDIResNet
from networks.models.densenet import DenseNet
from networks.models.gates import AddedPart, belongs_to
from networks.models.lcnet import LCBlock
from networks.models.resnet import ResNet
from networks.models.whitened import WhitenedNet
from networks.training import checkpoint
from networks.training.loading import load_model
from networks.training.shrinking import narrowed_state, shrunk_state
from traces import ConfigError


def start(model: nn.Module, path: Path, *, shrink: bool = False) -> None:
    """Give a new network the weights of a trained one, or with ``shrink`` those of a larger one, cut down."""
    if not shrink:
        new_gates = warm_start(model, path)
        for module in model.modules():
            if new_gates and isinstance(module, LCBlock | DDIResNet | DenseNet | WhitenedNet):
                module.open_gates_by_importance()
        return
    larger = load_model(path).model
    if isinstance(larger, WhitenedNet) and isinstance(model, WhitenedNet):
        model.load_state_dict(narrowed_state(larger, model))
        return
    if not isinstance(larger, ResNet) or not isinstance(model, ResNet):
        raise ConfigError(f"{path}: shrink_start needs two residual networks, or two whitened ones")
    model.load_state_dict(shrunk_state(larger, model))


def warm_start(model: nn.Module, path: Path) -> bool:
    """Load the weights of a trained network into one that may have gates besides; tell whether they are new.

    Raises
    ------
    ConfigError
        The checkpoint holds a tensor that the network has not, or of another shape, or lacks one that is no
        gate's.
    """
    state = checkpoint.weights_of(checkpoint.read(path, checkpoint.MODEL), path)
    own = model.state_dict()
    for name, tensor in state.items():
        if name not in own:
            raise ConfigError(
                f"{path}: holds {name!r}, which this network has not; it belongs to another network"
            )
        if own[name].shape != tensor.shape:
            raise ConfigError(
                f"{path}: {name} is {tuple(tensor.shape)}, needs {tuple(own[name].shape)}; "
                "it belongs to another network"
            )
    added = {name for name in own if belongs_to(model, name, AddedPart)}
    missing = sorted(set(own) - set(state) - added)
    if missing:
        raise ConfigError(
            f"{path}: lacks {missing[0]!r} and {len(missing) - 1} more; it belongs to another network"
        )
    model.load_state_dict({**own, **state})
    return not added <= set(state)
