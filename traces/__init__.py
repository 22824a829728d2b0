"""Networks as graphs, recorded gate decisions, their storage, and the work they leave to do.

Names are imported on first use, so ``import traces`` stays fast::

    from traces import load_trace, lower
    workload = lower(load_trace("lcnet_resnet20_cifar10.parquet"))
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
