"""Unit: the parts of the training recipe: Muon, look-ahead, alternating flip, progressive crops."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from networks.models.gates import LinearChannelGate
from networks.training.batches import Augmentation, batches
from networks.training.data import load_digits
from networks.training.optimizing.look_ahead import LookAhead
from networks.training.optimizing.muon import Muon, orthogonalised
from networks.training.optimizing.optimizers import Optimizers, TrainSettings


@given(rows=st.integers(1, 12), columns=st.integers(1, 12), seed=st.integers(0, 99))
@settings(max_examples=25, deadline=None)
def test_orthogonalised_keeps_singular_vectors(rows: int, columns: int, seed: int) -> None:
    matrix = torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed)).double()
    u, s, vh = torch.linalg.svd(matrix, full_matrices=False)
    rotated = u.T @ orthogonalised(matrix) @ vh.T
    assert torch.allclose(rotated, torch.diag(torch.diagonal(rotated)), atol=1e-6)
    large = s > 0.1 * s.norm()  # three iterations lift what is not small into this band
    assert (torch.diagonal(rotated)[large] > 0.5).all()
    assert (torch.diagonal(rotated) < 1.3).all()


def test_muon_moves_a_filter_bank_by_hand() -> None:
    parameter = nn.Parameter(torch.full((1, 1, 1, 2), 3.0))
    parameter.grad = torch.tensor([[[[4.0, 0.0]]]])
    Muon([parameter], lr=0.5).step()
    # Scaled to the norm sqrt(1), then against the gradient; one singular value of 1 goes p(p(p(1))), p = its quintic.
    value = 1.0
    for _ in range(3):
        value = 3.4445 * value - 4.775 * value**3 + 2.0315 * value**5
    kept = 0.5**0.5
    assert parameter.flatten().tolist() == pytest.approx([kept - 0.5 * value, kept])


def test_look_ahead_by_hand() -> None:
    model = nn.Linear(1, 1, bias=False)
    model.weight.data.fill_(0.0)
    ahead = LookAhead(model)
    model.weight.data.fill_(1.0)
    for _ in range(4):
        ahead.step(0.5)
    assert model.weight.item() == 1.0
    ahead.step(0.5)  # the fifth: half of training done, so that the decay is 0.95^5 / 8
    average = 1.0 - 0.95**5 / 8
    assert model.weight.item() == pytest.approx(average)
    model.weight.data.fill_(5.0)
    ahead.step(1.0)  # the last step leaves the average
    assert model.weight.item() == pytest.approx(average)


def test_optimizers_share_out_the_parameters() -> None:
    model = nn.Sequential(nn.Conv2d(3, 4, 3, bias=False), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    optimizers = Optimizers(model, TrainSettings(epochs=1, muon=0.1, look_ahead=True))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    optimizers.set_rate(1.0)
    optimizers.step(model(torch.randn(8, 3, 3, 3)).square().sum(), 0.1)
    changed = {name for name, tensor in model.named_parameters() if not torch.equal(tensor, before[name])}
    assert changed == {name for name, _ in model.named_parameters()}
    assert model.get_parameter("0.weight").norm().item() == pytest.approx(
        2.0, abs=0.3
    )  # sqrt(4), and a step of 0.1
    states = optimizers.state()
    again = Optimizers(model, TrainSettings(epochs=1, muon=0.1, look_ahead=True))
    again.load(states)
    assert str(again.state()) == str(states)


def test_adam_takes_the_place_of_sgd() -> None:
    settings = TrainSettings(epochs=1, adam=3e-4, learning_rate=9.0)
    network = Optimizers(nn.Linear(2, 2), settings)
    network.set_rate(0.5)
    (optimizer,) = [each for each, _ in network._all]
    assert isinstance(optimizer, torch.optim.AdamW)
    assert {group["lr"] for group in optimizer.param_groups} == {1.5e-4}


def test_gate_weights_may_move_by_the_root_of_their_inputs() -> None:
    gate = LinearChannelGate(16, 3)
    optimizers = Optimizers(
        nn.Sequential(gate), TrainSettings(epochs=1, gate_learning_rate=0.4, gate_fan_in=True)
    )
    optimizers.set_rate(1.0)
    rates = {
        parameter: group["lr"]
        for optimizer, _ in optimizers._all
        for group in optimizer.param_groups
        for parameter in group["params"]
    }
    assert rates[gate.fc.linear.weight] == pytest.approx(0.1)  # 0.4 / sqrt(16)
    assert rates[gate.fc.linear.bias] == pytest.approx(0.4)


def test_progressive_crops_follow_each_other() -> None:
    chosen = TrainSettings(epochs=10, crop=(16, 20, 24), crop_share=0.8)
    sides = [chosen.augmentation_of(epoch).crop for epoch in range(1, 11)]
    assert sides == [16, 16, 16, 20, 20, 20, 24, 24, None, None]
    one = TrainSettings(epochs=4, crop=24, crop_share=0.5)
    assert [one.augmentation_of(epoch).crop for epoch in range(1, 5)] == [24, 24, None, None]


def test_alternating_flip_shows_both_sides_in_two_epochs() -> None:
    data = dataclasses.replace(load_digits(), flip=True, crop_pad=0)

    def seen(turn: int) -> torch.Tensor:
        drawn = batches(data, 1, torch.Generator().manual_seed(3), Augmentation(turn=turn))
        return torch.cat([inputs for inputs, _ in drawn])

    first, second, third = seen(1), seen(2), seen(3)
    assert torch.equal(second, first.flip(3))
    assert torch.equal(third, first)
    alike = (first == seen(4)).flatten(1).all(1)
    assert alike.sum() < 10  # the other side; of 997 digits hardly one is its own mirror image


def test_half_of_the_images_turn_first() -> None:
    data = dataclasses.replace(load_digits(), flip=True, crop_pad=0)
    pixels = data.normalise(data.train.pixels)
    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(3))
    seen = torch.cat([inputs for inputs, _ in batches(data, 1, generator, Augmentation(turn=1))])
    stored = (seen == pixels[order]).flatten(1).all(1).float().mean().item()
    assert 0.4 < stored < 0.6
