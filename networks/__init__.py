"""The networks themselves: PyTorch models, training, recording; the only folder that imports torch.

Names are imported on first use, so ``import networks`` stays fast.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
