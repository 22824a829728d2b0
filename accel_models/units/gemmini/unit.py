"""Gemmini as a kind of unit: an array whose tiles, loads and stores are those of its own library."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from accel_models.compiling.steps import Stage
from accel_models.cost import States, UnitCost
from accel_models.design.design import Design
from accel_models.design.unit_sections import Array
from accel_models.energy.actions import Idle
from accel_models.energy.chip import Silicon
from accel_models.units.array.unit import UNIT as MESH
from accel_models.units.gemmini.settings import Gemmini
from accel_models.units.kinds import Unit, UnitCycles, equal_names
from traces import Op


@dataclass(frozen=True, slots=True)
class GemminiUnit:
    """A Gemmini; the design's array is its mesh.

    Nothing stays in the scratchpad from one op to the next.
    """

    name: str = "gemmini"
    settings: type[Gemmini] = Gemmini
    matrix: bool = True
    keeps_tensors: bool = False
    stages: tuple[Stage, ...] = (
        "activation",
        "scale",
        "add",
        "max_pool",
    )
    chooses_tiles: bool = False
    parts: tuple[str, ...] = ("array",)

    def faults(self, design: Design) -> Iterator[str]:
        """Yield what Gemmini's library, or the model of its queues, does not know."""
        array, memory = design.array, design.memory
        if array is None or memory is None:
            yield "gemmini needs an array, its mesh, and a memory"
            return
        yield from MESH.faults(design)
        if memory.l2 is not None:
            yield "memory.l2: gemmini has caches of its own; state gemmini.l2 and its latency instead"
        needs = (
            ("array.dataflow", array.dataflow, "ws"),
            ("array.count", array.count, 1),
            ("memory.shared_buffer", memory.shared_buffer, True),
        )
        for name, value, need in needs:
            if value != need:
                yield (
                    f"{name} = {value!r}: gemmini knows {need!r} alone; "
                    f"set gemmini = null to let Lacuna choose the tiles"
                )
        if array.stream_block < 1:
            yield "array.stream_block = 0: gemmini needs 1 or more pixels a command"

    def names(self, design: Design) -> tuple[str, ...]:
        """Return its name."""
        return equal_names(self.name, 1)

    def takes(self, op: Op, design: Design) -> bool:
        """Take what its mesh can."""
        return MESH.takes(op, design)

    def joins(self, op: Op) -> str | None:
        """Return ``None``: its library's tiles are those of each op's whole sizes."""
        return None

    def runs_bands(self, design: Design) -> bool:
        """Return False: its library loads and stores every tensor whole."""
        return False

    def columns(self, design: Design) -> tuple[str, ...]:
        """Return none: its library is asked machine by machine."""
        return ()

    def moves_whole(self, design: Design) -> int:
        """Return the channels of a row of its scratchpad."""
        return design.section(Array).cols

    def caches(self, design: Design) -> tuple[int, ...]:
        """Return L2, and what lies before the DRAM."""
        settings = design.section(Gemmini)
        return settings.l2, settings.last_level_cache

    def outside_share(self, design: Design, weight_bytes: int) -> float:
        """Return 0: its weights have room."""
        return 0.0

    def peak_macs_per_cycle(self, design: Design) -> float:
        """Return that of the mesh [MAC/cycle]."""
        return MESH.peak_macs_per_cycle(design)

    def silicon(self, design: Design) -> Silicon:
        """Return the PEs of the mesh."""
        return MESH.silicon(design)

    def cost(self, states: States, design: Design) -> UnitCost:
        """Return what states of one op take."""
        from accel_models.units.gemmini.price import gemmini_cost  # noqa: PLC0415  # numba is slow to import

        return gemmini_cost(states, design)

    def idle(self, design: Design, latency: UnitCycles, busy: UnitCycles) -> Idle:
        """Return the cycles in which PEs of the mesh wait."""
        return MESH.idle(design, latency, busy)


UNIT: Unit = GemminiUnit()
