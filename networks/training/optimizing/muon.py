"""Muon: momentum whose every step is orthogonalised, for convolutions.

Source: K. Jordan et al., "Muon: An optimizer for hidden layers in neural networks", 2024, and airbench94 of the same
author, whose coefficients and normalised filters these are.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

_COEFFICIENTS = (3.4445, -4.7750, 2.0315)  # of the quintic iteration: steep at 0, near 1 afterwards
_STEPS = 3  # of the iteration; airbench94


def orthogonalised(matrix: Tensor) -> Tensor:
    """Return a matrix (rows, columns) with the same singular vectors, its singular values near 1.

    Newton-Schulz iteration of order five::

        X <- a X + (b A + c A A) X,  A = X X^T
    """
    a, b, c = _COEFFICIENTS
    tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if tall else matrix
    x = x / (x.norm() + 1e-7)  # so that no singular value is above 1
    for _ in range(_STEPS):
        gram = x @ x.T
        x = a * x + (b * gram + c * gram @ gram) @ x
    out: Tensor = x.T if tall else x
    return out


class Muon(torch.optim.Optimizer):
    """Moves filters (out, in, h, w) by orthogonalised momentum, and keeps their norms.

    Before each step a filter bank is scaled to the norm sqrt(out); the batch norm behind it hides its scale.

    Parameters
    ----------
    parameters
        Four-dimensional tensors.
    lr
        Length of a step.
    momentum
        Of the gradients, Nesterov's.  Choice: airbench94 has 0.6 at 2,000 images a batch; batches here are smaller.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float, momentum: float = 0.8) -> None:
        super().__init__(parameters, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Any = None) -> None:  # type: ignore[override]  # nobody needs its closure's loss
        """Take one step."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    self._move(parameter, parameter.grad, group["lr"], group["momentum"])

    def _move(self, parameter: Tensor, gradient: Tensor, rate: float, momentum: float) -> None:
        state = self.state[parameter]
        if not state:
            state["momentum"] = torch.zeros_like(gradient)
        average = state["momentum"].mul_(momentum).add_(gradient)
        direction = gradient.add(average, alpha=momentum)
        parameter.mul_(len(parameter) ** 0.5 / parameter.norm())
        parameter.sub_(orthogonalised(direction.flatten(1)).reshape(parameter.shape), alpha=rate)
