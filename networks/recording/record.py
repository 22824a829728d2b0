"""From a checkpoint on disk to its trace (``lacuna record``), or to what it holds (``lacuna inspect``)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Literal

from networks.models.families import ModelConfig
from networks.recording.recorder import record
from networks.training.data import Dataset, load_dataset, plain_batches
from networks.training.loading import LoadedModel, load_model
from traces import NetworkGraph, Trace, TraceInfo, execution_rates

_PIXELS = 250 * 32**2  # in a batch: Choice, what stays in the caches of a CPU
DataPart = Literal["test", "validation"]


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """What a checkpoint holds, for people."""

    name: str
    dataset: str
    model: ModelConfig
    parameters: int
    weights_hash: str  # SHA-256 of the tensors
    seed: int
    epochs: int
    start_from: str  # the checkpoint it went on from, "" for none
    validation_accuracy: float  # [0..1]
    graph: NetworkGraph

    def rows(self) -> list[tuple[str, str]]:
        """Return the lines of a table: what, and its value."""
        graph, dense = self.graph, self.graph.without_gates()
        kinds = sorted({gate.kind for gate in graph.gates})
        counts = [f"{sum(gate.kind == kind for gate in graph.gates)} {kind}" for kind in kinds]
        return [
            ("network", self.name),
            ("model", self.model.model_dump_json(exclude_defaults=True)),
            ("data set", self.dataset),
            ("parameters", f"{self.parameters:,}"),
            ("MACs without gates", f"{dense.macs:,}"),
            ("MACs of the gates", f"{graph.macs - dense.macs:,}"),
            ("gates", ", ".join(counts) or "none"),
            ("validation accuracy", f"{self.validation_accuracy:.2%}"),
            ("seed", str(self.seed)),
            ("epochs", str(self.epochs)),
            ("went on from", self.start_from or "nothing"),
            ("weights SHA-256", self.weights_hash),
        ]


def describe_checkpoint(path: Path) -> CheckpointInfo:
    """Return what the checkpoint at ``path`` holds."""
    loaded = load_model(path, answers=False)
    training = loaded.training
    return CheckpointInfo(
        name=training.name,
        dataset=training.dataset,
        model=loaded.config,
        parameters=sum(parameter.numel() for parameter in loaded.model.parameters()),
        weights_hash=loaded.weights_hash,
        seed=training.seed,
        epochs=training.epochs,
        start_from=training.start_from,
        validation_accuracy=training.validation_accuracy,
        graph=loaded.graph,
    )


def record_checkpoint(  # noqa: PLR0913  # what to record, of which data, and how exits answer
    path: Path,
    data_dir: Path | None = None,
    limit: int | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
    *,
    part: DataPart = "test",
    exit_threshold: float = 1.01,
    scores: bool = True,
    command: str = "",
) -> Trace:
    """Record what a trained network decides for the test images of its data set.

    How often its gates are open for the *validation* images is recorded beside it (``info.rates``), whichever part
    is recorded.

    Parameters
    ----------
    path
        Checkpoint, ``model.pt`` of a training run.
    data_dir
        Folder of the data set; the digits need none.
    limit
        Record only the first so many images, and rates of as many.
    progress
        Called after every batch with the images done and all of them.
    part
        Record the validation images instead, to choose an exit threshold, say.
    exit_threshold
        The first exit with at least this confidence answers; above 1 the last one answers always.
    scores
        Keep the scores of gates that scale what they keep.
    command
        What to keep as the command that made the trace.
    """
    loaded = load_model(path)
    data = load_dataset(loaded.training.dataset, data_dir)
    images = (data.test if part == "test" else data.validation).first(limit)
    info = _trace_info(path, loaded, data, f"{data.name} {part}, {len(images)} images", command)
    rates = _validation_rates(loaded, data, limit, exit_threshold)
    return record(
        loaded.model,
        loaded.graph,
        plain_batches(data, images, _batch(data)),
        info.model_copy(update={"rates": rates}),
        exit_threshold=exit_threshold,
        scores=scores,
        progress=lambda done: progress(done, len(images)),
    )


def validation_rates(path: Path, data_dir: Path | None = None) -> dict[str, tuple[float, ...]]:
    """Return how often the gates of a checkpoint are open for its validation images; see ``TraceInfo.rates``."""
    loaded = load_model(path)
    data = load_dataset(loaded.training.dataset, data_dir)
    return _validation_rates(loaded, data)


def _validation_rates(
    loaded: LoadedModel, data: Dataset, limit: int | None = None, exit_threshold: float = 1.01
) -> dict[str, tuple[float, ...]]:
    gates = loaded.graph.gates
    if exit_threshold > 1 and all(gate.rules.picks_answer for gate in gates):
        return {gate.name: (*(0.0,) * (gate.size - 1), 1.0) for gate in gates}  # the last exit answers always
    images = data.validation.first(limit)
    info = TraceInfo(model_name=loaded.graph.name)
    seen = record(
        loaded.model,
        loaded.graph,
        plain_batches(data, images, _batch(data)),
        info,
        exit_threshold=exit_threshold,
        scores=False,
    )
    return execution_rates(seen)


def _batch(data: Dataset) -> int:
    """Return how many images of a data set are recorded at once."""
    _, height, width = data.image_shape
    return max(1, _PIXELS // (height * width))


def _trace_info(path: Path, loaded: LoadedModel, data: Dataset, images: str, command: str) -> TraceInfo:
    return TraceInfo(
        model_name=loaded.training.name,
        weights_hash=loaded.weights_hash,
        dataset=images,
        preprocessing=data.preprocessing,
        seed=loaded.training.seed,
        command=command or f"lacuna record {path.name}",
        tool_version=version("lacuna"),
        notes=f"trained for {loaded.training.epochs} epochs",
    )
