"""Whether a network's gates look at their input: its accuracy with the gates of another image, and with fixed ones.

    python benchmarks/trained/gate_information.py [CHECKPOINT] [--data DIR] [--images 2000]

Validation images; without CIFAR-10 at hand nothing is measured.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.models.gates import OutputWatch, named_gates
from networks.training.data import CIFAR10_FOLDER, load_dataset
from networks.training.loading import load_model
from networks.training.run import accuracy_of

_ROOT = Path(__file__).parents[2]


def majority(scores: Tensor) -> Tensor:
    """Return one score per gate or channel, (1, ...): the mean of the open ones where most are open, else 0."""
    opened = (scores > 0).float()
    mean = scores.sum(0) / opened.sum(0).clamp(min=1.0)
    return torch.where(opened.mean(0) > 0.5, mean, 0.0).unsqueeze(0)


def replaced(
    model: nn.Module, change: Callable[[str, Tensor], Tensor], measure: Callable[[], float]
) -> float:
    """Return ``measure()`` while every gate's output is changed."""
    handles = [
        gate.register_forward_hook(lambda _, args, out, name=name: change(name, out))
        for name, gate in named_gates(model)
    ]
    try:
        return measure()
    finally:
        for handle in handles:
            handle.remove()


def main() -> None:
    """Measure one checkpoint."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=_ROOT / "networks/shipped/lcnet_resnet20_50.pt"
    )
    parser.add_argument("--data", type=Path, default=_ROOT / "data")
    parser.add_argument("--images", type=int, default=2000)
    arguments = parser.parse_args()
    if not (arguments.data / CIFAR10_FOLDER).is_dir():
        print(f"{arguments.data}: no {CIFAR10_FOLDER} in it, nothing measured")
        return
    torch.set_num_threads(1)
    model = load_model(arguments.checkpoint).model
    data = load_dataset("cifar10", arguments.data)
    images = data.validation.first(arguments.images)

    def measure() -> float:
        return accuracy_of(model, data, images)

    with torch.inference_mode(), OutputWatch(dict(named_gates(model))) as watch:
        model(data.normalise(images.pixels))
    fixed = {name: majority(scores) for name, scores in watch.outputs.items()}
    print(f"{arguments.checkpoint.stem}: {len(images)} validation images answered right with")
    print(f"  their own gates        {measure():.1%}")
    print(f"  another image's gates  {replaced(model, lambda _, out: out.roll(1, 0), measure):.1%}")
    same = replaced(model, lambda name, out: fixed[name].expand_as(out).clone(), measure)
    print(f"  what most images keep  {same:.1%}")


if __name__ == "__main__":
    main()
