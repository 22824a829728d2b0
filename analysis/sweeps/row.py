"""One result of a sweep: a design, a trace and a policy, and what came of them."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from math import nan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel_models import Design
    from analysis.sweeps.space import TraceRef
    from simulator import Estimate, Policy, Replayed, Spread


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


def row_key(
    design_hash: str, trace_file_hash: str, policy: Policy, inputs: int | None, model_version: str
) -> str:
    """Return what identifies an evaluation, 24 hex digits of SHA-256."""
    content = [design_hash, trace_file_hash, policy.model_dump(mode="json"), inputs, model_version]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:24]


def infeasible_row(  # noqa: PLR0913  # all parts of one row
    request: Request,
    trace: TraceRef,
    policy: Policy,
    reason: str,
    *,
    demand: float | None = None,
    bound: float | None = None,
    area_mm2: float = nan,
) -> SweepRow:
    """Return the row of a design that cannot do it."""
    return SweepRow(
        **_identity(request, trace, policy),
        feasible=False,
        reason=reason,
        demand=_known(demand),
        bound=_known(bound),
        area_mm2=area_mm2,
    )


def result_row(  # noqa: PLR0913, PLR0917  # all parts of one row
    request: Request, trace: TraceRef, policy: Policy, figures: Replayed, area_mm2: float, area_scaled: bool
) -> SweepRow:
    """Return the row of a replay that went through."""
    return SweepRow(
        **_identity(request, trace, policy),
        feasible=True,
        inputs=figures.inputs,
        accuracy=_known(figures.accuracy),
        macs=figures.macs,
        **_spread("latency_us", figures.latency_us),
        **_spread("energy_uj", figures.energy_uj),
        power_mw=figures.energy_uj.mean / figures.latency_us.mean * 1e3,  # uJ / us = W
        area_mm2=area_mm2,
        area_scaled=area_scaled,
        dram_bytes=figures.dram_bytes,
        wasted_bytes=figures.wasted_bytes,
        gate_wait_us=figures.gate_wait_us,
        **_estimate("dense", figures.dense),
        **{
            k: v
            for k, v in _estimate("mac_proportional", figures.mac_proportional).items()
            if "macs" not in k
        },
        energy_scaled=figures.scaled_energy,
        energy_table=_table(request.design),
        utilization=json.dumps(figures.utilization),
        busy=json.dumps(figures.busy),
    )


def field_kinds() -> dict[str, str]:
    """Return each field's name and the name of its type, in order."""
    return {field.name: str(field.type) for field in fields(SweepRow)}


def number_columns() -> tuple[str, ...]:
    """Return the names of the fields that can be objectives."""
    return tuple(name for name, kind in field_kinds().items() if kind in {"float", "int"} and name != "index")


def _identity(request: Request, trace: TraceRef, policy: Policy) -> dict[str, Any]:
    return {
        "key": request.key,
        "index": request.index,
        "design": request.base,
        "design_hash": request.design_hash,
        "parameters": request.parameters,
        "trace": trace.name,
        "trace_file_hash": trace.hash,
        "prefetch": policy.prefetch,
        "policy": policy.model_dump_json(),
    }


def _spread(name: str, spread: Spread) -> dict[str, Any]:
    return {
        name: spread.mean,
        f"{name}_p50": spread.p50,
        f"{name}_p95": spread.p95,
        f"{name}_p99": spread.p99,
        f"{name}_max": spread.max,
    }


def _estimate(name: str, estimate: Estimate | None) -> dict[str, Any]:
    if estimate is None:
        return {}
    return {
        f"{name}_macs": estimate.macs,
        f"{name}_latency_us": estimate.latency_us,
        f"{name}_energy_uj": estimate.energy_uj,
    }


def _known(value: float | None) -> float:
    return nan if value is None else float(value)


def _table(design: Design | None) -> str:
    """Return the hash of what prices actions."""
    if design is None:
        return ""
    content = design.technology.model_dump_json()
    return hashlib.sha256(content.encode()).hexdigest()[:8]
