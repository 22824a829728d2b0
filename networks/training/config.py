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

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Annotated, Any, Literal, assert_never

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from torch import nn

from networks.models.families import (
    DDIResNetConfig,
    DenseNetConfig,
    ModelConfig,
    ResNetConfig,
    WhitenedConfig,
    build_model,
)
from networks.models.gates import AddedPart, belongs_to
from networks.models.whitened import WhitenedNet
from networks.training import checkpoint
from networks.training.cost import CostModel
from networks.training.cost_table import check_cost_table, load_cost_table
from networks.training.data import Dataset, load_dataset
from networks.training.objective import ExitLoss, SignFlipCost, TargetCost
from networks.training.optimizing.optimizers import TrainSettings
from networks.training.run import Answering, EpochReport, Objective, accuracy_of, train
from networks.training.starting import start
from networks.training.teaching import Lessons, prepare_lessons
from traces import ConfigError, FileProblem, NetworkGraph, did_you_mean

_WHITENED_BY = 5_000  # training images whose patches the stem whitens; as airbench94


class CostConfig(BaseModel):
    """A target for gates with scores, see :class:`networks.training.objective.TargetCost`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["target"]
    target: float = Field(gt=0, le=1)  # share of the static network's cost
    weight: float = Field(default=10.0, ge=0)
    anneal: float = Field(default=0.33, ge=0, le=1)
    start: float = Field(default=1.0, gt=0, le=1)  # the target before annealing
    layer_pull: float = Field(default=1.0, ge=0)  # of the cost's gradient, at layer gates
    table: str | None = None  # cost table (JSON) of a design; without it MACs count


class SignFlipConfig(BaseModel):
    """DDI's target and schedule, see :class:`networks.training.objective.SignFlipCost`.

    The run starts from a trained backbone, trains gates and exits alone for ``gate_epochs`` with everything
    running, then all of it towards the target: the three stages of the authors' later DFS (public README).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["sign_flip"]
    target: float = Field(gt=0, le=1)  # share of the static network's cost
    beta: float = Field(default=1.0, ge=0)
    exit_weight: float = Field(default=0.3, ge=0)
    gate_epochs: int = Field(default=1, ge=0)
    table: str | None = None  # cost table (JSON) of a design; without it MACs count


class ExitsConfig(BaseModel):
    """Side exits alone are trained, see :class:`networks.training.objective.ExitLoss`."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Literal["exits"]
    table: None = None  # exits have no cost to be priced while they are trained


class RunConfig(BaseModel):
    """One training run."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    dataset: Literal["cifar10", "digits"] = "cifar10"
    data: str | None = None
    start_from: str | None = None  # checkpoint whose weights the network starts with
    shrink_start: bool = False  # the start is a larger network, see networks.training.shrinking
    teachers: tuple[str, ...] = ()  # checkpoints whose mean answer it learns, see networks.training.teaching
    rounds: int = Field(default=8, ge=1)  # of views of every image that the teachers answer
    model: ModelConfig
    training: TrainSettings
    cost: Annotated[CostConfig | SignFlipConfig | ExitsConfig, Field(discriminator="kind")] | None = None


_SECTIONS: dict[str, type[BaseModel]] = {
    "training": TrainSettings,
    "target": CostConfig,
    "sign_flip": SignFlipConfig,
    "exits": ExitsConfig,
    "resnet": ResNetConfig,
    "ddi_resnet": DDIResNetConfig,
    "densenet": DenseNetConfig,
    "whitened": WhitenedConfig,
}


