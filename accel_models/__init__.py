"""What one piece of work costs on one design.

Names are imported on first use, so ``import accel_models`` stays fast::

    from accel_models import load_design
    design = load_design("edge_npu_16x16", {"array.rows": 32})
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from accel_models.cost import Cost, Placement, WorkStates
    from accel_models.design.design import Design
    from accel_models.design.load import design_names, load_design
    from accel_models.design.params import design_area, design_prices
    from accel_models.units.pricing import price
    from accel_models.work.placement import place
    from accel_models.work.skipping import skip

_HOME = {
    "Cost": "accel_models.cost",
    "Design": "accel_models.design.design",
    "Placement": "accel_models.cost",
    "WorkStates": "accel_models.cost",
    "design_area": "accel_models.design.params",
    "design_names": "accel_models.design.load",
    "design_prices": "accel_models.design.params",
    "load_design": "accel_models.design.load",
    "place": "accel_models.work.placement",
    "price": "accel_models.units.pricing",
    "skip": "accel_models.work.skipping",
}
__all__ = [
    "Cost",
    "Design",
    "Placement",
    "WorkStates",
    "design_area",
    "design_names",
    "design_prices",
    "load_design",
    "place",
    "price",
    "skip",
]


def __getattr__(name: str) -> Any:  # the type is that of whatever is asked for
    if name not in _HOME:
        raise AttributeError(f"module 'accel_models' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
