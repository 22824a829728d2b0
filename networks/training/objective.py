"""Cost targets for gated networks: what training adds to the cross-entropy so that gates learn to close."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn
from torch.nn import functional

from networks.models.gates import ExitGate, OutputWatch, named_gates
from networks.training.answers import Wanted, answer_loss
from networks.training.cost import CostModel, openness

_ROUNDING = 1e-6  # of a mean of ones in float32
_GENTLE = 0.05  # Choice: gap, as a share of the dense cost, up to which the pull grows; see _pull


@dataclass(slots=True)
class GateLog:
    """What the gates did since the last look, for the log."""

    kept: float = 0.0
    steps: int = 0
    opened: dict[str, Tensor] = field(default_factory=dict)  # (1,) or (channels,), summed over batches

    def note(self, kept: Tensor, opened: Mapping[str, Tensor]) -> None:
        """Add one batch: its share of the dense cost, and how far each gate is open, (n,) or (n, channels)."""
        self.steps += 1
        self.kept += kept.item()
        for name, share in opened.items():
            mean = share.detach().reshape(len(share), -1).mean(0)
            self.opened[name] = self.opened[name] + mean if name in self.opened else mean

    def take(self) -> Mapping[str, float]:
        """Return the figures so far and start anew.

        ``cost_kept`` is the mean share of the dense cost, ``never_open`` and ``always_open`` count the layers and
        channels that no input kept, or none skipped: dead gates, and gates that decide nothing.  ``rate.<gate>``
        is a gate's execution rate.
        """
        if not self.steps:
            return {}
        rates = {name: total / self.steps for name, total in self.opened.items()}
        every = torch.cat(list(rates.values()))
        figures = {
            "cost_kept": self.kept / self.steps,
            "never_open": float((every == 0).sum()),
            "always_open": float((every >= 1 - _ROUNDING).sum()),
        }
        self.kept, self.steps, self.opened = 0.0, 0, {}
        return figures | {f"rate.{name}": rate.mean().item() for name, rate in rates.items()}


@dataclass(slots=True)
class TargetCost:
    """Cross-entropy plus a pull of the batch's mean cost towards a target, with annealed bounds per op.

    With F / F0 the batch's mean cost over the static network's, t the target, f_i the mean share of op i's
    cost::

        loss = CE + weight * ((F / F0 - t)^2 + mean_i(relu(f_i - up)^2 + relu(lo - f_i)^2))
        up = 1 - p (1 - t),  lo = p t,  p = cos^2(pi / 2 * min(1, progress / anneal))

    The bounds hold every op at the target first and open up over the first part of training, so that no gate
    dies before it has learnt anything.  Source: T. Verelst, T. Tuytelaars, "Dynamic Convolutions", CVPR 2020,
    and its public code.

    Choice: t itself falls linearly from ``start`` over the same ``anneal`` share of training, because LC-Net
    starts from a trained backbone with open gates.

    Choice: the cost pulls at layer gates by ``layer_pull`` of its gradient.  What a closing gate does to the answer
    is learnt from the slope at its score, which tells little of the harm of leaving a whole block out, and a layer
    gate saves a whole block's cost: pulled alike, layers closed where channels would have cost less accuracy.
    """

    cost: CostModel
    target: float  # of the static network's cost [0..1]
    weight: float = 10.0  # LAUDNet's lambda: Han et al., TPAMI 2024, public code
    anneal: float = 0.33  # share of training: DynConv's public code
    start: float = 1.0  # the target before annealing; less than 1 when training goes on from a gated network
    layer_pull: float = 1.0  # of the cost's gradient
    label_smoothing: float = 0.0
    _log: GateLog = field(default_factory=GateLog)

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        """Return the loss of the batch."""
        with OutputWatch(dict(named_gates(model))) as watch:
            logits = model(inputs)
        with torch.autocast("cpu", enabled=False):
            penalty = self._penalty(watch.outputs, progress)
        return answer_loss(logits, wanted, self.label_smoothing) + self.weight * penalty

    def report(self) -> Mapping[str, float]:
        """Return the mean cost kept and the rate of every gate since the last report, and forget them."""
        return self._log.take()

    def _penalty(self, scores: Mapping[str, Tensor], progress: float) -> Tensor:
        opened = {name: openness(score.float(), self._pull_at(name)) for name, score in scores.items()}
        shares = self.cost.shares(opened)
        kept = self.cost.per_input(shares).mean() / self.cost.dense()
        guarded = [share.mean() for name, share in shares.items() if self._is_guarded(name)]
        done = min(1.0, progress / self.anneal) if self.anneal else 1.0
        target = self.start - (self.start - self.target) * done
        closeness = math.cos(math.pi / 2 * done) ** 2
        upper, lower = 1.0 - closeness * (1.0 - target), closeness * target
        stacked = torch.stack(guarded)
        outside = functional.relu(stacked - upper) + functional.relu(lower - stacked)
        self._log.note(kept, opened)
        return _pull(kept - target) + _pull(outside).mean()

    def _pull_at(self, gate_name: str) -> float:
        return self.layer_pull if self.cost.graph.gate(gate_name).rules.decides == "runs" else 1.0

    def _is_guarded(self, op_name: str) -> bool:
        return bool(self.cost.graph.guards_of(op_name)) and op_name not in self.cost.graph.gate_ops


def _pull(gap: Tensor) -> Tensor:
    """Return the square of a gap, but straight beyond ``_GENTLE``, so that a distant target pulls no harder.

    With the plain square, gates closed blindly while the target was far: a trained ResNet-20 fell from 91 % to
    29 % of the training images within three epochs.
    """
    return 2.0 * functional.huber_loss(gap, torch.zeros_like(gap), reduction="none", delta=_GENTLE)


@dataclass(slots=True)
class ExitLoss:
    """The loss of side exits: alone, each learns the labels and the last exit's answers; jointly, what all exits learn.

    Source: side exits with a loss of their own, S. Teerapittayanon et al., "BranchyNet", ICPR 2016; the last exit as
    their teacher, L. Zhang et al., "Be Your Own Teacher", ICCV 2019.

    Choice: alone, the backbone is frozen, its norms included, so that the last exit answers exactly as the static
    network does and exits cost a forward pass to train.

    ``joint``: the backbone learns with them, and the loss is the sum over all exits, the last with them, each at the
    same weight: G. Huang et al., "Multi-Scale Dense Networks", ICLR 2018, section 4.
    """

    label_smoothing: float = 0.0
    joint: bool = False
    _right: dict[str, int] = field(default_factory=dict)
    _seen: int = 0

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        """Return the sum of the exits' losses on the batch."""
        exits = {name: part for name, part in model.named_modules() if isinstance(part, ExitGate)}
        if not self.joint:
            model.eval()
            for part in exits.values():
                part.train()
        with OutputWatch(exits) as watch:
            last = model(inputs)
        asked = wanted if self.joint else Wanted(wanted.labels, last.detach())
        self._seen += len(last)
        for name, answer in watch.outputs.items():
            self._right[name] = self._right.get(name, 0) + int((answer.argmax(1) == wanted.labels).sum())
        losses = [answer_loss(answer, asked, self.label_smoothing) for answer in watch.outputs.values()]
        if self.joint:
            losses.append(answer_loss(last, wanted, self.label_smoothing))
        return torch.stack(losses).sum()

    def report(self) -> Mapping[str, float]:
        """Return the share of the training images that each exit answered correctly, and forget it."""
        figures = {f"right.{name}": right / self._seen for name, right in self._right.items()}
        self._right, self._seen = {}, 0
        return figures


