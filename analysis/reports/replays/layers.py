"""Heat maps of layers: how often each runs, what is left of it by class, how well it uses its unit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

import numpy as np

from analysis.figures.pictures import Picture
from analysis.figures.report.heat import HeatAxis, heat_info
from analysis.names import network_title
from analysis.words import slug
from traces import MAC_KINDS, Floats

if TYPE_CHECKING:
    from analysis.reports.replays.view import ReplayView
    from traces import Trace

_LAYER_MAPS: Final = (
    # column of per_op, title, what a colour means, how to read it
    ("rate", "How often each layer runs", "Share of inputs", "1: every input runs it; 0: none does."),
    (
        "utilization",
        "How well each layer uses its unit",
        "Utilization",
        "Useful MACs over what its unit could do meanwhile.",
    ),
)


def layer_pictures(views: Sequence[ReplayView]) -> tuple[Picture, ...]:
    """Return how well each layer uses its unit on each design, a picture per network."""
    return tuple(_by_network(views, _LAYER_MAPS[1]))


def rate_pictures(views: Sequence[ReplayView], trace: Trace | None) -> tuple[Picture, ...]:
    """Return how often each layer runs, a picture per network; of a trace also what differs by class."""
    by_class = _by_class(trace) if trace is not None and trace.graph.gates and len(trace) else ()
    return (*_by_network(views, _LAYER_MAPS[0]), *by_class)


def _by_class(trace: Trace) -> Iterator[Picture]:
    """Yield what differs between classes: each gate's decisions, and the work they leave in each layer."""
    from traces import lower, trace_statistics  # noqa: PLC0415  (only a report with a trace needs it)

    gates = trace_statistics(trace).gates
    name, key = network_title(trace.graph.name), slug(trace.graph.name)[:48]
    yield Picture(
        f"{key}_execution-by-class",
        f"How open each gate is, by class: {name}",
        "Execution rate of a layer gate, kept share of a channel gate. Blank: no input of the class asked it.",
        heat_info(
            np.stack([gate.rate_by_class for gate in gates]),
            HeatAxis("Gate", tuple(gate.name for gate in gates)),
            HeatAxis("Class", tuple(map(str, range(len(gates[0].rate_by_class))))),
            "Kept share",
        ),
    )
    graph = trace.graph
    chosen = [i for i, op in enumerate(graph.ops) if op.macs and op.name not in graph.gate_ops]
    dense = np.array([graph.ops[i].macs for i in chosen])
    macs = lower(trace).op_macs[:, chosen]
    classes = np.unique(trace.labels)
    left = np.stack([macs[trace.labels == label].mean(axis=0) / dense for label in classes], axis=1)
    yield Picture(
        f"{key}_work-by-class",
        f"Work left in each layer, by class: {name}",
        "MACs that the gates leave, as a share of the layer's own.",
        heat_info(
            left,
            HeatAxis("Layer", tuple(graph.ops[i].name for i in chosen)),
            HeatAxis("Class", tuple(map(str, classes))),
            "Share of its MACs",
        ),
    )


def _by_network(views: Sequence[ReplayView], layer_map: tuple[str, str, str, str]) -> Iterator[Picture]:
    """Yield one kind of map per network, since layers of different networks have no common rows."""
    column, title, measure, caption = layer_map
    groups: dict[tuple[str, tuple[str, ...]], list[ReplayView]] = {}
    for view in views:
        groups.setdefault((view.name.network, _layers(view)), []).append(view)
    seen = Counter[str]()
    for (network, layers), group in groups.items():
        key = f"{slug(group[0].figures.network)[:48]}_layers-{column}"
        seen[key] += 1
        names = tuple(view.name.label for view in group)
        values = np.stack([_column(view, column, layers) for view in group], axis=1)
        if (values == values[:, :1]).all():  # the same on every design, as execution is
            values, names = values[:, :1], ("every design" if len(group) > 1 else names[0],)
        info = heat_info(values, HeatAxis("Layer", layers), HeatAxis("Design", names), measure)
        yield Picture(key if seen[key] == 1 else f"{key}-{seen[key]}", f"{title}: {network}", caption, info)


def _layers(view: ReplayView) -> tuple[str, ...]:
    table = view.results.per_op
    return tuple(str(name) for name in table["op"][table["kind"].isin(sorted(MAC_KINDS))])


def _column(view: ReplayView, column: str, layers: tuple[str, ...]) -> Floats:
    table = view.results.per_op.set_index("op")
    return np.asarray(table[column].reindex(list(layers)), np.float64)
