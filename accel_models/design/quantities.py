"""Physical quantities as people write them in files: ``"64 KiB"``, ``"500 MHz"``, ``"1.2 pJ"``.

This is the only place where a quantity is parsed.  A number without a unit is refused, and so is ``KB``,
which some read as 1000 and others as 1024 bytes.  Types of a design's values are built on it: the unit they are
written with, and the range in which they mean something.

Choice: a number outside its range is a slip of the pen, no design; inside them, every product of settings and sizes
that the equations form stays below 2**62, which :mod:`accel_models.units.assemble` checks once more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, Final

from pydantic import AfterValidator, BeforeValidator, Field, PlainSerializer, WithJsonSchema

from accel_models.energy.tables import Named
from traces import ConfigError, did_you_mean, shown

# Factors to the base unit in which the model counts.  Decimal, so that 0.1 ns stays 0.1 ns.
_ONE, _KILO, _MILLI = Decimal(1), Decimal(1000), Decimal("0.001")
UNITS: Final[dict[str, dict[str, Decimal]]] = {
    # quantity: unit: factor to the base unit
    "frequency":       {"Hz": _ONE, "kHz": _KILO, "MHz": _KILO**2, "GHz": _KILO**3},
    "size":            {"B": _ONE, "KiB": Decimal(2) ** 10, "MiB": Decimal(2) ** 20, "GiB": Decimal(2) ** 30},
    "bandwidth":       {"B/s": _ONE, "kB/s": _KILO, "MB/s": _KILO**2, "GB/s": _KILO**3, "TB/s": _KILO**4},
    "time":            {"s": _ONE, "ms": _MILLI, "us": _MILLI**2, "ns": _MILLI**3, "ps": _MILLI**4},
    "energy":          {"pJ": _ONE, "fJ": _MILLI, "nJ": _KILO, "uJ": _KILO**2, "mJ": _KILO**3, "J": _KILO**4},
    "power":           {"W": _ONE, "mW": _MILLI, "uW": _MILLI**2, "nW": _MILLI**3},
    "voltage":         {"V": _ONE, "mV": _MILLI},
    "area":            {"mm2": _ONE, "um2": _MILLI**2},
    "length":          {"nm": _ONE, "um": _KILO},
    "temperature":     {"K": _ONE},
    "rate":            {"1/s": _ONE, "fps": _ONE},
    "energy_per_bit":  {"pJ/bit": _ONE, "fJ/bit": _MILLI},
    "power_per_clock": {"uW/MHz": _ONE, "mW/MHz": _KILO, "pJ/cycle": _ONE},
    "bits":            {"bit": _ONE},
}  # fmt: skip
_USUAL: Final[dict[str, str]] = {
    "frequency": "MHz",
    "size": "KiB",
    "bandwidth": "GB/s",
    "time": "ms",
    "rate": "fps",
}
_AMBIGUOUS: Final[dict[str, str]] = {"KB": "KiB (1024) or write bytes", "kB": "KiB", "MB": "MiB", "GB": "GiB"}
_LONGEST = 80  # characters
MOST_DIGITS = 18  # of a number before its unit: more than any unit needs to reach any quantity
NUMBER = r"[+-]?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_QUANTITY = re.compile(rf"^\s*({NUMBER})(?:\s+(\S.*?)|([^\s0-9.].*?))?\s*$")


def parse_quantity(text: object, quantity: str) -> float:
    """Return ``text`` in the base unit of ``quantity``.

    Parameters
    ----------
    text
        A string such as ``"64 KiB"``.
    quantity
        A key of :data:`UNITS`.  Base units: Hz, B, B/s, s, pJ, W, V, mm2, nm, K, 1/s, pJ/bit, uW/MHz, bit.

    Raises
    ------
    ConfigError
        If the text is no string, has no unit or one that does not measure ``quantity``, or is ambiguous.
    """
    units = UNITS[quantity]
    example = f'"64 {_USUAL.get(quantity, next(iter(units)))}"'
    if not isinstance(text, str):
        raise ConfigError(f"{shown(text)} has no unit: write a {quantity} like {example}")
    match = _QUANTITY.match(text) if len(text) <= _LONGEST else None
    if match is None:
        raise ConfigError(f"{shown(text)} is not a {quantity}: write it like {example}")
    number, apart, close = match.groups()
    unit = apart or close
    if unit is None:
        raise ConfigError(f"{shown(text)} has no unit: write a {quantity} like {example}")
    if unit not in units:
        if quantity == "size" and unit in _AMBIGUOUS:
            raise ConfigError(f"{text!r}: {unit} is ambiguous (1000 or 1024); write {_AMBIGUOUS[unit]}")
        raise ConfigError(f"{shown(text)}: no such unit of {quantity}{did_you_mean(unit, units)}")
    return float(exact(number, text) * units[unit])


def exact(number: str, text: str) -> Decimal:
    """Return a number that :data:`NUMBER` matches, refusing what no quantity can be; ``text`` is what was written."""
    try:
        value = Decimal(number)
    except ArithmeticError:  # an exponent of twenty digits
        value = Decimal("Infinity")
    if not value.is_finite() or (value and abs(value.adjusted()) > MOST_DIGITS):
        raise ConfigError(f"{shown(text)}: is out of all range: needs 1e-{MOST_DIGITS} to 1e{MOST_DIGITS}")
    return value


def whole(value: float, text: object) -> int:
    """Return ``value`` as an integer, refusing to round."""
    if value != int(value):
        raise ConfigError(f"{text!r} is not a whole number of base units ({value})")
    return int(value)


def spell(value: float, quantity: str) -> str:
    """Return ``value``, in the base unit, as text that :func:`parse_quantity` reads back exactly.

    Takes the largest unit in which the number is a short one.
    """
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    base = next(unit for unit, factor in UNITS[quantity].items() if factor == 1)
    best = f"{value!r} {base}"
    for unit, factor in sorted(UNITS[quantity].items(), key=lambda item: item[1]):
        scaled = exact / factor
        text = f"{scaled.normalize():f} {unit}"
        if scaled >= 1 and len(text) <= len(best) and scaled * factor == exact:
            best = text
    return best


@dataclass(frozen=True, slots=True)
class Physical:
    """Mark of a value that is written with a unit."""

    quantity: str  # a key of :data:`accel_models.design.quantities.UNITS`


def _quantity(kind: str, *, integer: bool = False) -> Any:
    def read(text: object) -> float | int:
        value = parse_quantity(text, kind)
        return whole(value, text) if integer else value

    units = "|".join(UNITS[kind])
    schema = WithJsonSchema({"type": "string", "pattern": rf"^[+-]?[0-9.eE+-]+ ?({units})$"})
    spelled = PlainSerializer(lambda value: spell(value, kind), return_type=str)
    return (BeforeValidator(read), spelled, schema, Physical(kind))


def by_name(table: Named) -> Any:
    """Return the marks of a text that names a row of a table."""
    return (AfterValidator(table.known), table)


MOST_CYCLES = 1 << 20  # an overhead of a millisecond at 1 GHz
LEAST_CYCLES = -16  # what an equation may count twice: latencies of a pipeline, not work
MOST_COUNT = 1 << 16  # the widest array or vector is a few thousand
MOST_BYTES = 1 << 40  # 1 TiB: more than any memory beside an accelerator
MOST_FACTOR = 1e6  # of cycles per instruction or event

Frequency = Annotated[float, *_quantity("frequency"), Field(ge=1.0, le=1e11)]  # 100 GHz: faster than logic
Size = Annotated[int, *_quantity("size", integer=True), Field(ge=0, le=MOST_BYTES)]
Room = Annotated[
    int, *_quantity("size", integer=True), Field(gt=0, le=MOST_BYTES)
]  # a size that cannot be nothing
Bandwidth = Annotated[
    float, *_quantity("bandwidth"), Field(ge=1.0, le=1e15)
]  # 1 PB/s: beyond all stacked memory
Time = Annotated[
    float, *_quantity("time"), Field(ge=0, le=1.0)
]  # a second: waits are of memories and hand-overs
Energy = Annotated[float, *_quantity("energy"), Field(ge=0, le=1e12)]  # 1 J for one action
Voltage = Annotated[float, *_quantity("voltage"), Field(ge=0.05, le=50.0)]  # of logic and its supply
NodeLength = Annotated[
    int, *_quantity("length", integer=True), Field(gt=0, le=100_000)
]  # the first processor: 10 um
Power = Annotated[float, *_quantity("power"), Field(ge=0, le=1e6)]  # 1 MW
Temperature = Annotated[float, *_quantity("temperature"), Field(gt=0, le=1000.0)]  # silicon works below
Bits = Annotated[int, *_quantity("bits", integer=True), Field(gt=0, le=MOST_COUNT)]
Count = Annotated[int, Field(ge=1, le=MOST_COUNT, strict=True)]
Units = Annotated[
    int, Field(ge=1, le=1024, strict=True)
]  # equal ones: each has a place in the schedule, a column
Width = Annotated[int, Field(ge=1, le=64, strict=True)]  # of a number [bit]
Cycles = Annotated[int, Field(ge=LEAST_CYCLES, le=MOST_CYCLES, strict=True)]
CyclesUp = Annotated[int, Field(ge=0, le=MOST_CYCLES, strict=True)]  # not negative
Share = Annotated[float, Field(ge=0.0, le=1.0, strict=True)]
NotNegative = Annotated[float, Field(ge=0.0, le=MOST_FACTOR, strict=True)]
Positive = Annotated[float, Field(ge=1e-3, le=MOST_FACTOR, strict=True)]
