"""What a network answers when its answers to an image and to the mirror image are added, as airbench94 counts its own.

    python benchmarks/trained/mirrored.py [CHECKPOINT] [--data DIR]

Validation and test images; without CIFAR-10 at hand nothing is measured.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.training.data import CIFAR10_FOLDER, load_dataset
from networks.training.loading import load_model
from networks.training.run import accuracy_of

_ROOT = Path(__file__).parents[2]


class Mirrored(nn.Module):
    """A network that looks twice, at twice the MACs."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> Tensor:
        """Return the sum of both answers, shape (n, classes)."""
        both: Tensor = self.model(images) + self.model(images.flip(-1))
        return both


def main() -> None:
    """Measure one checkpoint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=_ROOT / "networks/shipped/wide_teacher.pt"
    )
    parser.add_argument("--data", type=Path, default=_ROOT / "data")
    arguments = parser.parse_args()
    if not (arguments.data / CIFAR10_FOLDER).is_dir():
        print(f"{arguments.data}: no {CIFAR10_FOLDER} in it, nothing measured")
        return
    torch.set_num_threads(1)
    model, data = load_model(arguments.checkpoint).model, load_dataset("cifar10", arguments.data)
    for name, part in (("validation", data.validation), ("test", data.test)):
        once, twice = (accuracy_of(each, data, part) for each in (model, Mirrored(model)))
        print(f"{name}: {once:.2%} alone, {twice:.2%} with mirror images")


if __name__ == "__main__":
    main()
