"""Labelled images held in memory: CIFAR-10 from its standard folder, and scikit-learn's digits.

::

    cifar-10-batches-py/ ──► load_cifar10 ─┐
    scikit-learn ──────────► load_digits ──┴─► Dataset(train, validation, test)

Pixels stay ``uint8`` until a batch is drawn; 60,000 CIFAR-10 images take 184 MB.  The validation part is cut
from the training images with a fixed seed, so that choices are never made on the test set.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from traces import ConfigError, FileProblem, Ints, did_you_mean

CIFAR10_URL = "https://www.cs.toronto.edu/~kriz/cifar.html"
CIFAR10_FOLDER = "cifar-10-batches-py"
_TRAIN_FILES = tuple(f"data_batch_{i}" for i in range(1, 6))
_TEST_FILE = "test_batch"
DatasetName = Literal["cifar10", "cifar10_224", "digits"]
DATASETS: tuple[str, ...] = get_args(DatasetName)
_CLASSES = 10
_SPLIT_SEED = 0  # Choice: one split for every experiment, so that runs compare
_IMAGENET_SIDE = 224  # pixels: of the images EfficientNet-Lite0 was trained on
# channels, height, width of what a network sees [pixels]
IMAGE_SHAPES: dict[DatasetName, tuple[int, int, int]] = {
    "cifar10": (3, 32, 32),
    "cifar10_224": (3, _IMAGENET_SIDE, _IMAGENET_SIDE),
    "digits": (1, 8, 8),
}
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
    side: int | None = None  # pixels that images are enlarged to; as they are stored without it

    @property
    def image_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of what a network sees [pixels]."""
        channels, height, width = self.stored_shape
        return (channels, height, width) if self.side is None else (channels, self.side, self.side)

    @property
    def stored_shape(self) -> tuple[int, int, int]:
        """Channels, height, width of what is stored [pixels]."""
        channels, height, width = self.test.pixels.shape[1:]
        return channels, height, width

    @property
    def preprocessing(self) -> str:
        """What happens to a pixel before the network sees it, in words."""
        enlarged = "" if self.side is None else f"enlarged to {self.side} pixels (bilinear), "
        return f"{enlarged}pixel / 255, minus {self.mean}, over {self.std}, per channel"

    def normalise(self, pixels: Tensor) -> Tensor:
        """Turn uint8 pixels (n, c, h, w) into float32 network inputs, channels last in memory."""
        mean = torch.tensor(self.mean).view(1, -1, 1, 1)
        scale = 1.0 / (255.0 * torch.tensor(self.std).view(1, -1, 1, 1))
        seen = pixels.float()
        if self.side is not None:
            seen = functional.interpolate(seen, size=self.side, mode="bilinear", align_corners=False)
        return ((seen - 255.0 * mean) * scale).contiguous(memory_format=torch.channels_last)


def load_dataset(name: str, folder: Path | None) -> Dataset:
    """Load ``"cifar10"`` or ``"cifar10_224"`` from ``folder``, or ``"digits"``, which needs none."""
    match name:
        case "cifar10" | "cifar10_224":
            if folder is None:
                raise ConfigError(
                    f"data set {name!r} needs the folder that holds {CIFAR10_FOLDER}/; {_where_to_get()}"
                )
            data = load_cifar10(folder)
            return data if name == "cifar10" else _enlarged(data)
        case "digits":
            return load_digits()
        case _:
            raise ConfigError(f"data set {name!r}: no such data set{did_you_mean(name, DATASETS)}")


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
        classes=_CLASSES,
        flip=True,
        crop_pad=_CROP_PAD,
    )


def _enlarged(data: Dataset) -> Dataset:
    """Return CIFAR-10 as ImageNet networks of TensorFlow's see it.

    Source: ``MEAN_RGB`` and ``STDDEV_RGB`` of TensorFlow's EfficientNet-Lite, 127 and 128 of 255.
    """
    mean, deviation = (127.0 / 255.0,) * 3, (128.0 / 255.0,) * 3
    return replace(data, name="cifar10_224", side=_IMAGENET_SIDE, mean=mean, std=deviation)


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


def plain_batches(data: Dataset, part: Images, size: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield all images in order, not augmented."""
    for start in range(0, len(part), size):
        yield data.normalise(part.pixels[start : start + size]), part.labels[start : start + size]


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
        labels = _labels(batch["labels"])
    except Exception as error:  # pickle and numpy raise a dozen kinds for damaged bytes
        reason = str(error).split("\n", maxsplit=1)[0][:200] or type(error).__name__
        raise FileProblem(f"{path}: not a CIFAR-10 batch ({reason}); {_where_to_get()}") from error
    if pixels.shape != (len(labels), 3_072) or pixels.dtype != np.uint8:
        raise FileProblem(
            f"{path}: data is {pixels.dtype} {pixels.shape}, needs uint8 ({len(labels)}, 3072); "
            f"{_where_to_get()}"
        )
    images = torch.from_numpy(pixels.reshape(-1, 3, 32, 32).copy())
    return Images(images, torch.from_numpy(labels))


def _labels(found: object) -> Ints:
    """Return labels as they stand in a batch: whole numbers, each a class."""
    labels = np.asarray(found)
    if labels.ndim != 1 or labels.dtype.kind not in "iu":
        raise ValueError(f"labels are {labels.dtype} {labels.shape}, need whole numbers in a row")
    outside = labels[(labels < 0) | (labels >= _CLASSES)]
    if len(outside):
        raise ValueError(f"label {outside[0]}, needs one of 0 to {_CLASSES - 1}")
    return labels.astype(np.int64)


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
