"""What the replays mean: sweeps, Pareto fronts, figures, comparisons, reports.

Names are imported on first use, so ``import analysis`` stays fast.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
