"""Look-ahead: weights that follow a slow average of themselves, ever more closely.

Source: M. Zhang et al., "Lookahead Optimizer", NeurIPS 2019; the rising decay is that of airbench94 (K. Jordan, 2024).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

_EVERY = 5  # steps; airbench94
_DECAY = 0.95  # per step, at the end of training; airbench94


class LookAhead:
    """Keeps a slow average of all floating-point tensors of a model and sets the model back to it."""

    def __init__(self, model: nn.Module) -> None:
        self._fast = [tensor for tensor in model.state_dict().values() if tensor.is_floating_point()]
        self._slow = [tensor.clone() for tensor in self._fast]
        self._steps = 0

    @torch.no_grad()
    def step(self, done: float) -> None:
        """Count a step; ``done`` is the share of training that is done with it.  The last one leaves the average."""
        self._steps += 1
        if self._steps % _EVERY and done < 1.0:
            return
        decay = 1.0 if done >= 1.0 else _DECAY**_EVERY * done**3
        for fast, slow in zip(self._fast, self._slow, strict=True):
            slow.lerp_(fast, 1.0 - decay)
            fast.copy_(slow)

    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`load_state_dict` restores."""
        return {"slow": self._slow, "steps": self._steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore a :meth:`state_dict`; ``ValueError`` if it is none of this model."""
        slow, steps = [tensor.clone() for tensor in state["slow"]], int(state["steps"])
        if [tensor.shape for tensor in slow] != [tensor.shape for tensor in self._fast] or steps < 0:
            raise ValueError("the average is of another model")
        self._slow, self._steps = slow, steps
