"""Labelled images held in memory: CIFAR-10 from its standard folder, and scikit-learn's digits.

::

    cifar-10-batches-py/ ──► load_cifar10 ─┐
    scikit-learn ──────────► load_digits ──┴─► Dataset(train, validation, test) ──► batches(...)

Pixels stay ``uint8`` until a batch is drawn; 60,000 CIFAR-10 images take 184 MB.  The validation part is cut
from the training images with a fixed seed, so that choices are never made on the test set.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from traces.errors import ConfigError, FileProblem, did_you_mean

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10_FOLDER = "cifar-10-batches-py"
_TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
_TEST_FILE = "test_batch"
_SPLIT_SEED = 0  # Choice: one split for every experiment, so that runs compare
_CROP_PAD = 4  # pixels added on each side before the random crop: He et al., CVPR 2016, section 4.2


@dataclass(frozen=True, slots=True, eq=False)
class Images:
    """``n`` labelled images."""

    pixels: Tensor  # (n, channels, height, width), uint8
    labels: Tensor  # (n,), int64

    def __len__(self) -> int:
        return len(self.labels)

    def first(self, limit: int | None) -> Images:
        """Return the first ``limit`` images, or all of them."""
        return self if limit is None else Images(self.pixels[:limit], self.labels[:limit])


@dataclass(frozen=True, slots=True, eq=False)
class Dataset:
    """The three parts of a data set and how its pixels become network inputs."""

    name: str
    train: Images
    validation: Images
    test: Images
    mean: tuple[float, ...]  # per channel, of pixels scaled to [0, 1]
    std: tuple[float, ...]
    classes: int
    flip: bool  # mirrored images are still valid: true of photographs, not of digits
    crop_pad: int  # pixels of random shift in training; 0 = none

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width [pixels]."""
        channels, height, width = self.test.pixels.shape[1:]
        return channels, height, width

    @property
    def preprocessing(self) -> str:
        """What happens to a pixel before the network sees it, in words."""
        return f"pixel / 255, minus {self.mean}, over {self.std}, per channel"

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 pixels (n, c, h, w) into float32 network inputs, channels last in memory."""
        mean = torch.tensor(self.mean).view(1, -1, 1, 1)
        scale = 1.0 / (255.0 * torch.tensor(self.std).view(1, -1, 1, 1))
        return ((pixels.float() - 255.0 * mean) * scale).contiguous(memory_format=torch.channels_last)


def load_dataset(name: str, folder: Path | None) -> Dataset:
    """Load ``"cifar10"`` from ``folder``, or ``"digits"``, which needs none."""
    match name:
        case "cifar10":
            if folder is None:
                raise ConfigError(
                    f"data set 'cifar10' needs the folder that holds {CIFAR10_FOLDER}/; {_where_to_get()}"
                )
            return load_cifar10(folder)
        case "digits":
            return load_digits()
        case _:
            raise ConfigError(
                f"data set {name!r}: no such data set{did_you_mean(name, ('cifar10', 'digits'))}"
            )


def load_cifar10(folder: Path, validation: int = 5_000) -> Dataset:
    """Read CIFAR-10's python batches from ``folder`` or from ``folder/cifar-10-batches-py``.

    Parameters
    ----------
    folder
        Where the batches lie.
    validation
        Training images to hold out for choices.

    Notes
    -----
    Source of the layout: A. Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
    The means and deviations are those of the 50,000 original training images.
    """
    root = folder if (folder / _TEST_FILE).is_file() else folder / CIFAR10_FOLDER
    parts = [_read_batch(root / name) for name in _TRAIN_FILES]
    full = Images(torch.cat([part.pixels for part in parts]), torch.cat([part.labels for part in parts]))
    train, held_out = _split(full, validation)
    return Dataset(
        name="cifar10",
        train=train,
        validation=held_out,
        test=_read_batch(root / _TEST_FILE),
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        classes=10,
        flip=True,
        crop_pad=_CROP_PAD,
    )


def load_digits() -> Dataset:
    """Load scikit-learn's 1,797 handwritten digits as 1 x 8 x 8 images: 997 / 300 / 500.

    Source: E. Alpaydin, C. Kaynak, "Optical Recognition of Handwritten Digits", UCI, 1998, as bundled.
    """
    try:
        from sklearn import datasets  # noqa: PLC0415  (slow to import, and needed here only)
    except ImportError as error:
        raise ConfigError("data set 'digits' needs scikit-learn: pip install 'lacuna[networks]'") from error
    bundled = datasets.load_digits()
    pixels = torch.from_numpy(np.round(bundled.images * (255.0 / 16.0)).astype(np.uint8)).unsqueeze(1)
    full = Images(pixels, torch.from_numpy(bundled.target.astype(np.int64)))
    rest, test = _split(full, 500)
    train, held_out = _split(rest, 300)
    return Dataset(
        name="digits",
        train=train,
        validation=held_out,
        test=test,
        mean=(0.3053,),
        std=(0.3760,),
        classes=10,
        flip=False,
        crop_pad=1,
    )


@dataclass(frozen=True, slots=True)
class Augmentation:
    """How a training image differs from the stored one.

    Every image is shifted by up to the data set's ``crop_pad`` pixels over a grey border and mirrored half of the
    time.  With ``crop``, a random square of that many pixels is cut from inside the image instead.  With
    ``cutout``, a square of that many pixels, at a random place and clipped at the edge, is then painted grey:
    T. DeVries, G. Taylor, "Improved Regularization of CNNs with Cutout", 2017.
    """

    crop: int | None = None
    cutout: int | None = None


def batches(
    data: Dataset,
    part: Images,
    size: int,
    generator: torch.Generator,
    augmentation: Augmentation = Augmentation(),
) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield shuffled, augmented training batches (inputs, labels); the last short one is left out."""
    order = torch.randperm(len(part), generator=generator)
    for start in range(0, len(part) - size + 1, size):
        chosen = order[start : start + size]
        pixels = augmented(part.pixels[chosen], data, generator, augmentation)
        yield data.normalise(pixels), part.labels[chosen]


