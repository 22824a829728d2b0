"""What one piece of work costs on one design.

Names are imported on first use, so ``import accel_models`` stays fast::

    from accel_models import load_design
    design = load_design("edge_npu_16x16", {"array.rows": 32})
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
