"""Unit: reading and splitting labelled images."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from networks.training.data import IMAGE_SHAPES, load_cifar10, load_dataset, load_digits, plain_batches
from traces.base.errors import ConfigError, FileProblem

PER_FILE = 4


def _write_cifar(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for i, name in enumerate([*(f"data_batch_{k}" for k in range(1, 6)), "test_batch"]):
        data = np.arange(PER_FILE * 3072).reshape(PER_FILE, 3072) % 251 + i
        batch = {"data": data.astype(np.uint8), "labels": [(i + k) % 10 for k in range(PER_FILE)]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    _write_cifar(tmp_path / "cifar-10-batches-py")
    return tmp_path


def test_reads_planar_rgb_and_keeps_the_test_order(folder: Path) -> None:
    data = load_cifar10(folder, validation=3)
    assert (len(data.train), len(data.validation), len(data.test)) == (17, 3, 4)
    assert data.test.labels.tolist() == [5, 6, 7, 8]
    # Pixel (channel 1, row 2, column 3) of the planar layout is number 1024 + 2 * 32 + 3.
    assert int(data.test.pixels[0, 1, 2, 3]) == (1024 + 67) % 251 + 5


def test_the_inner_folder_may_be_named_too(folder: Path) -> None:
    assert len(load_cifar10(folder / "cifar-10-batches-py", validation=3).test) == 4


def test_validation_is_held_out_the_same_way_every_time(folder: Path) -> None:
    first, second = load_cifar10(folder, validation=3), load_cifar10(folder, validation=3)
    assert torch.equal(first.validation.pixels, second.validation.pixels)
    every = torch.cat((first.train.pixels, first.validation.pixels)).flatten(1)
    assert len(torch.unique(every, dim=0)) == 20


def test_a_missing_folder_says_where_to_get_the_data(tmp_path: Path) -> None:
    with pytest.raises(
        FileProblem, match=r"data_batch_1: no such file; get 'CIFAR-10 python version' from https"
    ):
        load_cifar10(tmp_path)
    with pytest.raises(ConfigError, match="needs the folder that holds cifar-10-batches-py/"):
        load_dataset("cifar10", None)


def test_unknown_data_sets_name_the_nearest() -> None:
    with pytest.raises(ConfigError, match="did you mean 'cifar10'"):
        load_dataset("cifar", None)


def test_a_truncated_batch_is_named(folder: Path) -> None:
    path = folder / "cifar-10-batches-py" / "data_batch_3"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(FileProblem, match="data_batch_3: not a CIFAR-10 batch"):
        load_cifar10(folder)


def test_a_batch_of_another_shape_is_named(folder: Path) -> None:
    path = folder / "cifar-10-batches-py" / "test_batch"
    path.write_bytes(pickle.dumps({"data": np.zeros((4, 100), np.uint8), "labels": [0] * 4}))
    with pytest.raises(FileProblem, match=r"data is uint8 \(4, 100\), needs uint8 \(4, 3072\)"):
        load_cifar10(folder)


def test_a_batch_cannot_run_code(folder: Path) -> None:
    path = folder / "cifar-10-batches-py" / "data_batch_1"
    path.write_bytes(pickle.dumps({"data": Path("x"), "labels": []}))
    with pytest.raises(FileProblem, match="which no CIFAR-10 batch needs"):
        load_cifar10(folder)


# A text in a codec that is none.
NOT_BYTES = b"\x80\x02c_codecs\nencode\nX\x01\x00\x00\x00bX\x06\x00\x00\x00lqtin1\x86R."
MEMORY = b"\x80\x04B\xff\xff\xff\x7f."  # two gigabytes of bytes, of which none come
EMPTY_ARRAY = pickle.dumps({"data": np.zeros((0, 3072), np.uint8), "labels": [1]}, protocol=2)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ([0, 1, 2, -5], "label -5, needs one of 0 to 9"),
        ([0, 1, 2, 99], "label 99, needs one of 0 to 9"),
        ([0, 1, 2, 2**70], "labels are object|too large|label"),
        ([0, 1, 2, [3]], "inhomogeneous|object"),
        ([0, 1, None, 3], "labels are object"),
        ([0.0, 1.0, 2.0, 3.0], "labels are float64"),
        ([True, False, True, True], "labels are bool"),
        (NOT_BYTES, "unknown encoding: lqtin1"),
        (MEMORY, "truncated|MemoryError|exceeds|ran out"),
        (EMPTY_ARRAY, r"data is uint8 \(0, 3072\)|needs"),
        (b"\x80\x02}q\x00.", "data"),
        (b"", "Ran out of input"),
    ],
)
def test_a_hostile_batch_is_one_message(folder: Path, content: object, said: str) -> None:
    """Labels that are no classes were read, and damaged pickles ended in tracebacks."""
    path = folder / "cifar-10-batches-py" / "test_batch"
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        batch = pickle.loads(path.read_bytes())
        path.write_bytes(pickle.dumps({**batch, "labels": content}, protocol=2))
    with pytest.raises(FileProblem, match=said) as found:
        load_cifar10(folder, validation=3)
    assert "test_batch: " in str(found.value)
    assert len(str(found.value)) < 500


def test_digits_are_split_without_overlap_into_balanced_parts() -> None:
    data = load_digits()
    assert (len(data.train), len(data.validation), len(data.test)) == (997, 300, 500)
    assert data.image_shape == (1, 8, 8)
    for part in (data.train, data.validation, data.test):
        assert set(part.labels.tolist()) == set(range(10))


def test_data_sets_have_the_shapes_that_networks_to_be_trained_are_priced_at(folder: Path) -> None:
    shapes = {"cifar10": load_cifar10(folder, validation=3).image_shape, "digits": load_digits().image_shape}
    shapes["cifar10_224"] = (3, 224, 224)
    assert shapes == IMAGE_SHAPES


def test_normalised_pixels_have_mean_zero_and_deviation_one() -> None:
    data = load_digits()
    x = data.normalise(data.train.pixels)
    assert float(x.mean()) == pytest.approx(0.0, abs=0.01)
    assert float(x.std()) == pytest.approx(1.0, abs=0.01)


def test_plain_batches_keep_order_and_the_short_last_one() -> None:
    data = load_digits()
    parts = [labels for _, labels in plain_batches(data, data.test, 300)]
    assert [len(part) for part in parts] == [300, 200]
    assert torch.equal(torch.cat(parts), data.test.labels)
