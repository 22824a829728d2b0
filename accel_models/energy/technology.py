"""Scaling energy and area between process nodes, where a table lacks the node.

Node scaling is a factor with a band of +-2x, not a measurement: whatever passes through here is marked
``scaled`` and results say so.
"""

from __future__ import annotations

import math
from functools import cache
from itertools import pairwise

import numpy as np

from accel_models.energy.tables import read_table
from traces import ConfigError

SCALING_BAND = 2.0  # energies and areas off scaled tables may be off by this factor either way; docs/model.md
MIN_VOLTAGE_V = 0.5  # Stillmaker & Baas fit their quadratics on simulations near and above threshold
MAX_VOLTAGE_V = 1.5  # Choice: above the highest supply of any tabled node
# Choice: SRAM scales as the square root of logic.  Evidence: Jouppi's 7 nm over Horowitz's 45 nm SRAM is
# 0.75, 0.43, 0.14 (8 KiB, 32 KiB, 1 MiB; geometric mean 0.36) where the logic factor is 0.10, its root 0.32.
SRAM_EXPONENT = 0.5
# Choice: leakage goes with the third power of the supply: the supply times an off current that drain-induced barrier
# lowering of about 0.1 V per V raises by 1.6 from 0.6 to 0.8 V at 330 K, nearly a square (assumption).
LEAKAGE_EXPONENT = 3


def energy_factor(
    from_node_nm: float, from_voltage_v: float, to_node_nm: float, to_voltage_v: float
) -> float:
    """Return the factor that carries switching energy from one node and voltage to another.

    Each node has a quadratic ``f(V) = a V^2 + b V + c``; energy at the target is
    ``E2 = E1 * f2(V2) / f1(V1)``.  Nodes between two tabled ones (28 and 22 nm lie in the gap from bulk
    to FinFET) are interpolated linearly in node at equal voltage.

    Parameters
    ----------
    from_node_nm, to_node_nm
        Nodes [nm], within the table (7 to 130).
    from_voltage_v, to_voltage_v
        Core voltages [V], 0.5 to 1.5 and on the rising branch of the node's quadratic.

    Notes
    -----
    Source: Stillmaker & Baas, Integration 58 (2017) 74-81.  Checked against: GAP9 (22 nm) from 0.65 V to
    0.80 V, measured 1.39 to 1.46 (MLPerf Tiny v1.0), here 1.45.
    """
    return _energy_shape(to_node_nm, to_voltage_v) / _energy_shape(from_node_nm, from_voltage_v)


def area_factor(from_node_nm: float, to_node_nm: float) -> float:
    """Return the factor that carries area from one node to another (same source and interpolation)."""
    return _interpolate("area", to_node_nm) / _interpolate("area", from_node_nm)


def sram_energy_factor(from_node_nm: float, to_node_nm: float) -> float:
    """Return the factor on SRAM access energy between nodes at equal 0.9 V: SRAM scales less than logic."""
    return math.pow(energy_factor(from_node_nm, 0.9, to_node_nm, 0.9), SRAM_EXPONENT)


def _energy_shape(node_nm: float, voltage_v: float) -> float:
    if not MIN_VOLTAGE_V <= voltage_v <= MAX_VOLTAGE_V:
        raise ConfigError(
            f"technology.voltage = {voltage_v} V: energy scaling is known "
            f"from {MIN_VOLTAGE_V} V to {MAX_VOLTAGE_V} V"
        )
    return _interpolate("energy", node_nm, voltage_v)


def _interpolate(what: str, node_nm: float, voltage_v: float = 0.0) -> float:
    nodes = _nodes()
    tabled = sorted(nodes)
    if not tabled[0] <= node_nm <= tabled[-1]:
        raise ConfigError(
            f"technology.node = {node_nm:g} nm: scaling is known from {tabled[0]} nm to {tabled[-1]} nm"
        )

    def at(node: int) -> float:
        a, b, c, area = nodes[node]
        if what == "area":
            return area
        lowest = -b / (2 * a)
        if voltage_v < lowest:
            raise ConfigError(
                f"technology.voltage = {voltage_v} V: below {lowest:.2f} V the {node} nm fit rises again; "
                f"state prices of your own for this voltage"
            )
        return a * voltage_v**2 + b * voltage_v + c

    if node_nm in nodes:
        return at(int(node_nm))
    low, high = next((x, y) for x, y in pairwise(tabled) if x < node_nm < y)
    return float(np.interp(node_nm, [low, high], [at(low), at(high)]))


@cache
def _nodes() -> dict[int, tuple[float, float, float, float]]:
    return {
        int(row["node_nm"]): (float(row["a"]), float(row["b"]), float(row["c"]), float(row["area_from_45nm"]))
        for row in read_table("node_scaling")
    }
