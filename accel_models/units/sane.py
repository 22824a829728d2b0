"""The check at the border between cost models and schedule: every cost is finite, not negative and below 2**62.

Settings and sizes are bounded where they enter; this sees what is left, whichever unit priced it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import Final

import numpy as np

from accel_models.cost import Cost
from traces import UnsupportedError

MOST_COST: Final = float(
    1 << 62
)  # sums over ops and inputs stay within 64 bits with room for one more factor of two
_COUNTED: Final = tuple(field.name for field in fields(Cost) if field.type in {"Ints", "Floats"})


def check_cost(cost: Cost, op: str, design: str) -> None:
    """Refuse a cost that cannot be.

    Raises
    ------
    UnsupportedError
        With the op, the design and the quantity.
    """
    parts = [np.asarray(getattr(cost, name), np.float64) for name in _COUNTED]
    parts.append(np.asarray(cost.energy.total_pj, np.float64))
    values = np.stack(np.broadcast_arrays(*parts))
    if bool(((values >= 0) & (values < MOST_COST)).all()):  # NaN is neither
        return
    row, state = np.argwhere(~((values >= 0) & (values < MOST_COST)))[0]
    name = (*_COUNTED, "energy_pj")[row]
    raise UnsupportedError(
        f"design {design!r}: op {op!r}: {name} = {values[row, state]:.4g} cannot be (0 to {MOST_COST:.2g}): "
        f"a setting of the design or a size of the op is far out of range"
    )
