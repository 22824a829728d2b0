"""Training batches: random views of images, shuffled.

::

    draw_views ──► Views(top, left, mirrored) ──► look ──► cut_out ──► normalise        each batch
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import functional

from networks.training.answers import Wanted
from networks.training.data import Dataset
from traces import ConfigError

_SIDE_SEED = 94  # Choice: the same images are mirrored first in every run


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a training image differs from the stored one.

    Every image is shifted by up to the data set's ``crop_pad`` pixels over a grey border and mirrored half of the
    time.  With ``crop``, a random square of that many pixels is cut from inside the image instead.  With
    ``cutout``, a square of that many pixels, at a random place and clipped at the edge, is then painted grey:
    T. DeVries, G. Taylor, "Improved Regularization of Convolutional Neural Networks with Cutout", 2017.

    With ``turn``, a random half of the images is mirrored in even turns and the other half in odd ones, so that two
    epochs see both sides of every image: K. Jordan, "94% on CIFAR-10 in 3.29 Seconds on a Single GPU", 2024.
    """

    crop: int | None = None
    cutout: int | None = None
    turn: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Crops:
    """What is seen of each of ``n`` images: where its square begins, and whether it is mirrored."""

    top: Tensor  # (n,), int64 [pixels]
    left: Tensor  # as top
    mirrored: Tensor  # (n,), bool

    def of(self, images: Tensor) -> Crops:
        """Return the views of some of the images, by index."""
        return Crops(self.top[images], self.left[images], self.mirrored[images])


def batches(
    data: Dataset, size: int, generator: torch.Generator, augmentation: Augmentation
) -> Iterator[tuple[Tensor, Wanted]]:
    """Yield the training images once, shuffled, as (inputs, wanted answers); the last short batch is left out."""
    sides = _alternating(len(data.train), augmentation.turn) if data.flip else None
    for chosen in shuffled(len(data.train), size, generator):
        pixels = data.train.pixels[chosen]
        views = draw_views(len(pixels), data, augmentation.crop, generator)
        if sides is not None:
            views = replace(views, mirrored=sides[chosen])
        inputs = look(pixels, views, data, augmentation.crop)
        yield (
            finished(inputs, data, augmentation, generator),
            Wanted(data.train.labels[chosen]),
        )


def _alternating(count: int, turn: int | None) -> Tensor | None:
    """Return which of ``count`` images are mirrored in this turn, (count,), if turns matter."""
    if turn is None:
        return None
    first = torch.rand(count, generator=torch.Generator().manual_seed(_SIDE_SEED)) < 0.5
    return first if turn % 2 == 0 else ~first


def shuffled(count: int, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the indices of whole batches of ``size`` out of ``count`` images in random order."""
    order = torch.randperm(count, generator=generator)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def draw_views(count: int, data: Dataset, crop: int | None, generator: torch.Generator) -> Crops:
    """Draw a view of each of ``count`` images of ``data``; see :class:`Augmentation`."""
    height, width = data.stored_shape[1:]
    if crop is not None and crop > min(height, width):
        raise ConfigError(f"crop = {crop}: more than the {min(height, width)} pixels of an image")
    spare = (2 * data.crop_pad,) * 2 if crop is None else (height - crop, width - crop)
    top = torch.randint(0, spare[0] + 1, (count,), generator=generator)
    left = torch.randint(0, spare[1] + 1, (count,), generator=generator)
    mirrored = torch.zeros(count, dtype=torch.bool)
    if data.flip:
        mirrored = torch.rand(count, generator=generator) < 0.5
    return Crops(top, left, mirrored)


def look(pixels: Tensor, views: Crops, data: Dataset, crop: int | None) -> Tensor:
    """Return the views of images (n, c, h, w), uint8: (n, c, h, w), or squares of ``crop`` pixels."""
    if crop is None:
        pixels = functional.pad(pixels, (data.crop_pad,) * 4, value=_grey(data))
    height, width = data.stored_shape[1:] if crop is None else (crop, crop)
    n = len(pixels)
    rows = views.top.view(n, 1, 1) + torch.arange(height).view(1, height, 1)
    columns = views.left.view(n, 1, 1) + torch.arange(width).view(1, 1, width)
    seen = pixels.permute(0, 2, 3, 1)[torch.arange(n).view(n, 1, 1), rows, columns].permute(0, 3, 1, 2)
    return torch.where(views.mirrored.view(n, 1, 1, 1), seen.flip(3), seen)


def finished(pixels: Tensor, data: Dataset, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Cut out what ``augmentation`` says and return network inputs (n, c, h, w), float32."""
    if augmentation.cutout is not None:
        pixels = _cut_out(pixels, augmentation.cutout, _grey(data), generator)
    return data.normalise(pixels)


def _grey(data: Dataset) -> int:
    """Return what borders and holes are filled with; Choice: the mean, near zero after normalisation."""
    return round(255.0 * sum(data.mean) / len(data.mean))


def _cut_out(pixels: Tensor, side: int, value: int, generator: torch.Generator) -> Tensor:
    n, _, height, width = pixels.shape
    rows = _within(height, side, torch.randint(0, height, (n, 1), generator=generator))
    columns = _within(width, side, torch.randint(0, width, (n, 1), generator=generator))
    return torch.where((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), value, pixels)


def _within(length: int, side: int, centre: Tensor) -> Tensor:
    """Tell which of ``length`` places lie in the ``side`` places around each centre (n, 1), (n, length)."""
    first = centre - side // 2
    place = torch.arange(length)
    return (place >= first) & (place < first + side)
