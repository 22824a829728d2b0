"""What a batch costs, differentiably: MACs, or a design's cycles or energy, from gate scores.

A decision counts as 0 or 1, but its gradient is the score's (a straight-through estimate)::

    open = [score > 0] + score - stop_gradient(score)

Openness then flows through the graph as presence of channels: a convolution's cost is its dense cost times
the shares of its input and output channels that are there, times the openness of the layer gates that guard
it, times the share of tiles or tokens that is computed (of a product of activations in both its operands).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

import torch
from torch import Tensor

from networks.training.cost_table import CostTable
from traces import INPUT, MAC_KINDS, NetworkGraph, Op


def openness(scores: Tensor, pull: float = 1.0) -> Tensor:
    """Return 1 where the score is above 0 and 0 elsewhere, with ``pull`` times the gradient of the score."""
    return (scores > 0).to(scores.dtype) + pull * (scores - scores.detach())


@dataclass(frozen=True, slots=True, eq=False)
class CostModel:
    """Costs the ops of a graph under gate decisions.

    Parameters
    ----------
    graph
        Graph of the network that is trained.
    table
        Cost of each op by its active channels; ``None`` counts MACs.
    """

    graph: NetworkGraph
    table: CostTable | None = None

    @property
    def unit(self) -> str:
        """What costs are counted in."""
        return "MAC" if self.table is None else self.table.unit

    def dense(self) -> float:
        """Cost of the static network, without gates [unit]."""
        return sum(self._full(op) for op in self.graph.without_gates())

    def shares(self, opened: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return, for each op that costs anything, the share of its dense cost each input pays, (n,).

        ``opened`` holds the openness of each gate by name, (n,) or (n, channels).
        """
        one = next(iter(opened.values())).new_ones(len(next(iter(opened.values()))))
        tensors = {INPUT: _OpenOutput(self.graph.input_channels, None, None)}
        shares: dict[str, Tensor] = {}
        for op in self.graph:
            inputs = _read([tensors[name] for name in op.inputs], op)
            outputs, runs, parts = None if op.kind in MAC_KINDS else inputs, None, None
            for gate in self.graph.guards_of(op.name):
                match gate.rules.decides:
                    case "channels":
                        outputs = opened[gate.name]
                    case "runs" if gate.rules.stored == "flag":
                        runs = opened[gate.name] if runs is None else runs * opened[gate.name]
                    case "tiles" | "rows":
                        parts = opened[gate.name].mean(1)
                    case "runs" | "elements":
                        pass  # which exit answers is no trained gate's score; single products skip no cost
                    case _:
                        assert_never(gate.rules.decides)
            if self._full(op):
                share = self._share(op, inputs, outputs, one)
                share = share if parts is None else share * parts ** _sides(op)
                shares[op.name] = share if runs is None else runs * share
            # Where a sum is skipped, its other operand is handed on.
            tensors[op.name] = _OpenOutput(op.out_channels, outputs, None if op.kind == "add" else runs)
        return shares

    def per_input(self, shares: Mapping[str, Tensor]) -> Tensor:
        """Return what each input costs, the gates' own work included, (n,) [unit]."""
        return torch.stack([share * self._full(self.graph.op(name)) for name, share in shares.items()]).sum(0)

    def _full(self, op: Op) -> float:
        return float(op.macs) if self.table is None else self.table.dense(op.name)

    def _share(self, op: Op, inputs: Tensor | None, outputs: Tensor | None, one: Tensor) -> Tensor:
        in_share = one if inputs is None else inputs.mean(1)
        out_share = one if outputs is None else outputs.mean(1)
        if self.table is None:
            return in_share * out_share
        cost = self.table.interpolate(op.name, in_share * op.in_channels, out_share * op.out_channels)
        return cost / self.table.dense(op.name)


@dataclass(frozen=True, slots=True, eq=False)
class _OpenOutput:
    """The output of an op: which channels exist where it runs, and how open the layer gates over it are."""

    channels: int
    kept: Tensor | None  # (n, channels); None means all
    runs: Tensor | None  # (n,); None means always

    def there(self, like: Tensor) -> Tensor:
        """Return which channels exist, (n, channels), none where the op does not run."""
        kept = like.new_ones(len(like), self.channels) if self.kept is None else self.kept
        return kept if self.runs is None else kept * self.runs[:, None]


def _sides(op: Op) -> int:
    """Return in how many of its operands an op has the rows that a token gate keeps: in both of an attention's."""
    return 2 if op.kind == "matmul" else 1


def _read(operands: list[_OpenOutput], op: Op) -> Tensor | None:
    """Return which input channels an op reads, (n, in_channels); ``None`` means all.

    Only a concatenation sees that an op before it was skipped: elsewhere the same gates guard the reader, or the
    other operand of a sum is there.
    """
    if op.kind == "concat":
        known = [mask for operand in operands for mask in (operand.kept, operand.runs) if mask is not None]
        return torch.cat([operand.there(known[0]) for operand in operands], 1) if known else None
    return operands[0].kept if op.kind == "mul" or len(operands) == 1 else None
