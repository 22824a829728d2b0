"""What a batch costs, differentiably: MACs, or a design's cycles or energy, from gate scores.

A decision counts as 0 or 1, but its gradient is the score's (a straight-through estimate)::

    open = [score > 0] + score - stop_gradient(score)

Openness then flows through the graph as presence of channels: a convolution's cost is its dense cost times
the shares of its input and output channels that are there, times the openness of the layer gates that guard
it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from networks.cost_table import CostTable
from traces.graph import INPUT, NetworkGraph, Op


def openness(scores: Tensor) -> Tensor:
    """Return 1 where the score is above 0 and 0 elsewhere, with the gradient of the score."""
    return (scores > 0).to(scores.dtype) + scores - scores.detach()


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
        present: dict[str, Tensor | None] = {INPUT: None}
        shares: dict[str, Tensor] = {}
        one = next(iter(opened.values())).new_ones(len(next(iter(opened.values()))))
        for op in self.graph:
            inputs = _inputs_present(op, present, self.graph)
            outputs, runs = inputs if op.kind not in {"conv", "linear", "lstm_cell"} else None, one
            for gate in self.graph.guards_of(op.name):
                if gate.kind == "channel":
                    outputs = opened[gate.name]
                elif gate.kind == "layer":
                    runs = runs * opened[gate.name]
            if self._full(op):
                shares[op.name] = runs * self._share(op, inputs, outputs, one)
            # A skipped layer is absent where it is concatenated; where it is added, the other operand is
            # there.
            guarded = any(gate.kind == "layer" for gate in self.graph.guards_of(op.name))
            present[op.name] = (
                _times(outputs, runs, op.out_channels) if guarded and op.kind != "add" else outputs
            )
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


def _inputs_present(op: Op, present: Mapping[str, Tensor | None], graph: NetworkGraph) -> Tensor | None:
    """Return which input channels exist, (n, in_channels); ``None`` means all."""
    parts = [present[name] for name in op.inputs]
    if op.kind == "mul":
        return parts[0]
    if op.kind == "concat":
        known = [part for part in parts if part is not None]
        if not known:
            return None
        widths = [
            graph.input_channels if name == INPUT else graph.op(name).out_channels for name in op.inputs
        ]
        rows = len(known[0])
        filled = [
            known[0].new_ones(rows, width) if part is None else part
            for part, width in zip(parts, widths, strict=True)
        ]
        return torch.cat(filled, 1)
    return parts[0] if len(parts) == 1 else None


def _times(outputs: Tensor | None, runs: Tensor, channels: int) -> Tensor:
    return runs[:, None].expand(-1, channels) if outputs is None else outputs * runs[:, None]
