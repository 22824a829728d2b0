"""Types of a design's values: the unit they are written with, and the range in which they mean something.

Choice: a number outside its range is a slip of the pen, no design; inside them, every product of settings and sizes
that the equations form stays below 2**62, which :mod:`accel_models.units.assemble` checks once more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer, WithJsonSchema

from accel_models.design.quantities import UNITS, parse_quantity, spell, whole


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
