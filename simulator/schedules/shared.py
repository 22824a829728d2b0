"""Schedules that designs share: what one follows from decides whether it is made anew."""

from __future__ import annotations

from collections.abc import Sequence

from accel_models import Cost, Design, Placement, units_of, weight_space_bytes
from simulator.schedules.schedule import Schedule, build_schedule
from traces import NetworkGraph

_MOST_KNOWN = 256  # Choice: then all are forgotten; some 100 KiB each


class Schedules:
    """Schedules by what they follow from: equal ones are one object."""

    def __init__(self) -> None:
        self._known: dict[tuple[object, ...], Schedule] = {}
        self._graphs: list[NetworkGraph] = []  # kept alive: they are told apart by identity

    def of(
        self, graph: NetworkGraph, placements: Sequence[Placement], costs: Sequence[Cost], design: Design
    ) -> Schedule:
        """Return the schedule of the graph on the design, as :func:`build_schedule`."""
        memory = design.memory
        key = (
            id(graph),
            tuple((place.unit, place.weight_prefetch_bytes, place.bands) for place in placements),
            weight_space_bytes(graph, placements, design),
            tuple(_moves(cost) for cost in costs),
            tuple(unit.names(design) for unit in units_of(design)),
            None if memory is None else memory.dma,
            bool(design.gate_handover),
            design.skip,
        )
        if key not in self._known:
            if len(self._known) == _MOST_KNOWN:
                self._known, self._graphs = {}, []
            self._graphs.append(graph)
            self._known[key] = build_schedule(graph, placements, costs, design)
        return self._known[key]


def _moves(cost: Cost) -> tuple[bool, bool, bool]:
    """Return whether an op ever fetches weights, inputs, and stores outputs."""
    return bool(cost.weight_cycles.any()), bool(cost.input_cycles.any()), bool(cost.output_cycles.any())
