"""What a user should hear before reading figures: gates the hardware cannot use, channels sorted by nothing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from accel_models import Compiler, Design
from simulator.schedules.decisions import usable
from traces import Trace

# What a gate decides: what hardware without it cannot skip, and the setting that says it can.
_ABLE: Final[Mapping[str, tuple[str, str]]] = {
    "runs": ("layers", "skip.layers=true"),
    "channels": ("channels", "skip.channels=compact"),
    "tiles": ("tiles of a feature map", "skip.spatial=true"),
    "rows": ("rows of a sequence", "skip.spatial=true"),
    "elements": ("single elements", ""),
}


def hints(trace: Trace, design: Design, compiler: Compiler) -> tuple[str, ...]:
    """Return a line for each kind of gate that the design cannot use, and for channels that nothing sorts.

    Parameters
    ----------
    trace
        The trace, or a part of it.
    design, compiler
        What it is replayed on, and how it is compiled.
    """
    lines = []
    for decides, (what, setting) in _ABLE.items():
        idle = [
            gate
            for gate in trace.graph.gates
            if gate.rules.decides == decides and not usable(gate, design.skip)
        ]
        if idle:
            way_out = f"; --set {setting} if the hardware can" if setting else ""
            gates = "gate skips" if len(idle) == 1 else "gates skip"
            lines.append(
                f"{len(idle)} {idle[0].kind} {gates} nothing: {design.name} cannot skip {what}{way_out}"
            )
    channels = any(gate.rules.decides == "channels" for gate in trace.graph.gates)
    if channels and compiler.sort and design.skip.some_channels and not trace.info.rates:
        lines.append(
            "channels are sorted by nothing: the trace has no rates of other inputs (TraceInfo.rates)"
        )
    return tuple(lines)