@dataclass(slots=True)
class SignFlipCost:
    """DDI's loss: cross-entropy of all exits plus a cost whose sign turns at the target.

    With F / F0 the batch's mean cost over the static network's::

        loss = CE(last exit) + exit_weight * sum over side exits of CE + s * beta * F / F0
        s = +1 while F / F0 is above the target, else -1

    Source: the sign flip is that of DFS (Shen et al., AAAI 2020, public code), by the authors of DDI.
    Choice: F / F0 in place of their sum over samples of MACs, so that ``beta`` suits any network.
    """

    cost: CostModel
    target: float  # of the static network's cost [0..1]
    beta: float = 1.0
    exit_weight: float = 0.3  # Choice: side exits must not rule the backbone
    label_smoothing: float = 0.0
    _log: GateLog = field(default_factory=GateLog)

    def __call__(self, model: nn.Module, inputs: Tensor, wanted: Wanted, progress: float) -> Tensor:
        """Return the loss of the batch."""
        exits = {name: model.get_submodule(name) for name in self._side_exits()}
        with OutputWatch(dict(named_gates(model)) | exits) as watch:
            logits = model(inputs)
        loss = answer_loss(logits, wanted, self.label_smoothing)
        for name in exits:
            answer = watch.outputs.pop(name)
            loss = loss + self.exit_weight * answer_loss(answer, wanted, self.label_smoothing)
        with torch.autocast("cpu", enabled=False):
            opened = {name: openness(score.float()) for name, score in watch.outputs.items()}
            kept = self.cost.per_input(self.cost.shares(opened)).mean() / self.cost.dense()
        self._log.note(kept, opened)
        sign = 1.0 if kept.item() > self.target else -1.0
        return loss + sign * self.beta * kept

    def report(self) -> Mapping[str, float]:
        """Return the mean cost kept and the rate of every gate since the last report, and forget them."""
        return self._log.take()

    def _side_exits(self) -> list[str]:
        return [name for gate in self.cost.graph.gates if gate.rules.picks_answer for name in gate.exits[:-1]]
