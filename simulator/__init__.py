"""When work happens: schedules, two engines that agree, replays of traces, streams of frames.

Names are imported on first use, so ``import simulator`` stays fast::

    from simulator import replay
    results = replay(load_trace("lcnet_resnet20_cifar10.parquet"), load_design("edge_npu_16x16"))
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
