"""From a configuration to a trained network: what it starts with, what it minimises, and the checkpoint at its end."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import assert_never

import torch
from torch import nn

from networks.models.efficientnet import EfficientNetLite
from networks.models.families import build_model
from networks.models.gates import AddedPart, belongs_to
from networks.models.whitened import WhitenedNet
from networks.training import checkpoint
from networks.training.borrowed.heads import train_heads
from networks.training.borrowed.weights import borrow, own_weights
from networks.training.config import (
    CostConfig,
    ExitsConfig,
    HeadsConfig,
    RunConfig,
    SignFlipConfig,
    load_config,
)
from networks.training.cost import CostModel
from networks.training.cost_table import check_cost_table, load_cost_table
from networks.training.data import Dataset, load_dataset
from networks.training.objective import ExitLoss, SignFlipCost, TargetCost
from networks.training.optimizing.optimizers import TrainSettings
from networks.training.run import Answering, EpochReport, TrainingObjective, accuracy_of, train
from networks.training.starting import start
from networks.training.teaching import Lessons, prepare_lessons
from traces import ConfigError, NetworkGraph

_WHITENED_BY = 5_000  # training images whose patches the stem whitens; as airbench94


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
        files=Beginnings(
            start_from=_beside(path, config.start_from),
            teachers=[path.parent / name for name in config.teachers],
            cost_table=_beside(path, table),
        ),
        say=say,
    )


@dataclass(frozen=True, slots=True)
class Beginnings:
    """Files that a run begins with: weights, checkpoints of teachers, what its cost is measured by."""

    start_from: Path | None = None
    teachers: Sequence[Path] = ()
    cost_table: Path | None = None


AFRESH = Beginnings()


def run(  # noqa: PLR0913  # what to train, on what, where to, and who is told
    config: RunConfig,
    data: Dataset,
    out: Path,
    progress: Callable[[EpochReport], None] = lambda report: None,
    *,
    files: Beginnings = AFRESH,
    say: Callable[[str], None] = lambda text: None,
) -> Path:
    """Train one network on data that is loaded already; see :func:`train_from_config`."""
    torch.manual_seed(config.training.seed)
    if config.training.bfloat16 and not computes_bfloat16():
        say(
            "this processor emulates bfloat16, several times slower than float32: set training.bfloat16: false"
        )
    model = build_model(config.model)
    if isinstance(model, EfficientNetLite):
        return _run_heads(config, model, data, out, progress, say)
    if files.start_from is not None:
        start(model, files.start_from, shrink=config.shrink_start)
    elif isinstance(model, WhitenedNet) and model.whitening:
        model.whiten(data.normalise(data.train.pixels[:_WHITENED_BY]))
    graph = config.model.graph(model, config.name, data.image_shape)
    cost = _cost_model(graph, files.cost_table)
    lessons = _lessons(config, files.teachers, data, out.parent / "answers", say)
    gate_stage = _gate_stage(config)
    if gate_stage is not None:
        everything = _objective(config, cost, target=1.0)
        with _frozen_backbone(model):
            train(model, data, gate_stage, everything, out / "gates", lessons=lessons)
    objective = _objective(config, cost)
    frozen = isinstance(config.cost, ExitsConfig) and not config.cost.joint
    with _frozen_backbone(model) if frozen else nullcontext():
        train(model, data, config.training, objective, out, lessons=lessons, progress=progress)
    checkpoint.round_weights(model)
    return _save(config, model, data, out, accuracy_of(model, data, data.validation))


def computes_bfloat16() -> bool:
    """Tell whether this processor multiplies bfloat16; where none does, torch emulates it at a sixth of the speed."""
    return any(has for feature, has in torch.cpu.get_capabilities().items() if "bf16" in feature)


def _run_heads(  # noqa: PLR0913, PLR0917  # a run's parts
    config: RunConfig,
    model: EfficientNetLite,
    data: Dataset,
    out: Path,
    progress: Callable[[EpochReport], None],
    say: Callable[[str], None],
) -> Path:
    """Train exits and classifier on borrowed weights, which nothing else here moves."""
    if not isinstance(config.cost, HeadsConfig):
        found = "none" if config.cost is None else config.cost.kind
        raise ConfigError(f"cost.kind = {found}: a model of kind efficientnet_lite needs linear_heads")
    if config.start_from or config.teachers:
        raise ConfigError("start_from, teachers: linear_heads learn labels alone, from borrowed weights")
    borrow(model)
    accuracy = train_heads(model, data, config.training, config.cost.images, out, progress, say)
    return _save(config, model, data, out, accuracy)


def _save(config: RunConfig, model: nn.Module, data: Dataset, out: Path, accuracy: float) -> Path:
    """Write the finished network and where it comes from."""
    information = {
        "name": config.name,
        "dataset": data.name,
        "image_shape": list(data.image_shape),
        "preprocessing": data.preprocessing,
        "seed": config.training.seed,
        "epochs": config.training.epochs,
        "start_from": config.start_from or "",
        "validation_accuracy": accuracy,
        "config": config.model_dump(mode="json"),
    }
    path = out / "model.pt"
    checkpoint.save_model(path, config.model.model_dump(mode="json"), own_weights(model), information)
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


def _objective(config: RunConfig, cost: CostModel, target: float | None = None) -> TrainingObjective:
    """Return what the run minimises; ``target`` replaces the configured one."""
    smoothing = config.training.label_smoothing
    if config.cost is None:
        return Answering(smoothing)
    if isinstance(config.cost, HeadsConfig):
        raise ConfigError("cost.kind = linear_heads: needs a model of kind efficientnet_lite")
    trained = [gate for gate in cost.graph.gates if gate.rules.picks_answer or config.cost.kind != "exits"]
    if not trained:
        raise ConfigError(f"cost.kind = {config.cost.kind}: the model has no gates to train")
    match config.cost:
        case CostConfig(target=own, weight=weight, anneal=anneal, start=start, layer_pull=pull):
            return TargetCost(cost, target or own, weight, anneal, start, pull, smoothing)
        case SignFlipConfig(target=own, beta=beta, exit_weight=exit_weight):
            return SignFlipCost(cost, target or own, beta, exit_weight, smoothing)
        case ExitsConfig(joint=joint):
            return ExitLoss(smoothing, joint)
        case _:
            assert_never(config.cost)
