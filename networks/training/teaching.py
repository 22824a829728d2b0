"""What teachers answer, computed once: rounds of random views of every training image, and the answers to them.

::

    teachers ──► answers to round 1, 2, ... of views ──► a file each ──► Lessons ──► batches(epoch)

Choice: a round of views is drawn by a seed of its own and serves every network that learns from these teachers.
The teachers then cost nothing while a network is trained, so they may be large, or several.  After ``rounds`` epochs
the same views come again, in another order.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from networks.training import checkpoint
from networks.training.answers import Wanted
from networks.training.batches import Augmentation, Crops, draw_views, finished, look, shuffled
from networks.training.data import Dataset
from networks.training.loading import load_model
from traces import ConfigError, FileProblem, reading

_VIEW_SEED = 20  # Choice: one set of views for every network, so that the answers are shared
_BATCH = 500  # images a teacher answers at once


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """Rounds of views and the teachers' answers to them, by the side of the squares that are seen.

    ``views[crop][r]`` is round r of all n training images, ``answers[crop][r]`` the teachers' mean logits to it,
    (n, classes), float16; ``crop`` is ``None`` for whole images.
    """

    views: dict[int | None, list[Crops]]
    answers: dict[int | None, Tensor]  # (rounds, n, classes)

    def batches(
        self, data: Dataset, size: int, generator: torch.Generator, augmentation: Augmentation, epoch: int
    ) -> Iterator[tuple[Tensor, Wanted]]:
        """Yield an epoch's round, shuffled; like :func:`networks.training.batches.batches`."""
        crop = augmentation.crop
        current = epoch % len(self.views[crop])
        views, answers = self.views[crop][current], self.answers[crop][current]
        for chosen in shuffled(len(data.train), size, generator):
            seen = look(data.train.pixels[chosen], views.of(chosen), data, crop)
            yield (
                finished(seen, data, augmentation, generator),
                Wanted(data.train.labels[chosen], answers[chosen]),
            )


def prepare_lessons(  # noqa: PLR0913  # one call has these six parts, each by name
    teachers: Sequence[Path],
    data: Dataset,
    *,
    crops: set[int | None],
    rounds: int,
    folder: Path,
    bfloat16: bool,
    progress: Callable[[Path, int | None], None] = lambda teacher, crop: None,
) -> Lessons:
    """Have every teacher answer ``rounds`` rounds of views, or read what it answered before.

    Parameters
    ----------
    teachers
        Checkpoints; their logits are averaged.
    data
        Its ``train`` part is answered.
    crops
        Sides of the squares that are needed [pixels]; ``None``: whole images.
    rounds
        Rounds of views of every image.
    folder
        Where answers are kept: a file for each teacher and crop, named after all that they depend on.
    bfloat16
        Whether teachers compute in bfloat16.
    progress
        Called before a teacher answers anything anew.
    """
    views = {crop: _views(data, crop, rounds) for crop in crops}
    pixels = hashlib.sha256(data.train.pixels.numpy().tobytes()).hexdigest()
    given: dict[int | None, list[Tensor]] = {crop: [] for crop in crops}
    for path in teachers:
        teacher = _load(path, data)
        weights = checkpoint.weights_hash(teacher.state_dict())
        for crop in crops:
            depends_on = (weights, pixels, crop, rounds, bfloat16)
            key = hashlib.sha256(repr(depends_on).encode()).hexdigest()[:16]
            stored = folder / f"{path.stem}-{crop or 'whole'}-{key}.pt"
            if not stored.is_file():
                progress(path, crop)
                answered = _answered(teacher, data, views[crop], crop, bfloat16=bfloat16)
                checkpoint.write(stored, checkpoint.ANSWERS, {"answers": answered})
            given[crop].append(_kept_answers(stored, (rounds, len(data.train), data.classes)))
    return Lessons(views, {crop: torch.stack(parts).mean(0).half() for crop, parts in given.items()})


def _kept_answers(stored: Path, shape: tuple[int, ...]) -> Tensor:
    """Return the logits that a teacher gave, (rounds, n, classes)."""
    with reading(stored, "holds no answers of a teacher; remove it"):
        answers: Tensor = checkpoint.read(stored, checkpoint.ANSWERS)["answers"].float()
        if answers.shape != shape or not answers.isfinite().all():
            raise FileProblem(
                f"{stored}: needs {shape} finite numbers, has {tuple(answers.shape)}; remove it"
            )
        return answers


def _views(data: Dataset, crop: int | None, rounds: int) -> list[Crops]:
    generator = torch.Generator().manual_seed(_VIEW_SEED)
    return [draw_views(len(data.train), data, crop, generator) for _ in range(rounds)]


@torch.inference_mode()
def _answered(
    teacher: nn.Module, data: Dataset, rounds: list[Crops], crop: int | None, *, bfloat16: bool
) -> Tensor:
    """Return the logits of one teacher to all rounds, (rounds, n, classes), float16."""
    answers = torch.empty(len(rounds), len(data.train), data.classes, dtype=torch.float16)
    for views, answer in zip(rounds, answers, strict=True):
        for start in range(0, len(data.train), _BATCH):
            part = torch.arange(start, min(start + _BATCH, len(data.train)))
            inputs = data.normalise(look(data.train.pixels[part], views.of(part), data, crop))
            with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
                answer[part] = teacher(inputs).half()
    return answers


def _load(path: Path, data: Dataset) -> nn.Module:
    """Load a network to learn from; it must know the same images."""
    loaded = load_model(path)
    trained_on = loaded.training.dataset
    if trained_on != data.name:
        raise ConfigError(f"{path}: a teacher that knows {trained_on!r}, needs one of {data.name!r}")
    loaded.model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in torch's stub
    return loaded.model.eval()
