"""Budgets: upper bounds on results.  Rows hold what was found; a budget is held against them when they are read.

So a budget can be changed after a sweep without running it again: a row beyond it is marked and keeps its figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from accel_models import parse_quantity
from analysis.sweeps.row import NUMBERS, SweepRow
from analysis.sweeps.spaces.ranges import Limit
from traces import ConfigError, did_you_mean

BUDGETS: Final[dict[str, tuple[str, str, float]]] = {
    # quantity: (column of the results, kind of unit, factor from the kind's base unit to the column's)
    "area":        ("area_mm2", "area", 1.0),
    "power":       ("power_mw", "power", 1e3),
    "latency":     ("latency_us", "time", 1e6),
    "latency_p50": ("latency_us_p50", "time", 1e6),
    "latency_p95": ("latency_us_p95", "time", 1e6),
    "latency_p99": ("latency_us_p99", "time", 1e6),
    "latency_max": ("latency_us_max", "time", 1e6),
    "energy":      ("energy_uj", "energy", 1e-6),
    "energy_p50":  ("energy_uj_p50", "energy", 1e-6),
    "energy_p95":  ("energy_uj_p95", "energy", 1e-6),
    "energy_p99":  ("energy_uj_p99", "energy", 1e-6),
    "energy_max":  ("energy_uj_max", "energy", 1e-6),
}  # fmt: skip
OVER: Final = "over budget: "  # how the reason of a row beyond a budget begins
NO_BUDGET: Final = "none"  # what a user writes to drop the budget of the space


def limit_of(quantity: str, value: float) -> Limit:
    """Return a bound in the unit of its column.

    Raises
    ------
    ConfigError
        If there is no such quantity, or the bound is not above 0.
    """
    if quantity not in BUDGETS and quantity not in NUMBERS:
        raise ConfigError(
            f"budget: {quantity}: no such quantity{did_you_mean(quantity, [*BUDGETS, *NUMBERS])}"
        )
    if not value > 0:
        raise ConfigError(f"budget: {quantity} = {value!r}: must be above 0")
    return Limit(quantity, BUDGETS[quantity][0] if quantity in BUDGETS else quantity, value)


def parse_limit(quantity: str, value: object) -> Limit:
    """Return a bound as a user writes it: a quantity with its unit, or a column with a number in the column's unit."""
    if quantity in BUDGETS:
        _, kind, factor = BUDGETS[quantity]
        try:
            number = parse_quantity(value, kind) * factor
        except ConfigError as problem:
            raise ConfigError(f"budget: {quantity} = {problem}") from None
        return limit_of(quantity, number)
    known = limit_of(quantity, 1.0)  # refuses what is no column
    try:
        number = float(str(value))
    except ValueError:
        raise ConfigError(
            f"budget: {quantity} = {value!r}: needs a number, in the column's own unit"
        ) from None
    return limit_of(known.quantity, number)


def changed_budget(
    budget: Iterable[Limit], changes: Mapping[str, object] | Iterable[str]
) -> tuple[Limit, ...]:
    """Return a budget with some of its bounds changed.

    Parameters
    ----------
    budget
        As it is.
    changes
        ``{"latency_p99": "5 ms"}`` or ``["latency_p99=5 ms"]``: each takes the place of the bound on the same column;
        ``"none"`` among the latter drops all bounds first.
    """
    texts = (
        [f"{name}={value}" for name, value in changes.items()]
        if isinstance(changes, Mapping)
        else list(changes)
    )
    found = {} if NO_BUDGET in texts else {bound.column: bound for bound in budget}
    for text in texts:
        if text == NO_BUDGET:
            continue
        quantity, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(
                f"budget {text!r}: write it as QUANTITY=VALUE, e.g. latency_p99='5 ms', or {NO_BUDGET!r}"
            )
        bound = parse_limit(quantity.strip(), value.strip())
        found[bound.column] = bound
    return tuple(found.values())


def held_against(row: SweepRow, budget: Iterable[Limit]) -> SweepRow:
    """Return the row, marked as one that cannot be if it is beyond a bound; its figures stay."""
    if not row.feasible:
        return row
    for bound in budget:
        value: float = getattr(row, bound.column)
        if value > bound.limit:
            unit = _unit(bound.column)
            reason = f"{OVER}{bound.quantity} = {value:.4g}{unit}, the budget is {bound.limit:.4g}{unit}"
            return replace(row, feasible=False, reason=reason, demand=value, bound=bound.limit)
    return row


def is_over(reason: str) -> bool:
    """Whether a row with this reason is ruled out by a budget, and nothing else."""
    return reason.startswith(OVER)


def misfit_words(infeasible: int, over: int) -> str:
    """Return how many points are ruled out, and of them by the budget: "2 do not fit, 3 are over the budget"."""
    fits = f"{infeasible - over:,} do not fit"
    return f"{fits}, {over:,} {'is' if over == 1 else 'are'} over the budget" if over else fits


def _unit(column: str) -> str:
    units = {bound[0]: f" {bound[0].split('_')[1]}" for bound in BUDGETS.values()}
    return units.get(column, "")
