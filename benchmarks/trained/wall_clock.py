"""What real skipping is worth on this CPU, and what recording costs: wall-clock, one thread.

    python benchmarks/trained/wall_clock.py [CHECKPOINT] [--data DIR] [--images 200]

Prints milliseconds per image at batch 1 for the dense path (masked: everything computed, then multiplied) and the
skipping path, beside the share of MACs kept, and the time of a recording over that of a plain forward pass.
Without CIFAR-10 at hand nothing is measured.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import torch

from networks.models.lcnet import set_skipping
from networks.recording.recorder import record
from networks.training.data import CIFAR10_FOLDER, load_dataset, plain_batches
from networks.training.loading import load_model
from traces.trace import TraceInfo
from traces.work.lowering import lower

_ROOT = Path(__file__).parents[2]


def seconds(work: Callable[[], object], repeats: int = 3) -> float:
    """Return the best of a few runs."""
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def main() -> None:
    """Measure one checkpoint."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument(
        "checkpoint", type=Path, nargs="?", default=_ROOT / "networks/shipped/lcnet_resnet20_50.pt"
    )
    parser.add_argument("--data", type=Path, default=_ROOT / "data")
    parser.add_argument("--images", type=int, default=200)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    loaded = load_model(arguments.checkpoint)
    if loaded.training.dataset == "cifar10" and not (arguments.data / CIFAR10_FOLDER).is_dir():
        print(f"{arguments.data}: no {CIFAR10_FOLDER} in it, nothing measured")
        return
    data = load_dataset(loaded.training.dataset, arguments.data)
    images = data.test.first(arguments.images)
    singles = [inputs for inputs, _ in plain_batches(data, images, 1)]
    large = list(plain_batches(data, images, 250))
    info = TraceInfo(model_name="benchmark")

    @torch.inference_mode()
    def one_by_one() -> None:
        for inputs in singles:
            loaded.model(inputs)

    @torch.inference_mode()
    def plain() -> None:
        for inputs, _ in large:
            loaded.model(inputs)

    masked = seconds(one_by_one) / len(images) * 1e3
    set_skipping(loaded.model, True)
    skipping = seconds(one_by_one) / len(images) * 1e3
    set_skipping(loaded.model, False)
    trace = record(loaded.model, loaded.graph, large, info)
    kept = lower(trace).macs.mean() / loaded.graph.without_gates().macs
    forward = seconds(plain)
    recording = seconds(lambda: record(loaded.model, loaded.graph, large, info))
    print(f"{loaded.graph.name}: {len(images)} images, batch 1, one thread")
    print(f"  MACs kept      {kept:8.1%}")
    print(f"  masked         {masked:8.2f} ms per image")
    print(f"  skipping       {skipping:8.2f} ms per image, {skipping / masked:.1%} of masked")
    print(f"  recording      {recording / forward:8.2f} x the plain forward pass (batch 250)")


if __name__ == "__main__":
    main()
