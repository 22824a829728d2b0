"""From a checkpoint or a configuration on disk to the network it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import ConfigDict, Field, ValidationError
from torch import Tensor, nn

from networks.models.families import ModelConfig, build_model, parse_model
from networks.training import checkpoint
from networks.training.borrowed.weights import borrow, own_weights
from networks.training.config import load_config
from networks.training.data import IMAGE_SHAPES, DatasetName
from traces import ConfigError, FileProblem, Frozen, LacunaError, NetworkGraph

_ImageSide = Annotated[int, Field(ge=1, le=4096)]


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network rebuilt from a checkpoint, in evaluation mode."""

    model: nn.Module
    config: ModelConfig
    graph: NetworkGraph
    training: TrainingFacts  # where it comes from, as it stands in the checkpoint
    weights_hash: str  # SHA-256 of the tensors in the checkpoint


class TrainingFacts(Frozen):
    """Where a network comes from, as its checkpoint says."""

    model_config = ConfigDict(extra="ignore")

    name: str
    dataset: DatasetName
    image_shape: tuple[_ImageSide, _ImageSide, _ImageSide]  # channels, height, width [pixels]
    preprocessing: str = ""
    seed: int = 0
    epochs: int = Field(ge=0)
    start_from: str = ""
    validation_accuracy: float = Field(ge=0, le=1)


def load_model(path: Path, *, answers: bool = True) -> LoadedModel:
    """Rebuild the network of a checkpoint; without ``answers`` it need not borrow the weights that it lacks."""
    content = checkpoint.read(path, checkpoint.MODEL)
    weights = checkpoint.weights_of(content, path)
    try:
        config = parse_model(content["model"])
        training = TrainingFacts.model_validate(content["training"])
        model = build_model(config)
        _fill(model, weights)
        _check_channels(model, training.image_shape[0])
        graph = config.graph(model, training.name, training.image_shape)
    except (ValidationError, LacunaError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0][:300]
        raise FileProblem(f"{path}: damaged, or written by another version: {reason}") from error
    if answers:
        borrow(model)
    return LoadedModel(model.eval(), config, graph, training, checkpoint.weights_hash(weights))


def _check_channels(model: nn.Module, channels: int) -> None:
    """Refuse images of another depth than the first convolution reads."""
    first = next(module for module in model.modules() if isinstance(module, nn.Conv2d))
    if first.in_channels != channels:
        raise ConfigError(f"image_shape: {channels} channels; the network reads {first.in_channels}")


def _fill(model: nn.Module, weights: dict[str, Tensor]) -> None:
    """Load what a checkpoint holds: every tensor that is the network's own, and no other."""
    borrowed = {name: tensor for name, tensor in model.state_dict().items() if name not in own_weights(model)}
    model.load_state_dict({**borrowed, **weights})


def checkpoint_graph(path: Path) -> NetworkGraph:
    """Return the graph of the network in a checkpoint, its gates with it."""
    return load_model(path, answers=False).graph


def config_graph(path: Path) -> NetworkGraph:
    """Return the graph of the network that a run's configuration will train, its gates with it."""
    run = load_config(path)
    model = build_model(run.model)
    shape = IMAGE_SHAPES[run.dataset]
    try:
        _check_channels(model, shape[0])
    except ConfigError as error:
        raise ConfigError(f"{path}: data set {run.dataset!r}: {error}") from None
    return run.model.graph(model, run.name, shape)