def load_config(path: Path) -> RunConfig:
    """Read a run's configuration; an unknown key is an error that names the nearest valid one."""
    if not path.is_file():
        raise FileProblem(f"{path}: no such configuration")
    try:
        content = YAML(typ="safe").load(path.read_text(encoding="utf-8"))
    except (YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f" line {mark.line + 1}:" if mark else ""
        what = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise ConfigError(f"{path}:{where} not YAML: {what}") from None
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: holds no settings; needs name, model and training")
    try:
        return RunConfig.model_validate(content)
    except ValidationError as error:
        raise ConfigError(f"{path}: {_first_problem(error)}") from error


def train_from_config(
    path: Path,
    out: Path,
    progress: Callable[[EpochReport], None] = lambda report: None,
    *,
    data_dir: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train what the configuration at ``path`` describes, into the folder ``out``.

    Writes ``model.pt``, ``log.csv`` and, after every epoch, ``last.pt``, from which a second call resumes; what
    teachers answer is kept in ``answers/`` beside the folder and shared by all runs there.  ``say`` is told what
    takes long before the first epoch.

    Returns
    -------
    Path
        The finished checkpoint, ``out/model.pt``.
    """
    config = load_config(path)
    folder = data_dir or (None if config.data is None else path.parent / config.data)
    data = load_dataset(config.dataset, folder)
    table = None if config.cost is None else config.cost.table
    return run(
        config,
        data,
        out,
        progress,
        start_from=_beside(path, config.start_from),
        teachers=[path.parent / name for name in config.teachers],
        cost_table=_beside(path, table),
        say=say,
    )


def run(  # noqa: PLR0913  # one run has these seven parts
    config: RunConfig,
    data: Dataset,
    out: Path,
    progress: Callable[[EpochReport], None] = lambda report: None,
    *,
    start_from: Path | None = None,
    teachers: Sequence[Path] = (),
    cost_table: Path | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train one network on data that is loaded already; see :func:`train_from_config`."""
    torch.manual_seed(config.training.seed)
    model = build_model(config.model)
    if start_from is not None:
        start(model, start_from, shrink=config.shrink_start)
    elif isinstance(model, WhitenedNet):
        model.whiten(data.normalise(data.train.pixels[:_WHITENED_BY]))
    graph = config.model.graph(model, config.name, data.image_shape)
    cost = _cost_model(graph, cost_table)
    lessons = _lessons(config, teachers, data, out.parent / "answers", say)
    gate_stage = _gate_stage(config)
    if gate_stage is not None:
        everything = _objective(config, cost, target=1.0)
        with _frozen_backbone(model):
            train(model, data, gate_stage, everything, out / "gates", lessons=lessons)
    objective = _objective(config, cost)
    with _frozen_backbone(model) if isinstance(config.cost, ExitsConfig) else nullcontext():
        train(model, data, config.training, objective, out, lessons=lessons, progress=progress)
    checkpoint.round_weights(model)
    information = {
        "name": config.name,
        "dataset": data.name,
        "image_shape": list(data.image_shape),
        "preprocessing": data.preprocessing,
        "seed": config.training.seed,
        "epochs": config.training.epochs,
        "start_from": config.start_from or "",
        "validation_accuracy": accuracy_of(model, data, data.validation),
        "config": config.model_dump(mode="json"),
    }
    path = out / "model.pt"
    checkpoint.save_model(path, config.model.model_dump(mode="json"), model.state_dict(), information)
    return path


def _gate_stage(config: RunConfig) -> TrainSettings | None:
    """Return how gates and exits are trained before the rest, if they are."""
    if not isinstance(config.cost, SignFlipConfig) or not config.cost.gate_epochs:
        return None
    return config.training.model_copy(update={"epochs": config.cost.gate_epochs})


@contextmanager
def _frozen_backbone(model: nn.Module) -> Iterator[None]:
    """Train only what is not the backbone's while this lasts."""
    backbone = [
        parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad and not belongs_to(model, name, AddedPart)
    ]
    for parameter in backbone:
        parameter.requires_grad_(False)
    yield
    for parameter in backbone:
        parameter.requires_grad_(True)


def _lessons(
    config: RunConfig, teachers: Sequence[Path], data: Dataset, folder: Path, say: Callable[[str], None]
) -> Lessons | None:
    """Return what the teachers answer to all views that the run will see."""
    if not teachers:
        return None
    stages = [stage for stage in (_gate_stage(config), config.training) if stage is not None]
    return prepare_lessons(
        teachers,
        data,
        crops={stage.augmentation_of(epoch).crop for stage in stages for epoch in range(1, stage.epochs + 1)},
        rounds=config.rounds,
        folder=folder,
        bfloat16=config.training.bfloat16,
        progress=lambda teacher, crop: say(
            f"{teacher.name} answers {config.rounds} views of every image "
            f"({'whole' if crop is None else f'{crop} pixels'})"
        ),
    )


def _beside(path: Path, name: str | None) -> Path | None:
    return None if name is None else path.parent / name


def _cost_model(graph: NetworkGraph, table_path: Path | None) -> CostModel:
    if table_path is None:
        return CostModel(graph)
    table = load_cost_table(table_path)
    check_cost_table(table, {op.name for op in graph.ops})
    return CostModel(graph, table)


def _objective(config: RunConfig, cost: CostModel, target: float | None = None) -> Objective:
    """Return what the run minimises; ``target`` replaces the configured one."""
    smoothing = config.training.label_smoothing
    if config.cost is None:
        return Answering(smoothing)
    trained = [gate for gate in cost.graph.gates if gate.kind == "exit" or config.cost.kind != "exits"]
    if not trained:
        raise ConfigError(f"cost.kind = {config.cost.kind}: the model has no gates to train")
    match config.cost:
        case CostConfig(target=own, weight=weight, anneal=anneal, start=start, layer_pull=pull):
            return TargetCost(cost, target or own, weight, anneal, start, pull, smoothing)
        case SignFlipConfig(target=own, beta=beta, exit_weight=exit_weight):
            return SignFlipCost(cost, target or own, beta, exit_weight, smoothing)
        case ExitsConfig():
            return ExitLoss(smoothing)
        case _:
            assert_never(config.cost)


def _first_problem(error: ValidationError) -> str:
    """Say the first thing that is wrong: where, what, and the nearest valid name; misspelt keys first."""
    problems = sorted(error.errors(), key=lambda problem: problem["type"] != "extra_forbidden")
    first = problems[0]
    location = first["loc"]
    tagged = bool(location) and location[0] in {"model", "cost"}  # then the second part names the kind
    where = ".".join(str(part) for i, part in enumerate(location) if not (tagged and i == 1))
    match first["type"]:
        case "extra_forbidden":
            return f"{where}: no such setting{did_you_mean(str(location[-1]), _fields_at(location[:-1]))}"
        case "missing":
            return f"{where}: is missing"
        case "union_tag_not_found":
            return f"{where}.kind: is missing"
        case "union_tag_invalid":
            known = (
                ("target", "sign_flip", "exits")
                if where == "cost"
                else ("resnet", "ddi_resnet", "densenet", "whitened")
            )
            kind = str(first["input"].get("kind"))
            return f"{where}.kind = {kind!r}: no such kind{did_you_mean(kind, known)}"
        case _:
            return f"{where} = {first['input']!r}: {first['msg']}"


def _fields_at(location: tuple[Any, ...]) -> list[str]:
    """Return the settings that are known at a place; of a part with kinds, the place names the kind."""
    if not location:
        return list(RunConfig.model_fields)
    section = _SECTIONS.get(str(location[-1]))
    return list(section.model_fields) if section is not None else []
