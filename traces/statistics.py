"""What a trace tells before any hardware is asked: how often gates open, how surely, how alike.

Every gate is reduced to its *kept share* per input: 1 or 0 for a layer gate, the share of kept channels or
tiles, the kept width as a share of the widest, the answering exit's index as a share of the deepest.  A gate
that was not asked (a C-Net inside a skipped block) is left out of its statistics for that input.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from traces.base.arrays import Bools, Floats
from traces.graphs.kinds import GateKind
from traces.graphs.parts import Gate
from traces.trace import Trace
from traces.work.lowering import lower
from traces.work.workload import Workload


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GateStatistics:
    """Statistics of one gate over the inputs that asked it; NaN where no input did."""

    name: str
    kind: GateKind
    size: int
    asked: int  # inputs that asked the gate
    execution_rate: float  # mean kept share [0..1]
    spread: float  # standard deviation of the kept share over inputs
    mean_kept: float  # mean kept channels, tiles, width or exit index; for a layer gate the execution rate
    entropy_bits: float  # of the decision; bits of a mask are counted as independent
    always_open: int  # bits kept for every input (0 or 1 for a layer gate)
    dead: int  # bits kept for no input
    autocorrelation: float  # of the kept share of consecutive inputs; NaN if it never changes
    rate_by_class: Floats  # (classes,), mean kept share of the inputs with each label
    rate_if_correct: float
    rate_if_wrong: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TraceStatistics:
    """Statistics of a trace."""

    inputs: int
    accuracy: float  # [0..1]
    macs_kept: float  # mean MACs, the gates' own included, as a share of the dense network's
    distinct_decisions: int  # different combinations of all decisions
    distinct_layer_decisions: int  # the same, over layer, width and exit gates alone
    gates: tuple[GateStatistics, ...]
    correlation: Floats  # (gates, gates), of kept shares; NaN for gates that never change


def trace_statistics(trace: Trace) -> TraceStatistics:
    """Return the statistics of a trace."""
    workload = lower(trace)
    gates = trace.graph.gates
    asked = [_asked(gate, workload) for gate in gates]
    shares = [_kept_share(gate, trace) for gate in gates]
    coarse = [gate for gate in gates if gate.rules.stored != "bits"]
    return TraceStatistics(
        inputs=len(trace),
        accuracy=trace.accuracy,
        macs_kept=float(workload.macs.mean() / trace.graph.without_gates().macs) if len(trace) else np.nan,
        distinct_decisions=_distinct(trace, gates),
        distinct_layer_decisions=_distinct(trace, coarse),
        gates=tuple(map(lambda *of: _gate_statistics(trace, *of), gates, shares, asked)),
        correlation=_correlation(shares, asked),
    )


def correlation(a: Floats, b: Floats) -> float:
    """Return Pearson's correlation of two series; NaN if one never changes or they are shorter than two."""
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def execution_rates(trace: Trace) -> dict[str, tuple[float, ...]]:
    """Return, per gate, how often each bit is kept, or each index chosen, as ``TraceInfo.rates`` holds it."""
    everyone = np.ones(len(trace), np.bool_)
    return {gate.name: tuple(_bit_rates(gate, trace, everyone).tolist()) for gate in trace.graph.gates}


def _gate_statistics(trace: Trace, gate: Gate, share: Floats, asked: Bools) -> GateStatistics:
    kept = share[asked]
    bits = _bit_rates(gate, trace, asked)
    correct = (trace.labels == trace.predictions)[asked]
    values = gate.widths[-1] if gate.widths else gate.size - gate.rules.picks_answer
    both = asked[1:] & asked[:-1]
    return GateStatistics(
        name=gate.name,
        kind=gate.kind,
        size=gate.size,
        asked=int(asked.sum()),
        execution_rate=_mean(kept),
        spread=float(kept.std()) if len(kept) else float("nan"),
        mean_kept=_mean(kept) * values,
        entropy_bits=_entropy(gate, bits),
        always_open=int((bits == 1).sum()) if gate.rules.stored != "index" else 0,
        dead=int((bits == 0).sum()),
        autocorrelation=correlation(share[:-1][both], share[1:][both]),
        rate_by_class=_by_class(kept, trace.labels[asked], trace.labels),
        rate_if_correct=_mean(kept[correct]),
        rate_if_wrong=_mean(kept[~correct]),
    )


