"""Unit: random views of training images, and the same views again for teachers."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from networks.models.families import ResNetConfig
from networks.training import checkpoint
from networks.training.batches import Augmentation, Crops, batches, draw_views, finished, look
from networks.training.data import Dataset, Images, load_digits
from networks.training.teaching import Lessons, prepare_lessons
from tests.shared import there

MODEL = {"kind": "resnet", "blocks": [1], "widths": [4], "in_channels": 1}


def _photographs(count: int) -> Dataset:
    """Coloured 32 x 32 images that may be mirrored; every pixel of an image has its own value."""
    values = (torch.arange(count * 3 * 1024) * 7 % 251).to(torch.uint8).view(count, 3, 32, 32)
    images = Images(values, torch.arange(count) % 10)
    return Dataset("photographs", images, images, images, (0.5, 0.4, 0.3), (0.2,) * 3, 10, True, 4)


def _pixels(data: Dataset, inputs: Tensor) -> Tensor:
    """Undo the normalisation."""
    std, mean = (torch.tensor(values).view(-1, 1, 1) for values in (data.std, data.mean))
    return ((inputs * std + mean) * 255).round().to(torch.uint8)


def test_batches_repeat_with_the_seed_and_visit_every_image_once() -> None:
    data = load_digits()
    data = replace(data, train=data.validation)

    def labels(seed: int) -> list[int]:
        drawn = batches(data, 30, torch.Generator().manual_seed(seed), Augmentation())
        return [int(label) for _, wanted in drawn for label in wanted.labels]

    assert labels(0) == labels(0)
    assert labels(0) != labels(1)
    assert sorted(labels(0)) == sorted(data.validation.labels.tolist())


@pytest.mark.parametrize("crop", [None, 24])
def test_a_view_is_a_window_of_the_padded_image_or_of_its_mirror(crop: int | None) -> None:
    """Whole images move by up to 4 pixels over a border of the mean grey; squares lie inside the image."""
    data = _photographs(1)
    whole = data.train.pixels[0]
    if crop is None:
        whole = torch.nn.functional.pad(whole, (4,) * 4, value=round(255 * 0.4))
    side = crop or 32
    windows = [whole[:, r : r + side, c : c + side] for r in range(9) for c in range(9)]
    allowed = {w.numpy().tobytes() for w in windows} | {w.flip(2).numpy().tobytes() for w in windows}
    seen = set()
    for seed in range(20):
        ((x, _),) = batches(data, 1, torch.Generator().manual_seed(seed), Augmentation(crop=crop))
        seen.add(_pixels(data, x[0]).contiguous().numpy().tobytes())
    assert seen <= allowed
    assert len(seen) > 10


def test_a_view_by_hand() -> None:
    """The square of two pixels at row 1, column 0 of 0 1 2 / 3 4 5 / 6 7 8, mirrored."""
    image = Images(torch.arange(9, dtype=torch.uint8).view(1, 1, 3, 3), torch.zeros(1, dtype=torch.int64))
    data = Dataset("d", image, image, image, (0.0,), (1.0,), 10, True, 1)
    views = Crops(torch.tensor([1]), torch.tensor([0]), torch.tensor([True]))
    assert look(image.pixels, views, data, 2).tolist() == [[[[4, 3], [7, 6]]]]
    assert look(image.pixels, views, data, None).tolist() == [[[[1, 0, 0], [4, 3, 0], [7, 6, 0]]]]


def test_a_cutout_paints_one_grey_square_and_nothing_else() -> None:
    data = _photographs(40)
    generator = torch.Generator().manual_seed(0)
    before = data.train.pixels
    after = _pixels(data, finished(before, data, Augmentation(cutout=8), generator))
    changed = (after != before).any(1)
    for image, mask in zip(after, changed, strict=True):
        rows, columns = mask.any(1).nonzero().flatten(), mask.any(0).nonzero().flatten()
        height, width = (int(places[-1] - places[0]) + 1 for places in (rows, columns))
        assert 4 <= height <= 8  # clipped at an edge
        assert 4 <= width <= 8
        square = image[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
        assert (square == round(255 * 0.4)).all()


def _teacher(path: Path, seed: int) -> Path:
    torch.manual_seed(seed)
    model = ResNetConfig.model_validate(MODEL).build()
    information: dict[str, object] = {"name": path.stem, "dataset": "digits", "image_shape": [1, 8, 8]}
    information |= {"epochs": 1, "validation_accuracy": 0.5}
    checkpoint.save_model(path, MODEL, model.state_dict(), information)
    return path


def test_lessons_are_the_teachers_mean_answers_to_what_the_network_sees(tmp_path: Path) -> None:
    data = load_digits()
    data = replace(data, train=data.train.first(60))
    teachers = [_teacher(tmp_path / f"{seed}.pt", seed) for seed in (1, 2)]
    asked: list[tuple[str, int | None]] = []

    def lessons() -> Lessons:
        return prepare_lessons(
            teachers,
            data,
            crops={None, 6},
            rounds=2,
            folder=tmp_path / "answers",
            bfloat16=False,
            progress=lambda path, crop: asked.append((path.stem, crop)),
        )

    taught = lessons()
    assert sorted(asked, key=str) == [("1", 6), ("1", None), ("2", 6), ("2", None)]
    models = []
    for path in teachers:
        model = ResNetConfig.model_validate(MODEL).build().eval()
        model.load_state_dict(
            {
                k: v.float() if v.is_floating_point() else v
                for k, v in checkpoint.read(path, checkpoint.MODEL)["state_dict"].items()
            }
        )
        models.append(model)
    for crop in (None, 6):
        generator = torch.Generator().manual_seed(0)
        for inputs, wanted in taught.batches(data, 20, generator, Augmentation(crop=crop), epoch=3):
            assert inputs.shape[2] == (crop or 8)
            with torch.no_grad():
                mean = torch.stack([model(inputs) for model in models]).mean(0)
            assert torch.allclose(there(wanted.taught).float(), mean, atol=5e-3)

    asked.clear()
    again = lessons()
    assert asked == []  # what was answered is kept
    for crop in (None, 6):
        assert torch.equal(again.answers[crop], taught.answers[crop])


def test_rounds_follow_one_another_and_come_again(tmp_path: Path) -> None:
    data = load_digits()
    data = replace(data, train=data.train.first(20))
    teachers = [_teacher(tmp_path / "t.pt", 1)]
    taught = prepare_lessons(
        teachers, data, crops={None}, rounds=2, folder=tmp_path / "answers", bfloat16=False
    )

    def seen(epoch: int) -> Tensor:
        generator = torch.Generator().manual_seed(5)
        return torch.cat([x for x, _ in taught.batches(data, 20, generator, Augmentation(), epoch)])

    assert torch.equal(seen(1), seen(3))
    assert not torch.equal(seen(1), seen(2))


def test_views_repeat_with_the_seed() -> None:
    data = _photographs(5)
    first, second, other = (draw_views(5, data, 24, torch.Generator().manual_seed(s)) for s in (1, 1, 2))
    assert torch.equal(first.top, second.top)
    assert torch.equal(first.mirrored, second.mirrored)
    assert not torch.equal(first.top, other.top)
