"""From a checkpoint on disk to the network it holds."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from torch import nn

from networks.models.families import ModelConfig, parse_model
from networks.training import checkpoint
from traces import FileProblem, NetworkGraph


@dataclass(frozen=True, slots=True, eq=False)
class LoadedModel:
    """A network rebuilt from a checkpoint, in evaluation mode."""

    model: nn.Module
    config: ModelConfig
    graph: NetworkGraph
    training: dict[str, Any]  # where it comes from, as it stands in the checkpoint


def load_model(path: Path) -> LoadedModel:
    """Rebuild the network of a checkpoint."""
    content = checkpoint.read(path, checkpoint.MODEL)
    try:
        config = parse_model(content["model"])
        training: dict[str, Any] = content["training"]
        model = config.build()
        model.load_state_dict(
            {
                name: tensor.float() if tensor.is_floating_point() else tensor
                for name, tensor in content["state_dict"].items()
            }
        )
        shape = training["image_shape"]
        graph = config.graph(model, str(training["name"]), (int(shape[0]), int(shape[1]), int(shape[2])))
    except (ValidationError, RuntimeError, KeyError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise FileProblem(f"{path}: damaged, or written by another version: {reason}") from error
    return LoadedModel(model.eval(), config, graph, training)
