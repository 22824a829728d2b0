"""The kinds of arrays that pass between rooms, each named once; shapes stand where they are used."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]  # what is counted: cycles, bytes, MACs, indices
Floats = NDArray[np.float64]  # shares, energies, cycles of a design before they are rounded
Bools = NDArray[np.bool_]  # masks, what holds for each

Shape = tuple[int, ...]  # of one tensor
NamedShapes = Mapping[str, Shape]  # of tensors by name
