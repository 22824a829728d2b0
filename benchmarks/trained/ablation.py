"""What each part of the wide networks' recipe is worth: ``wide`` trained with one part changed at a time.

    python benchmarks/trained/ablation.py --data DIR --out RUNS [--epochs 6] [--only TEXT]

A run a part, each of the same seed, epochs and batches; a second call goes on where the first one stopped.  Prints one
line a run: answers to validation and test images, points from the whole recipe, seconds of an epoch.
``--only`` takes the whole recipe and the parts whose names hold a text.
Without CIFAR-10 at hand nothing is measured.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any

import torch

from networks.training.config import RunConfig, load_config
from networks.training.data import CIFAR10_FOLDER, Dataset, load_dataset
from networks.training.launch import Beginnings, run
from networks.training.loading import load_model
from networks.training.run import accuracy_of
from traces import csv_rows, file_text

_SHIPPED = Path(__file__).parents[2] / "networks" / "shipped"


@dataclass(frozen=True, slots=True)
class Part:
    """What one run changes of the whole recipe."""

    name: str
    model: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    teachers: tuple[str, ...] = ()


PARTS = (
    Part("whole recipe"),
    Part("stem learnt, not whitening", model={"whitening": False}),
    Part("SGD instead of Muon", training={"muon": None, "learning_rate": 0.2}),  # resnet20_first's rate
    Part("mirrored at random, not alternating", training={"alternating_flip": False}),
    Part("no label smoothing", training={"label_smoothing": 0.0}),
    Part("with look-ahead", training={"look_ahead": True}),
    Part("with crops of 20 and 24 pixels first", training={"crop": (20, 24), "crop_share": 0.67}),
    Part("with cutout of 8 pixels", training={"cutout": 8}),
    Part("with a teacher", training={"label_smoothing": 0.0}, teachers=("wide_teacher.pt",)),
)


def changed(config: RunConfig, part: Part, epochs: int) -> RunConfig:
    """Return the configuration of one run."""
    content = config.model_dump()
    content["model"] |= part.model
    content["training"] |= part.training | {"epochs": epochs}
    return RunConfig.model_validate(content | {"teachers": part.teachers, "rounds": 6})


def folder_of(part: Part, out: Path) -> Path:
    """Return where a run's files lie."""
    return out / f"ablation_{part.name.replace(',', '').replace(' ', '_')}"


def measured(folder: Path, data: Dataset) -> tuple[float, float]:
    """Return the answers of a finished run to validation and test images [0..1]."""
    model = load_model(folder / "model.pt").model
    return accuracy_of(model, data, data.validation), accuracy_of(model, data, data.test)


def seconds_of(folder: Path) -> float:
    """Return the median time of a run's epochs in seconds."""
    return median(float(row["seconds"]) for row in csv_rows(file_text(folder / "log.csv")))


def main() -> None:
    """Train what is not trained yet, and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, default=_SHIPPED.parents[1] / "data")
    parser.add_argument("--out", type=Path, default=Path("runs"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--only", default="")
    arguments = parser.parse_args()
    if not (arguments.data / CIFAR10_FOLDER).is_dir():
        print(f"{arguments.data}: no {CIFAR10_FOLDER} in it, nothing measured")
        return
    torch.set_num_threads(1)
    config, data = load_config(_SHIPPED / "wide.yaml"), load_dataset("cifar10", arguments.data)
    whole: tuple[float, float] | None = None
    for part in (PARTS[0], *(part for part in PARTS[1:] if arguments.only in part.name)):
        folder = folder_of(part, arguments.out)
        if not (folder / "model.pt").is_file():
            teachers = Beginnings(teachers=[_SHIPPED / name for name in part.teachers])
            run(changed(config, part, arguments.epochs), data, folder, files=teachers)
        validation, test = measured(folder, data)
        whole = whole or (validation, test)
        print(
            f"{part.name:36}  validation {validation:.1%} ({100 * (validation - whole[0]):+.1f})"
            f"  test {test:.1%} ({100 * (test - whole[1]):+.1f})  {seconds_of(folder):.0f} s an epoch",
            flush=True,
        )


if __name__ == "__main__":
    main()
