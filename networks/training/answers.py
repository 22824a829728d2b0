"""What training asks of a network's answers: the labels, and trained networks' opinion beside them."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor
from torch.nn import functional

_TEMPERATURE = 4.0  # of both softmaxes; as the public RepDistiller has it (Tian et al., ICLR 2020)
_TEACHER_SHARE = 0.9  # of the loss; the rest is the labels'; likewise


@dataclass(frozen=True, slots=True, eq=False)
class Wanted:
    """What the answers to a batch are compared with."""

    labels: Tensor  # (n,), int64
    taught: Tensor | None = None  # (n, classes): teachers' logits


def answer_loss(logits: Tensor, wanted: Wanted, label_smoothing: float = 0.0) -> Tensor:
    """Cross-entropy with the labels, or mostly with teachers' answers to the same inputs.

    With student logits z, teacher logits y, temperature T and share a::

        loss = (1 - a) CE(z, labels) + a T^2 KL(softmax(y / T) || softmax(z / T))

    Source: G. Hinton, O. Vinyals, J. Dean, "Distilling the Knowledge in a Neural Network", 2015.
    Choice: gated networks may learn from larger static ones; neither paper says so.  A few epochs then go
    further, because such an answer says more than a label.  Static baselines learn from the same teachers.

    Parameters
    ----------
    logits
        Answers, (n, classes).
    wanted
        What they should have been.
    label_smoothing
        Share of a label that all classes get alike.
    """
    by_label = functional.cross_entropy(logits, wanted.labels, label_smoothing=label_smoothing)
    if wanted.taught is None:
        return by_label
    taught = functional.log_softmax(wanted.taught.float() / _TEMPERATURE, 1)
    own = functional.log_softmax(logits.float() / _TEMPERATURE, 1)
    distance = functional.kl_div(own, taught, reduction="batchmean", log_target=True)
    return (1.0 - _TEACHER_SHARE) * by_label + _TEACHER_SHARE * _TEMPERATURE**2 * distance
