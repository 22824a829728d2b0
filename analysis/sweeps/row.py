"""One result of a sweep: a design, a trace and a policy, and what came of them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from math import nan
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from accel_models import Area, Design
    from analysis.sweeps.spaces.space import TraceRef
    from simulator import Policy, Replayed


@dataclass(frozen=True, slots=True, kw_only=True)
class SweepRow:
    """Figures are means per input unless they say otherwise, NaN where the design is not feasible."""

    key: str  # of what was asked: design, trace, policy, inputs, model version
    index: int  # of the point in the grid of its space
    design: str  # name of the base design
    design_hash: str
    parameters: str  # JSON: axis name -> value
    trace: str
    trace_file_hash: str
    prefetch: str
    policy: str  # JSON
    feasible: bool
    reason: str = ""
    demand: float = nan  # what it needs, and
    bound: float = nan  # what there is, in the unit that the reason states
    inputs: int = 0
    accuracy: float = nan  # [0..1]
    macs: float = nan
    latency_us: float = nan
    latency_us_p50: float = nan
    latency_us_p95: float = nan
    latency_us_p99: float = nan
    latency_us_max: float = nan
    energy_uj: float = nan
    energy_uj_p50: float = nan
    energy_uj_p95: float = nan
    energy_uj_p99: float = nan
    energy_uj_max: float = nan
    power_mw: float = nan  # mean energy / mean latency: inputs back to back
    area_mm2: float = nan
    dram_bytes: float = nan
    wasted_bytes: float = nan
    gate_wait_us: float = nan
    dense_macs: float = nan  # the dense network on the same design
    dense_latency_us: float = nan
    dense_energy_uj: float = nan
    mac_proportional_latency_us: float = nan  # dense x share of MACs kept
    mac_proportional_energy_uj: float = nan
    energy_scaled: bool = False  # leans on prices scaled over process nodes: +-2x
    area_scaled: bool = False
    energy_table: str = ""  # hash of the technology: designs of one table err together
    utilization: str = "{}"  # JSON: unit -> useful MACs / (peak x cycles)
    busy: str = "{}"  # JSON: unit -> share of the time that it works


# Column of a row: the name of its type.  A row's fields are the columns of the files, in this order.
ROW_COLUMNS: Final[Mapping[str, str]] = {field.name: str(field.type) for field in fields(SweepRow)}
NUMBERS: Final = tuple(  # columns that can be objectives
    name for name, kind in ROW_COLUMNS.items() if kind in {"float", "int"} and name != "index"
)


@dataclass(frozen=True, slots=True)
class Request:
    """One evaluation: who it is, and the design to replay; ``None`` where the values do not go together."""

    key: str
    index: int
    base: str
    parameters: str  # JSON
    design: Design | None
    design_hash: str
    problem: str = ""  # why there is no design


@dataclass(frozen=True, slots=True)
class Evaluation:
    """What one row answers: a request, on which trace, under which policy."""

    request: Request
    trace: TraceRef
    policy: Policy

    def unanswered(self) -> SweepRow:
        """Return the row before anything is known: who it is, not feasible, without figures."""
        asked = self.request
        return SweepRow(
            key=asked.key,
            index=asked.index,
            design=asked.base,
            design_hash=asked.design_hash,
            parameters=asked.parameters,
            trace=self.trace.name,
            trace_file_hash=self.trace.hash,
            prefetch=self.policy.prefetch,
            policy=self.policy.model_dump_json(),
            feasible=False,
        )


def row_key(
    design_hash: str, trace_file_hash: str, policy: Policy, inputs: int | None, model_version: str
) -> str:
    """Return what identifies an evaluation, 24 hex digits of SHA-256."""
    content = [design_hash, trace_file_hash, policy.model_dump(mode="json"), inputs, model_version]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def infeasible_row(
    asked: Evaluation,
    reason: str,
    *,
    demand: float | None = None,
    bound: float | None = None,
    area_mm2: float = nan,
) -> SweepRow:
    """Return the row of a design that cannot do it."""
    return replace(
        asked.unanswered(), reason=reason, demand=_known(demand), bound=_known(bound), area_mm2=area_mm2
    )


def result_row(asked: Evaluation, figures: Replayed, area: Area) -> SweepRow:
    """Return the row of a replay that went through."""
    latency, energy = figures.latency_us, figures.energy_uj
    return replace(
        asked.unanswered(),
        feasible=True,
        inputs=figures.inputs,
        accuracy=_known(figures.accuracy),
        macs=figures.macs,
        latency_us=latency.mean,
        latency_us_p50=latency.p50,
        latency_us_p95=latency.p95,
        latency_us_p99=latency.p99,
        latency_us_max=latency.max,
        energy_uj=energy.mean,
        energy_uj_p50=energy.p50,
        energy_uj_p95=energy.p95,
        energy_uj_p99=energy.p99,
        energy_uj_max=energy.max,
        power_mw=energy.mean / latency.mean * 1e3,  # uJ / us = W
        area_mm2=area.total_mm2,
        area_scaled=area.scaled,
        dram_bytes=figures.dram_bytes,
        wasted_bytes=figures.wasted_bytes,
        gate_wait_us=figures.gate_wait_us,
        dense_macs=figures.dense.macs,
        dense_latency_us=figures.dense.latency_us,
        dense_energy_uj=figures.dense.energy_uj,
        mac_proportional_latency_us=figures.mac_proportional.latency_us,
        mac_proportional_energy_uj=figures.mac_proportional.energy_uj,
        energy_scaled=figures.scaled_energy,
        energy_table=_table(asked.request.design),
        utilization=json.dumps(figures.utilization),
        busy=json.dumps(figures.busy),
    )


def _known(value: float | None) -> float:
    return nan if value is None else float(value)


def _table(design: Design | None) -> str:
    """Return the hash of what prices actions."""
    if design is None:
        return ""
    content = design.technology.model_dump_json()
    return hashlib.sha256(content.encode()).hexdigest()[:8]
