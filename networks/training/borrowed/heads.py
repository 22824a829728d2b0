"""Side exits and a classifier on a backbone that stays as it is: linear layers on features that are computed once.

::

    images ──► backbone, once ──► pooled features of each head ──► epochs of linear layers

One pass over the images costs what one epoch would; the epochs behind it cost next to nothing.  Features are kept
beside the log, in float16, so that a second call with other settings needs no pass.

Choice: each head keeps the weights of the epoch that answered most of the held-out images; a layer of 1,280 features
learns 20,000 images by heart if it may.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.efficientnet import EfficientNetLite
from networks.training import checkpoint
from networks.training.batches import shuffled
from networks.training.borrowed.weights import own_weights
from networks.training.data import Dataset, Images, plain_batches
from networks.training.optimizing.optimizers import TrainSettings, rate_share
from networks.training.run import EpochReport, Log
from traces import reading

_LEAST_DEVIATION = 1e-3  # of a feature; a constant one says nothing and is not blown up
_AT_ONCE = 4  # images: Choice, what stays in the caches of a CPU (27 ms an image; 50 at 2, 40 at 8)

Features = Mapping[str, Tensor]  # (n, channels) by the head that reads them


@dataclass(frozen=True, slots=True, eq=False)
class Lesson:
    """Features of some images, and what the images are."""

    features: Features
    labels: Tensor


def train_heads(  # noqa: PLR0913, PLR0917  # a run's parts, as networks.training.launch has them
    model: EfficientNetLite,
    data: Dataset,
    settings: TrainSettings,
    images: int | None,
    out: Path,
    progress: Callable[[EpochReport], None] = lambda report: None,
    say: Callable[[str], None] = lambda text: None,
) -> float:
    """Train the linear heads of ``model`` in place; write ``out/log.csv``; return the validation accuracy.

    Parameters
    ----------
    model
        Its backbone is left as it is, to the bit.
    data
        Its images are seen as they are: no crops, no mirror images.
    settings
        ``epochs``, ``batch_size``, ``learning_rate`` (AdamW's peak), ``weight_decay``, ``warmup``,
        ``label_smoothing``, ``seed``.
    images
        Learn only the first so many training images; the training part is in random order.
    out
        Folder of the run.
    progress, say
        Called after every epoch, and told what takes long before the first.
    """
    known = data.train.first(images)
    learnt = _kept_lesson(model, data, known, out / "features_learnt.pt", say)
    held_out = _kept_lesson(model, data, data.validation, out / "features_held_out.pt", say)
    run = _Heads(model, learnt, settings)
    log = Log(out / "log.csv", keep=0)
    for epoch in range(1, settings.epochs + 1):
        report = run.epoch(epoch, held_out)
        log.write(report)
        progress(report)
    run.restore_best()
    run.fold()
    return run.best["classifier"]


@torch.inference_mode()
def lesson(model: EfficientNetLite, data: Dataset, images: Images) -> Lesson:
    """Return the pooled features of images, by head."""
    model.eval()
    parts = [model.pooled(inputs) for inputs, _ in plain_batches(data, images, _AT_ONCE)]
    features = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    return Lesson(features, images.labels)


def _kept_lesson(
    model: EfficientNetLite, data: Dataset, images: Images, path: Path, say: Callable[[str], None]
) -> Lesson:
    """Return the features of images as they are kept at ``path``, or compute them and keep them."""
    own = own_weights(model)  # which have no say in what features are
    borrowed = {name: tensor for name, tensor in model.state_dict().items() if name not in own}
    weights = checkpoint.weights_hash(borrowed | {"pixels": images.pixels})
    seen_by = f"{sorted(model.linear_heads())}, {weights}, {data.preprocessing}"
    if path.is_file():
        with reading(path, "holds no features of images; remove it"):
            kept = checkpoint.read(path, checkpoint.ANSWERS)
            if kept["seen_by"] == seen_by:
                return Lesson({name: seen.float() for name, seen in kept["features"].items()}, images.labels)
    say(f"features of {len(images):,} images")
    found = lesson(model, data, images)
    half = {name: seen.half() for name, seen in found.features.items()}
    checkpoint.write(path, checkpoint.ANSWERS, {"seen_by": seen_by, "features": half})
    return Lesson({name: seen.float() for name, seen in half.items()}, images.labels)


class _Heads:
    """Linear layers that read standardised features, and what trains them."""

    def __init__(self, model: EfficientNetLite, learnt: Lesson, settings: TrainSettings) -> None:
        self.heads = model.linear_heads()
        self.learnt = learnt
        self.settings = settings
        self.mean = {name: seen.mean(0) for name, seen in learnt.features.items()}
        self.scale = {
            name: 1.0 / seen.std(0).clamp(min=_LEAST_DEVIATION) for name, seen in learnt.features.items()
        }
        weights = [parameter for head in self.heads.values() for parameter in head.parameters()]
        self.optimizer = torch.optim.AdamW(
            weights, lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.generator = torch.Generator().manual_seed(settings.seed)
        self.best = dict.fromkeys(self.heads, -1.0)  # share of held-out images answered correctly
        self._kept: dict[str, dict[str, Tensor]] = {}

    def answers(self, features: Features, chosen: Tensor | None = None) -> Iterator[tuple[str, Tensor]]:
        """Yield each head's name and logits."""
        for name, head in self.heads.items():
            seen = features[name] if chosen is None else features[name][chosen]
            yield name, head((seen - self.mean[name]) * self.scale[name])

    def epoch(self, epoch: int, held_out: Lesson) -> EpochReport:
        """Learn every image once, then measure."""
        started, loss_sum = time.perf_counter(), 0.0
        count, size = len(self.learnt.labels), self.settings.batch_size
        steps = count // size
        for i, chosen in enumerate(shuffled(count, size, self.generator)):
            share = rate_share((epoch - 1) * steps + i, self.settings.epochs * steps, self.settings.warmup)
            self.optimizer.param_groups[0]["lr"] = self.settings.learning_rate * share
            losses = [
                functional.cross_entropy(
                    logits, self.learnt.labels[chosen], label_smoothing=self.settings.label_smoothing
                )
                for _, logits in self.answers(self.learnt.features, chosen)
            ]
            loss = torch.stack(losses).sum()
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss_sum += loss.item()
        return self.report(epoch, held_out, time.perf_counter() - started, loss_sum / max(steps, 1))

    @torch.no_grad()
    def report(self, epoch: int, held_out: Lesson, seconds: float, loss: float) -> EpochReport:
        """Measure all heads on what was learnt and on what was held out."""
        learnt, held = (
            {
                name: (logits.argmax(1) == part.labels).float().mean().item()
                for name, logits in self.answers(part.features)
            }
            for part in (self.learnt, held_out)
        )
        for name, right in held.items():
            if right > self.best[name]:
                self.best[name] = right
                state = self.heads[name].state_dict()
                self._kept[name] = {part: tensor.clone() for part, tensor in state.items()}
        return EpochReport(
            epoch=epoch,
            epochs=self.settings.epochs,
            seconds=seconds,
            loss=loss,
            train_accuracy=learnt.pop("classifier"),
            validation_accuracy=held.pop("classifier"),
            extra={f"right.{name}": right for name, right in held.items()},
        )

    def restore_best(self) -> None:
        """Give each head the weights of its best epoch."""
        for name, kept in self._kept.items():
            self.heads[name].load_state_dict(kept)

    @torch.no_grad()
    def fold(self) -> None:
        """Put the standardisation into the layers, so that they read pooled features as they are."""
        for name, head in self.heads.items():
            assert isinstance(head, nn.Linear)  # the model's
            head.weight.mul_(self.scale[name])
            head.bias.sub_(head.weight @ self.mean[name])