def _asked(gate: Gate, workload: Workload) -> Bools:
    """Return for which inputs the gate's last op ran, shape (n,)."""
    if not gate.computed_by or gate.rules.picks_answer:
        return np.ones(len(workload), np.bool_)
    i = workload.graph.index[gate.computed_by[-1]]
    return workload.states[i].runs[workload.state_index[:, i]]


def _kept_share(gate: Gate, trace: Trace) -> Floats:
    """Return the share that the gate keeps per input, shape (n,)."""
    values = trace.decisions[gate.name]
    match gate.rules.stored:
        case "flag":
            return values.astype(np.float64)
        case "bits":
            return np.asarray(np.bitwise_count(values).sum(axis=1) / gate.size, np.float64)
        case "index":
            if gate.widths:
                return np.array(gate.widths, np.float64)[values.view(np.uint8)] / gate.widths[-1]
            return values / max(gate.size - 1, 1)


def _bit_rates(gate: Gate, trace: Trace, asked: Bools) -> Floats:
    """Return how often each bit is kept (or each index chosen), shape (size,); empty if never asked."""
    if not asked.any():
        return np.zeros(0)
    if gate.rules.stored == "bits":
        return np.asarray(trace.mask(gate.name)[asked].mean(axis=0), np.float64)
    values = trace.decisions[gate.name][asked]
    if gate.rules.stored == "flag":
        return np.array([values.mean()])
    return np.bincount(values, minlength=gate.size) / len(values)


def _entropy(gate: Gate, rates: Floats) -> float:
    """Return the entropy of independent bits, or of one index [bit]."""
    with np.errstate(divide="ignore", invalid="ignore"):
        surprise = -np.nan_to_num(rates * np.log2(rates))
        if gate.rules.stored != "index":
            surprise -= np.nan_to_num((1 - rates) * np.log2(1 - rates))
    return float(surprise.sum()) + 0.0


def _by_class(kept: Floats, labels: NDArray[np.int32], all_labels: NDArray[np.int32]) -> Floats:
    """Return the mean kept share per label; inputs without one (below 0) are left out."""
    classes = max(int(all_labels.max(initial=-1)) + 1, 0)
    known = labels >= 0
    counts = np.bincount(labels[known], minlength=classes)
    sums = np.bincount(labels[known], weights=kept[known], minlength=classes)
    return np.where(counts > 0, sums / np.maximum(counts, 1), np.nan)


def _distinct(trace: Trace, gates: tuple[Gate, ...] | list[Gate]) -> int:
    """Count different rows of the gates' decisions; 1 where there is nothing to decide."""
    if not gates or not len(trace):
        return min(len(trace), 1)
    columns = [trace.decisions[gate.name].view(np.uint8).reshape(len(trace), -1) for gate in gates]
    rows = np.ascontiguousarray(np.concatenate(columns, axis=1))
    return len(np.unique(rows.view(np.dtype((np.void, rows.shape[1])))))


def _correlation(shares: list[Floats], asked: list[Bools]) -> Floats:
    """Return the correlation of every two gates over the inputs that asked both."""
    n = len(shares)
    table = np.full((n, n), np.nan)
    for i in range(n):
        for j in range(i, n):
            both = asked[i] & asked[j]
            table[i, j] = table[j, i] = correlation(shares[i][both], shares[j][both])
    return table


def _mean(values: Floats) -> float:
    return float(values.mean()) if len(values) else float("nan")
