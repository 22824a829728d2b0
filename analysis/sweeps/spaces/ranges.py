"""The values of one axis as people write them: lists and ranges.

==============================  ================================
``[8, 16, 24]``, ``ws``         these values, this value
``1..4``                        1, 2, 3, 4
``8..64 step 8``                8, 16, ..., 64
``8..64 log2``                  8, 16, 32, 64: doubled
``16 KiB..256 KiB log2``        with units
``0.1..0.9 step 0.2``           0.1, 0.3, 0.5, 0.7, 0.9, exactly
==============================  ================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal

from accel_models import NUMBER, UNITS, exact, spell
from traces import ConfigError, did_you_mean, shown

Scalar = bool | int | float | str

_LONGEST = 200  # characters
MOST_ON_AXIS = 100_000  # of one axis: a longer range is a slip of the pen

_NUMBER = rf"({NUMBER})\s*((?!log2|step)[A-Za-z]\S*?)?"
_RANGE = re.compile(rf"^\s*{_NUMBER}\s*\.\.\s*{_NUMBER}(?:\s+(log2|step\s+{_NUMBER}))?\s*$")


def axis_values(text: object, where: str) -> tuple[Scalar, ...]:
    """Return the values of an axis, at least one and all different.

    Parameters
    ----------
    text
        A list, a single value or a range, as read from YAML.
    where
        Path of the axis, for errors.
    """
    if isinstance(text, list):
        values = tuple(_scalar(value, where) for value in text)
    elif isinstance(text, str) and ".." in text:
        values = _range(text, where)
    else:
        values = (_scalar(text, where),)
    if not values:
        raise ConfigError(f"{where}: has no values; give at least one")
    spelled = [repr(value) for value in values]
    double = (
        next((text for text in spelled if spelled.count(text) > 1), None) if len(spelled) < 1000 else None
    )
    if double is not None:
        raise ConfigError(f"{where}: holds {double} twice")
    return values


def _scalar(value: object, where: str) -> Scalar:
    if isinstance(value, bool | int | float | str):
        return value
    raise ConfigError(
        f"{where}: {shown(value)} is not a value; write numbers, words or quantities with units"
    )


def _range(text: str, where: str) -> tuple[Scalar, ...]:
    match = _RANGE.match(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ConfigError(
            f"{where}: {shown(text)} is not a range; write it like '8..64 step 8' or '16 KiB..64 KiB log2'"
        )
    first, first_unit, last, last_unit, rule, step, step_unit = match.groups()
    unit = first_unit or last_unit
    start = _base(first, first_unit or last_unit, unit, where)
    stop = _base(last, last_unit, unit, where)
    if start > stop:
        raise ConfigError(f"{where}: {text!r} is empty: it starts above its end")
    if rule == "log2":
        if start <= 0:
            raise ConfigError(f"{where}: {text!r}: log2 doubles, so it must start above 0")
        numbers = _doubled(start, stop)
    else:
        by = _base(step, step_unit, unit, where) if step else _unit_step(text, unit, where)
        if by <= 0:
            raise ConfigError(f"{where}: {text!r}: the step must be above 0")
        count = int((stop - start) / by) + 1
        if count > MOST_ON_AXIS:
            raise ConfigError(f"{where}: {text!r} has {count:.4g} values; needs at most {MOST_ON_AXIS}")
        numbers = [start + i * by for i in range(count)]
    return tuple(_spelled(number, unit) for number in numbers)


def _doubled(start: Decimal, stop: Decimal) -> list[Decimal]:
    numbers = [start]
    while numbers[-1] * 2 <= stop:
        numbers.append(numbers[-1] * 2)
    return numbers


def _unit_step(text: str, unit: str | None, where: str) -> Decimal:
    """Return the step of ``1..4``; a range of quantities has none of its own."""
    if unit is not None:
        raise ConfigError(f"{where}: {text!r}: say 'step' with a unit, or 'log2'")
    return Decimal(1)


def _base(number: str, unit: str | None, unit_of_range: str | None, where: str) -> Decimal:
    """Return a number of the range in its base unit."""
    if unit_of_range is None:
        if unit is not None:
            raise ConfigError(f"{where}: the step has a unit ({unit}), the range has none")
        return _exact(number, where)
    known = {
        name: factor for units in UNITS.values() if unit_of_range in units for name, factor in units.items()
    }
    if not known:
        every = [name for units in UNITS.values() for name in units]
        raise ConfigError(f"{where}: no such unit {unit_of_range!r}{did_you_mean(unit_of_range, every)}")
    if unit not in known:
        raise ConfigError(f"{where}: {number} {unit or ''}: needs a unit{did_you_mean(unit or '', known)}")
    return _exact(number, where) * known[unit]


def _exact(number: str, where: str) -> Decimal:
    try:
        return exact(number, number)
    except ConfigError as problem:
        raise ConfigError(f"{where}: {problem}") from None


def _spelled(number: Decimal, unit: str | None) -> Scalar:
    """Return a plain number as int or float, a quantity as text with its unit."""
    whole = number == number.to_integral_value()
    value = int(number) if whole else float(number)
    if unit is None:
        return value
    kind = next(kind for kind, units in UNITS.items() if unit in units)
    return spell(value, kind)


@dataclass(frozen=True, slots=True)
class Limit:
    """An upper bound on a result."""

    quantity: str  # as written: "area", "power", or a column itself
    column: str  # of the results: "area_mm2"
    limit: float  # in the column's unit

    @property
    def words(self) -> str:
        """The bound as a rule: "area_mm2 <= 2"."""
        return f"{self.column} <= {self.limit:.6g}"