def plain_batches(data: Dataset, part: Images, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield all images in order, not augmented."""
    for start in range(0, len(part), size):
        yield data.normalise(part.pixels[start : start + size]), part.labels[start : start + size]


def augmented(
    pixels: Tensor, data: Dataset, generator: torch.Generator, augmentation: Augmentation
) -> Tensor:
    """Return a random view of each image (n, c, h, w), see :class:`Augmentation`."""
    if augmentation.crop is not None:
        pixels = _shifted(pixels, augmentation.crop, generator)
    elif data.crop_pad:
        padded = torch.nn.functional.pad(pixels, (data.crop_pad,) * 4, value=_grey(data))
        pixels = _shifted(padded, pixels.shape[2], generator)
    if data.flip:
        mirrored = torch.rand(len(pixels), generator=generator) < 0.5
        pixels = torch.where(mirrored.view(-1, 1, 1, 1), pixels.flip(3), pixels)
    if augmentation.cutout is not None:
        pixels = _cut_out(pixels, augmentation.cutout, _grey(data), generator)
    return pixels


def _grey(data: Dataset) -> int:
    """Return what borders and holes are filled with; Choice: the mean, near zero after normalisation."""
    return round(255.0 * sum(data.mean) / len(data.mean))


def _cut_out(pixels: Tensor, side: int, value: int, generator: torch.Generator) -> Tensor:
    """Paint a square of ``side`` pixels at a random place of every image."""
    n, _, height, width = pixels.shape
    rows = _within(height, side, torch.randint(0, height, (n, 1), generator=generator))
    columns = _within(width, side, torch.randint(0, width, (n, 1), generator=generator))
    return torch.where((rows[:, :, None] & columns[:, None, :]).unsqueeze(1), value, pixels)


def _within(length: int, side: int, centre: Tensor) -> Tensor:
    """Tell which of ``length`` places lie in the ``side`` places around each centre (n, 1), (n, length)."""
    first = centre - side // 2
    place = torch.arange(length)
    return (place >= first) & (place < first + side)


def _shifted(pixels: Tensor, side: int, generator: torch.Generator) -> Tensor:
    """Cut a square of ``side`` pixels at a random place from every image."""
    n, _, height, width = pixels.shape
    top = torch.randint(0, height - side + 1, (n,), generator=generator)
    left = torch.randint(0, width - side + 1, (n,), generator=generator)
    rows = top.view(n, 1, 1) + torch.arange(side).view(1, side, 1)
    columns = left.view(n, 1, 1) + torch.arange(side).view(1, 1, side)
    images = torch.arange(n).view(n, 1, 1)
    return pixels.permute(0, 2, 3, 1)[images, rows, columns].permute(0, 3, 1, 2)


def _split(full: Images, held_out: int) -> tuple[Images, Images]:
    order = torch.randperm(len(full), generator=torch.Generator().manual_seed(_SPLIT_SEED))
    kept, held = order[held_out:], order[:held_out]
    return Images(full.pixels[kept], full.labels[kept]), Images(full.pixels[held], full.labels[held])


def _read_batch(path: Path) -> Images:
    if not path.is_file():
        raise FileProblem(f"{path}: no such file; {_where_to_get()}")
    try:
        with path.open("rb") as file:
            batch: Any = _BatchUnpickler(file, encoding="latin1").load()
        pixels = np.asarray(batch["data"])
        labels = np.asarray(batch["labels"], dtype=np.int64)
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise FileProblem(f"{path}: not a CIFAR-10 batch ({error}); {_where_to_get()}") from error
    if pixels.shape != (len(labels), 3_072) or pixels.dtype != np.uint8:
        raise FileProblem(
            f"{path}: data is {pixels.dtype} {pixels.shape}, needs uint8 ({len(labels)}, 3072); "
            f"{_where_to_get()}"
        )
    images = torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy())
    return Images(images, torch.from_numpy(labels))


class _BatchUnpickler(pickle.Unpickler):
    """Reads arrays and plain containers only: a batch file may not run code."""

    _ALLOWED = frozenset(
        (module, name)
        for module in ("numpy.core.multiarray", "numpy._core.multiarray", "numpy", "_codecs")
        for name in ("_reconstruct", "ndarray", "dtype", "encode")
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"it refers to {module}.{name}, which no CIFAR-10 batch needs")
        return super().find_class(module, name)


def _where_to_get() -> str:
    return (
        f"get 'CIFAR-10 python version' from {CIFAR10_URL} and unpack it, "
        f"so that the folder holds {CIFAR10_FOLDER}/"
    )
