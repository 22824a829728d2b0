"""A trace: what a trained network decided for every input of a data set, in order.

Those of inputs that nobody recorded are made here too: with every gate open, or as rates of other inputs promise.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field

from traces.base.arrays import Bools, Floats, Ints
from traces.base.card import card_html
from traces.base.errors import ConfigError, GraphError
from traces.base.frozen import Frozen
from traces.graphs.kinds import Decisions
from traces.graphs.network import NetworkGraph
from traces.graphs.parts import Gate

TRACE_SCHEMA_VERSION = "1.1"  # major: readers refuse another; minor: additions that old readers may ignore

_Rate = Annotated[float, Field(ge=0, le=1)]  # pydantic's bounds refuse NaN too


class TraceInfo(Frozen):
    """Where a trace comes from; stored beside it."""

    model_config = ConfigDict(strict=True)

    model_name: str
    weights_hash: str = ""  # SHA-256 of the checkpoint's tensors
    dataset: str = ""
    preprocessing: str = ""
    seed: Annotated[int, Field(ge=0, lt=1 << 64)] | None = None
    test_accuracy: _Rate | None = None  # of the recorded inputs [0..1]
    tool_version: str = ""
    command: str = ""  # what made it
    notes: str = ""
    rates: Mapping[str, tuple[_Rate, ...]] = Field(default_factory=dict)
    # per gate, how often each bit was 1 (layer: one figure) or each index was chosen over the *validation* inputs, so
    # that a compiler may use it for inputs it has not seen; empty: not recorded


@dataclass(frozen=True, slots=True, eq=False, repr=False)
class Trace:
    """``n`` inputs in recorded order; arrays are read-only by convention.

    ``decisions`` holds one array per gate of the graph:

    ========  =======  ====================================================
    kind      dtype    shape
    ========  =======  ====================================================
    layer     bool     (n,)
    channel   uint8    (n, ceil(size / 8)), bits packed little end first
    spatial   uint8    (n, ceil(size / 8)), bits packed little end first; token and element gates alike
    exit      uint8    (n,), index of the exit that answered
    width     uint8    (n,), index into the gate's ``widths``
    ========  =======  ====================================================
    """

    graph: NetworkGraph
    info: TraceInfo
    labels: NDArray[np.int32]  # (n,)
    predictions: NDArray[np.int32]  # (n,)
    decisions: Mapping[str, Bools | NDArray[np.uint8]]
    scores: Mapping[str, NDArray[np.float16]] = field(default_factory=dict)  # (n,) or (n, size)
    exit_predictions: Mapping[str, NDArray[np.int32]] = field(default_factory=dict)  # (n, exits)
    exit_confidences: Mapping[str, NDArray[np.float16]] = field(
        default_factory=dict
    )  # (n, exits), max softmax

    def __post_init__(self) -> None:
        n = len(self.labels)
        if len(self.predictions) != n:
            raise GraphError(f"trace: {len(self.predictions)} predictions for {n} labels")
        _check_classes("labels", self.labels)
        _check_classes("predictions", self.predictions)
        needed = [(gate.rules.shape(n, gate.size), gate.rules.dtype) for gate in self.graph.gates]
        for gate, (shape, dtype) in zip(self.graph.gates, needed, strict=True):
            if gate.name not in self.decisions:
                raise GraphError(f"trace: gate {gate.name!r} of the graph has no recorded decisions")
            _check_decisions(gate, self.decisions[gate.name], shape, dtype)
        self._check_extras(n)
        self._check_rates()

    def _check_extras(self, n: int) -> None:
        for gate in self.graph.gates:
            for what, values, shape in (
                ("scores", self.scores, gate.rules.decided(n, gate.size)),
                ("exit predictions", self.exit_predictions, (n, gate.size)),
                ("exit confidences", self.exit_confidences, (n, gate.size)),
            ):
                found = values[gate.name].shape if gate.name in values else shape
                if found != shape:
                    raise GraphError(f"trace: gate {gate.name!r}: {what} have shape {found}, need {shape}")
                if gate.name in values and bool(np.isnan(values[gate.name]).any()):
                    raise GraphError(f"trace: gate {gate.name!r}: {what} hold NaN")
            if gate.name in self.exit_predictions:
                _check_classes(f"gate {gate.name!r}: exit predictions", self.exit_predictions[gate.name], 2)

    def _check_rates(self) -> None:
        for name, rates in self.info.rates.items():
            gate = self.graph.gate(name)
            if len(rates) != gate.size:
                raise GraphError(f"trace: gate {name!r}: {len(rates)} validation rates, needs {gate.size}")

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def accuracy(self) -> float:
        """Share of inputs answered correctly [0..1]."""
        return float(np.mean(self.labels == self.predictions)) if len(self) else float("nan")

    def __repr__(self) -> str:
        return f"<Trace: {', '.join(f'{name} {value}' for name, value in self._facts())}>"

    def _repr_html_(self) -> str:
        return card_html("Trace", self._facts())

    def _facts(self) -> list[tuple[str, str]]:
        """Return what a look at the trace should tell."""
        kinds = Counter(gate.kind for gate in self.graph.gates)
        gates = ", ".join(f"{count} {kind}" for kind, count in kinds.items()) or "none"
        answered = [("accuracy", f"{100 * self.accuracy:.1f} %")] if len(self) else []
        return [("network", self.graph.name), ("inputs", f"{len(self):,}"), ("gates", gates), *answered]

    def mask(self, gate_name: str) -> Bools:
        """Return a channel or spatial gate's bits unpacked, shape (n, size)."""
        gate = self.graph.gate(gate_name)
        packed = self.decisions[gate_name]
        return np.unpackbits(packed.view(np.uint8), axis=1, count=gate.size, bitorder="little").astype(bool)

    def rows(self, start: int, stop: int) -> Trace:
        """Return the inputs ``start`` to ``stop - 1`` as a trace of their own."""
        return self._part(slice(start, stop))

    def pick(self, inputs: Ints) -> Trace:
        """Return inputs by their places, in that order, as a trace of their own."""
        outside = [int(place) for place in inputs if not 0 <= place < len(self)]
        if outside:
            raise ConfigError(f"input {outside[0]}: the trace has inputs 0 to {len(self) - 1}")
        return self._part(inputs)

    def _part(self, part: slice | Ints) -> Trace:
        return Trace(
            graph=self.graph,
            info=self.info,
            labels=self.labels[part],
            predictions=self.predictions[part],
            decisions={name: values[part] for name, values in self.decisions.items()},
            scores={name: values[part] for name, values in self.scores.items()},
            exit_predictions={name: values[part] for name, values in self.exit_predictions.items()},
            exit_confidences={name: values[part] for name, values in self.exit_confidences.items()},
        )


