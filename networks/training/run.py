"""The training loop: one-cycle SGD that is seeded, resumable and stops at a loss that is not a number.

::

    batches ──► forward (bfloat16) ──► objective ──► backward ──► SGD step        each batch
    validation accuracy, log.csv, last.pt                                         each epoch

What is minimised is the caller's: an :class:`TrainingObjective` sees the model after the forward pass, so gated
networks add their cost to the cross-entropy without a loop of their own.
"""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from networks.training import checkpoint
from networks.training.answers import Wanted, answer_loss
from networks.training.batches import batches
from networks.training.data import Dataset, Images, plain_batches
from networks.training.optimizing.optimizers import Optimizers, TrainSettings, rate_share
from networks.training.teaching import Lessons
from traces import ConfigError, FileProblem, LacunaError, atomic_write, csv_rows, file_text, reading

_EVALUATION_BATCH = 500


class TrainingDivergedError(LacunaError):
    """The loss is not a number; the last good checkpoint is on disk."""


class TrainingObjective(Protocol):
    """What training minimises."""

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        """Run the model and return the loss; ``progress`` is the share of training that is done [0..1]."""
        ...

    def report(self) -> Mapping[str, float]:
        """Return what to log about the epoch since the last report; empties it."""
        ...


@dataclass(slots=True)
class Answering:
    """The loss of a network without gates: its answers, and nothing else."""

    label_smoothing: float = 0.0

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        """Return the mean loss of the batch."""
        return answer_loss(model(inputs), wanted, self.label_smoothing)

    def report(self) -> Mapping[str, float]:
        """Return nothing: loss and accuracy are logged anyway."""
        return {}


@dataclass(frozen=True, slots=True)
class EpochReport:
    """One line of the log."""

    epoch: int  # counted from 1
    epochs: int
    seconds: float
    loss: float
    train_accuracy: float
    validation_accuracy: float
    extra: Mapping[str, float] = field(default_factory=dict)

    def row(self) -> dict[str, str]:
        """Return the line as it stands in log.csv."""
        fixed = {
            "epoch": str(self.epoch),
            "seconds": f"{self.seconds:.1f}",
            "loss": f"{self.loss:.4f}",
            "train_accuracy": f"{self.train_accuracy:.4f}",
            "validation_accuracy": f"{self.validation_accuracy:.4f}",
        }
        return fixed | {name: f"{value:.4f}" for name, value in self.extra.items()}


def train(  # noqa: PLR0913  # one call has these seven parts, and reads as a sentence
    model: nn.Module,
    data: Dataset,
    settings: TrainSettings,
    objective: TrainingObjective,
    out: Path,
    *,
    lessons: Lessons | None = None,
    progress: Callable[[EpochReport], None] = lambda report: None,
) -> list[EpochReport]:
    """Train ``model`` in place; write ``out/log.csv`` and, after every epoch, ``out/last.pt``.

    Parameters
    ----------
    model
        Network to train.  With an ``out/last.pt`` of the same settings its weights are replaced, and
        training continues after that epoch; with one of other settings it refuses.
    data
        Its ``train`` part is learnt, its ``validation`` part measured after every epoch.
    settings, objective
        How, and what is minimised.
    out
        Folder of the run.
    lessons
        What teachers answer; the labels alone where there are none.
    progress
        Called after every epoch.

    Returns
    -------
    list of EpochReport
        The epochs of this call, resumed ones not among them.
    """
    run = _Training(model, data, settings, objective, lessons)
    done = run.resume(out / "last.pt")
    log = Log(out / "log.csv", keep=done)
    reports = []
    for epoch in range(done + 1, settings.epochs + 1):
        report = run.epoch(epoch)
        log.write(report)
        checkpoint.write(out / "last.pt", checkpoint.TRAINING_STATE, run.state(epoch))
        progress(report)
        reports.append(report)
    return reports


@torch.inference_mode()
def accuracy_of(model: nn.Module, data: Dataset, part: Images, *, bfloat16: bool = False) -> float:
    """Share of ``part`` that the model answers correctly [0..1]; training mode stays as it was."""
    was_training = model.training
    model.eval()
    right = 0
    for inputs, labels in plain_batches(data, part, _EVALUATION_BATCH):
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            right += int((model(inputs).argmax(1) == labels).sum())
    model.train(was_training)
    return right / len(part)


