"""What training asks of a network's answers: the labels, and a trained network's opinion beside them."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

_TEMPERATURE = 4.0  # of both softmaxes; as the public RepDistiller has it (Tian et al., ICLR 2020)
_TEACHER_SHARE = 0.9  # of the loss; the rest is the labels'; likewise


@dataclass(frozen=True, slots=True, eq=False)
class AnswerLoss:
    """Cross-entropy with the labels, or mostly with a teacher's answers to the same inputs.

    With student logits z, teacher logits y, temperature T and share a::

        loss = (1 - a) CE(z, labels) + a T^2 KL(softmax(y / T) || softmax(z / T))

    Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
    Choice: gated networks may learn from their own static backbone; neither paper says so.  A few epochs then go
    further, because a backbone's answer says more than a label.  Static baselines learn from the same teacher.
    """

    label_smoothing: float = 0.0
    teacher: nn.Module | None = None  # in evaluation mode

    def __call__(self, logits: Tensor, inputs: Tensor, labels: Tensor) -> Tensor:
        """Return the loss of ``logits`` (n, classes), the answers to ``inputs``."""
        by_label = functional.cross_entropy(logits, labels, label_smoothing=self.label_smoothing)
        if self.teacher is None:
            return by_label
        with torch.no_grad():
            taught = functional.log_softmax(self.teacher(inputs).float() / _TEMPERATURE, 1)
        own = functional.log_softmax(logits.float() / _TEMPERATURE, 1)
        distance = functional.kl_div(own, taught, reduction="batchmean", log_target=True)
        return (1.0 - _TEACHER_SHARE) * by_label + _TEACHER_SHARE * _TEMPERATURE**2 * distance