def open_trace(graph: NetworkGraph, inputs: int = 1) -> Trace:
    """Return a trace in which every gate lets everything run; with exits, the deepest answers."""
    zeros = np.zeros(inputs, np.int32)
    decisions = {gate.name: gate.rules.all_open(inputs, gate.size) for gate in graph.gates}
    return Trace(graph, TraceInfo(model_name=graph.name), zeros, zeros, decisions)


def typical_trace(graph: NetworkGraph, rates: Mapping[str, Sequence[float]]) -> Trace:
    """Return a trace of the one input that decides as gates do on average; inputs that all decide alike are this input.

    A layer runs if it ever does, and the deepest exit answers that ever did: how often, the rates themselves say.  Of
    channels, tiles, rows and elements as many are kept as on average, half rounded up and one at least if one ever
    was, those that are kept most often; of widths the nearest to the average.  A gate without rates is open.

    Parameters
    ----------
    graph
        The network.
    rates
        Per gate how often each bit was 1, or each index was chosen (``TraceInfo.rates``).
    """
    opened = open_trace(graph)
    known = [gate for gate in graph.gates if len(rates.get(gate.name, ())) == gate.size]
    decisions = {
        gate.name: _typical_decision(gate, np.asarray(rates[gate.name], np.float64)) for gate in known
    }
    told = {gate.name: tuple(rates[gate.name]) for gate in known}
    info = TraceInfo(model_name=graph.name, rates=told)
    return replace(opened, info=info, decisions={**opened.decisions, **decisions})


def _typical_decision(gate: Gate, rates: Floats) -> Decisions:
    """Return the decision of one input as a trace holds it."""
    match gate.rules.stored:
        case "flag":
            return gate.rules.store(rates > 0)
        case "bits":
            kept = max(int(rates.sum() + 0.5), int(rates.any()))
            bits = np.zeros(gate.size, np.bool_)
            bits[np.argsort(-rates, kind="stable")[:kept]] = True
            return gate.rules.store(bits[None])
        case "index":
            widths = np.asarray(gate.widths, np.float64)
            if gate.rules.picks_answer:
                chosen = int(np.flatnonzero(rates).max(initial=0))
            else:
                chosen = int(np.abs(widths - widths @ rates / max(rates.sum(), 1e-9)).argmin())
            return gate.rules.store(np.array([chosen]))


def pack_mask(mask: Bools) -> NDArray[np.uint8]:
    """Pack a boolean mask (n, size) as traces hold it: (n, ceil(size / 8)), little bit order."""
    return np.packbits(mask, axis=1, bitorder="little")


def _check_classes(what: str, values: NDArray[np.int32], ndim: int = 1) -> None:
    """Refuse what is no index of a class: not whole, negative, or beyond 32 bits."""
    if values.ndim != ndim or not np.issubdtype(values.dtype, np.integer):
        raise GraphError(f"trace: {what} hold {values.dtype} {values.shape}; need whole numbers, {ndim} axes")
    if values.size and not 0 <= int(values.min()) <= int(values.max()) < 1 << 31:
        raise GraphError(
            f"trace: {what} hold {int(values.min())} to {int(values.max())}; need 0 to {(1 << 31) - 1}"
        )


def _check_decisions(gate: Gate, values: Decisions, shape: tuple[int, ...], dtype: type[np.generic]) -> None:
    stored, n = gate.rules.stored, shape[0]
    if values.shape != shape or values.dtype != dtype:
        raise GraphError(
            f"trace: gate {gate.name!r} ({gate.kind}) holds {values.dtype} {values.shape}, "
            f"needs {np.dtype(dtype)} {shape}"
        )
    if stored == "index" and n and int(values.max()) >= gate.size:
        raise GraphError(
            f"trace: gate {gate.name!r} holds index {int(values.max())}, needs less than {gate.size}"
        )
    if stored == "bits" and gate.size % 8 and n and int(values[:, -1].max()) >> gate.size % 8:
        raise GraphError(f"trace: gate {gate.name!r} has a bit set beyond its {gate.size}")