class _Training:
    """What changes while a network is trained."""

    def __init__(
        self,
        model: nn.Module,
        data: Dataset,
        settings: TrainSettings,
        objective: TrainingObjective,
        lessons: Lessons | None,
    ) -> None:
        self.steps_per_epoch = len(data.train) // settings.batch_size
        if self.steps_per_epoch == 0:
            raise ConfigError(
                f"batch_size = {settings.batch_size}: more than the {len(data.train)} training images"
            )
        self.model = model
        model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
        self.data = data
        self.settings = settings
        self.objective = objective
        self.lessons = lessons
        self.optimizers = Optimizers(model, settings)
        self.generator = torch.Generator().manual_seed(settings.seed)

    def epoch(self, epoch: int) -> EpochReport:
        """Learn every training image once, then measure."""
        started = time.perf_counter()
        self.model.train()
        loss_sum, right = 0.0, _Right()
        handle = self.model.register_forward_hook(right.hook)
        try:
            for i, (inputs, wanted) in enumerate(self._drawn(epoch)):
                right.labels = wanted.labels
                loss_sum += self._step(inputs, wanted, epoch, i)
        finally:
            handle.remove()
        validation = self.data.validation
        return EpochReport(
            epoch=epoch,
            epochs=self.settings.epochs,
            seconds=time.perf_counter() - started,
            loss=loss_sum / self.steps_per_epoch,
            train_accuracy=right.count / (self.steps_per_epoch * self.settings.batch_size),
            validation_accuracy=accuracy_of(
                self.model, self.data, validation, bfloat16=self.settings.bfloat16
            ),
            extra=self.objective.report(),
        )

    def state(self, epoch: int) -> dict[str, Any]:
        """Return what :meth:`resume` needs after ``epoch`` epochs."""
        return {
            "epoch": epoch,
            "settings": self.settings.model_dump(),
            "state_dict": self.model.state_dict(),
            "optimizers": self.optimizers.state(),
            "generator": self.generator.get_state(),
        }

    def resume(self, path: Path) -> int:
        """Restore the state at ``path`` if there is one; return the epochs it has done."""
        if not path.is_file():
            return 0
        state = checkpoint.read(path, checkpoint.TRAINING_STATE)
        with reading(path, "holds no state of a training of this network; remove it"):
            return self._restored(state, path)

    def _restored(self, state: dict[str, Any], path: Path) -> int:
        settings = self.settings.model_dump()
        changed = [name for name, value in settings.items() if state["settings"].get(name) != value]
        if changed:
            raise ConfigError(
                f"{path}: was trained with another {', '.join(changed)}; choose another folder or remove it"
            )
        self.model.load_state_dict(state["state_dict"])
        self.optimizers.load(state["optimizers"])
        self.generator.set_state(state["generator"])
        done: int = state["epoch"]
        if not 1 <= done <= self.settings.epochs:
            raise FileProblem(f"{path}: epoch {done} of {self.settings.epochs}; remove it")
        return done

    def _drawn(self, epoch: int) -> Iterator[tuple[Tensor, Wanted]]:
        size, augmentation = self.settings.batch_size, self.settings.augmentation_of(epoch)
        if self.lessons is None:
            return batches(self.data, size, self.generator, augmentation)
        return self.lessons.batches(self.data, size, self.generator, augmentation, epoch)

    def _step(self, inputs: Tensor, wanted: Wanted, epoch: int, i: int) -> float:
        total = self.settings.epochs * self.steps_per_epoch
        step = (epoch - 1) * self.steps_per_epoch + i
        share = rate_share(step, total, self.settings.warmup)
        self.optimizers.set_rate(share)
        with torch.autocast("cpu", torch.bfloat16, enabled=self.settings.bfloat16):
            loss = self.objective(self.model, inputs, wanted, step / total)
        value = loss.item()
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"loss is {value} in epoch {epoch}, batch {i + 1} of {self.steps_per_epoch}, at learning "
                f"rate {self.settings.learning_rate * share:.4g}; the epoch before is kept in last.pt; "
                "lower learning_rate or lengthen warmup"
            )
        self.optimizers.step(loss, (step + 1) / total)
        return value


@dataclass(slots=True)
class _Right:
    """Counts right answers of training batches as the model gives them."""

    count: int = 0
    labels: Tensor = field(default_factory=lambda: torch.empty(0))

    def hook(self, module: nn.Module, args: Any, output: Tensor) -> None:
        self.count += int((output.detach().argmax(1) == self.labels).sum())


class Log:
    """``log.csv``: one line per epoch; lines after the resumed epoch are dropped."""

    def __init__(self, path: Path, keep: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._rows: list[dict[str, str]] = []
        if keep and path.is_file():
            with reading(path, "is no log of a training; remove it"):
                self._rows = [row for row in csv_rows(file_text(path)) if int(row["epoch"]) <= keep]
            self._check(keep)

    def _check(self, done: int) -> None:
        """Refuse a log that does not tell of each epoch done: a line is written before its state."""
        told = [int(row["epoch"]) for row in self._rows]
        if told != list(range(1, done + 1)):
            raise FileProblem(
                f"{self._path}: tells of {len(told)} epochs where last.pt has done {done}; "
                "needs a line of each, in order: remove it"
            )

    def write(self, report: EpochReport) -> None:
        """Add a line."""
        self._rows.append(report.row())
        with atomic_write(self._path) as part, part.open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(self._columns()))
            writer.writeheader()
            writer.writerows(self._rows)

    def _columns(self) -> Iterator[str]:
        yield from dict.fromkeys(name for row in self._rows for name in row)
