"""Unit: learning from labels and from a teacher, by hand."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from networks.answers import AnswerLoss


class _Says(nn.Module):
    """A teacher with one answer."""

    def __init__(self, logits: list[float]) -> None:
        super().__init__()
        self.logits = torch.tensor([logits])

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return self.logits.expand(len(inputs), -1)


def test_without_a_teacher_it_is_cross_entropy() -> None:
    loss = AnswerLoss()(torch.tensor([[math.log(3.0), 0.0]]), torch.zeros(1, 1), torch.tensor([0]))
    assert float(loss) == pytest.approx(-math.log(0.75))


def test_a_teacher_that_agrees_leaves_a_tenth_of_the_labels_loss() -> None:
    logits = torch.tensor([[math.log(3.0), 0.0]])
    loss = AnswerLoss(teacher=_Says([math.log(3.0), 0.0]))(logits, torch.zeros(1, 1), torch.tensor([0]))
    assert float(loss) == pytest.approx(0.1 * -math.log(0.75), rel=1e-5)


def test_a_teacher_that_differs_adds_the_divergence_at_its_temperature() -> None:
    """At temperature 4 the teacher says (3/4, 1/4) and the student (1/2, 1/2)."""
    loss = AnswerLoss(teacher=_Says([4 * math.log(3.0), 0.0]))(
        torch.zeros(2, 2), torch.zeros(2, 1), torch.tensor([0, 1])
    )
    divergence = 0.75 * math.log(1.5) + 0.25 * math.log(0.5)
    assert float(loss) == pytest.approx(0.1 * math.log(2.0) + 0.9 * 16 * divergence, rel=1e-5)


def test_the_teacher_learns_nothing() -> None:
    teacher = nn.Linear(3, 2)
    logits = torch.zeros(4, 2, requires_grad=True)
    AnswerLoss(teacher=teacher)(logits, torch.ones(4, 3), torch.zeros(4, dtype=torch.int64)).backward()
    assert logits.grad is not None
    assert teacher.weight.grad is None
