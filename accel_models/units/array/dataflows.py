"""The dataflows of an array, a row each: which sizes of a product M x K x N lie along the array, and which streams.

========  =======  =======  ========  ===================================================
dataflow  rows     columns  streams   stays in a PE: the operand without the streamed size
========  =======  =======  ========  ===================================================
``ws``    K        N        M         weights
``is``    K        M        N         inputs
``os``    M        N        K         sums
``rs``    rows of filters and of outputs; it has no folds: :mod:`accel_models.units.array.row_stationary`
========  =======  =======  ========  ===================================================

Nothing else asks for a dataflow's name: what follows from it follows from its row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from accel_models.design.sections import Dataflow
from traces import ConfigError

ProductSize = Literal["m", "k", "n"]
NO_FOLDS = "array.dataflow = 'rs': a row-stationary array works in passes, not in folds"


@dataclass(frozen=True, slots=True)
class Streaming:
    """Where the sizes of a product lie."""

    rows: ProductSize
    cols: ProductSize
    streams: ProductSize

    @property
    def sums_stay(self) -> bool:
        """Whether the reduction streams, so that sums grow in their PEs and leave when they are whole."""
        return self.streams == "k"

    @property
    def weights_stay(self) -> bool:
        """Whether pixels stream past weights that stay."""
        return self.streams == "m"

    @property
    def inputs_stay(self) -> bool:
        """Whether filters stream past inputs that stay."""
        return self.streams == "n"


DATAFLOWS: Final[
    Mapping[Dataflow, Streaming | None]
] = {  # None: products are not laid over the array in folds
    "ws": Streaming("k", "n", "m"),
    "is": Streaming("k", "m", "n"),
    "os": Streaming("m", "n", "k"),
    "rs": None,
}


def streaming_of(dataflow: Dataflow) -> Streaming:
    """Return where the sizes of a product lie.

    Raises
    ------
    ConfigError
        If the dataflow has no folds.
    """
    found = DATAFLOWS[dataflow]
    if found is None:
        raise ConfigError(NO_FOLDS)
    return found
