"""Unit: learning from labels and from teachers' answers, by hand."""

from __future__ import annotations

import math

import pytest
import torch

from networks.training.answers import Wanted, answer_loss


def test_without_a_teacher_it_is_cross_entropy() -> None:
    loss = answer_loss(torch.tensor([[math.log(3.0), 0.0]]), Wanted(torch.tensor([0])))
    assert float(loss) == pytest.approx(-math.log(0.75))


def test_a_teacher_that_agrees_leaves_a_tenth_of_the_labels_loss() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0]])
    loss = answer_loss(logits, Wanted(torch.tensor([0]), taught=logits))
    assert float(loss) == pytest.approx(0.1 * -math.log(0.75), rel=1e-5)


def test_a_teacher_that_differs_adds_the_divergence_at_its_temperature() -> None:
    """At temperature 4 the teacher says (3/4, 1/4) and the student (1/2, 1/2)."""
    taught = torch.tensor([[4 * math.log(3.0), 0.0]]).expand(2, 2)
    loss = answer_loss(torch.zeros(2, 2), Wanted(torch.tensor([0, 1]), taught))
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(loss) == pytest.approx(0.1 * math.log(2.0) + 0.9 * 16 * divergence, rel=1e-5)
