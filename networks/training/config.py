"""``lacuna train CONFIG.yaml``: one file says which network, which data, how it is trained, what it may cost.

::

    name: lcnet_resnet20_50
    dataset: cifar10
    data: data                      # the folder that holds cifar-10-batches-py/
    start_from: ../resnet20_dense/model.pt
    model: {kind: resnet, depth: 20, layer_gates: true, channel_gates: true}
    training: {epochs: 8, learning_rate: 0.1, seed: 1}
    cost: {kind: target, target: 0.5}

Relative paths are relative to the configuration file; ``data`` may also be given from outside.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError

from networks.models.families import ModelConfig
from networks.training.data import DatasetName
from networks.training.optimizing.optimizers import TrainSettings
from traces import ConfigError, FileProblem, Frozen, explain, file_bytes, parse_yaml_mapping


class CostConfig(Frozen):
    """A target for gates with scores, see :class:`networks.training.objective.TargetCost`."""

    kind: Literal["target"]
    target: float = Field(gt=0, le=1)  # share of the static network's cost
    weight: float = Field(default=10.0, ge=0)
    anneal: float = Field(default=0.33, ge=0, le=1)
    start: float = Field(default=1.0, gt=0, le=1)  # the target before annealing
    layer_pull: float = Field(default=1.0, ge=0)  # of the cost's gradient, at layer gates
    table: str | None = None  # cost table (JSON) of a design; without it MACs count


class SignFlipConfig(Frozen):
    """DDI's target and schedule, see :class:`networks.training.objective.SignFlipCost`.

    The run starts from a trained backbone, trains gates and exits alone for ``gate_epochs`` with everything
    running, then all of it towards the target: the three stages of the authors' later DFS (public README).
    """

    kind: Literal["sign_flip"]
    target: float = Field(gt=0, le=1)  # share of the static network's cost
    beta: float = Field(default=1.0, ge=0)
    exit_weight: float = Field(default=0.3, ge=0)
    gate_epochs: int = Field(default=1, ge=0)
    table: str | None = None  # cost table (JSON) of a design; without it MACs count


class ExitsConfig(Frozen):
    """Side exits are trained, alone or with the backbone, see :class:`networks.training.objective.ExitLoss`."""

    kind: Literal["exits"]
    joint: bool = False  # the backbone is trained with them
    table: None = None  # exits have no cost to be priced while they are trained


class HeadsConfig(Frozen):
    """Exits and classifier of borrowed weights are trained, see :mod:`networks.training.borrowed.heads`."""

    kind: Literal["linear_heads"]
    images: int | None = Field(
        default=None, ge=1
    )  # training images whose features are computed; all without it
    table: None = None  # as exits


AnyCost = Annotated[CostConfig | SignFlipConfig | ExitsConfig | HeadsConfig, Field(discriminator="kind")]


class RunConfig(Frozen):
    """One training run."""

    name: str
    dataset: DatasetName = "cifar10"
    data: str | None = None
    start_from: str | None = None  # checkpoint whose weights the network starts with
    shrink_start: bool = False  # the start is a larger network, see networks.training.shrinking
    teachers: tuple[str, ...] = ()  # checkpoints whose mean answer it learns, see networks.training.teaching
    rounds: int = Field(default=8, ge=1)  # of views of every image that the teachers answer
    model: ModelConfig
    training: TrainSettings
    cost: AnyCost | None = None


def load_config(path: Path) -> RunConfig:
    """Read a run's configuration; an unknown key is an error that names the nearest valid one."""
    if not path.is_file():
        raise FileProblem(f"{path}: no such configuration")
    content = parse_yaml_mapping(file_bytes(path), str(path))
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {explain(error, RunConfig)}") from None
