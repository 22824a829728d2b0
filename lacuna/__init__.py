"""What dynamic inference is really worth on an edge accelerator.

The documented way in; names are imported on first use::

    import lacuna as lc

    trace = lc.load_trace("lcnet_resnet20_50_cifar10")
    results = lc.replay(trace, lc.load_design("edge_npu_16x16"))
    print(results.summary().latency_us.mean)

Every public name is listed in ``lacuna/__init__.pyi``, with the package it comes from.
"""

from __future__ import annotations

from typing import Any

from lacuna.face import public_names

_HOMES = public_names()
__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  # strings, read from the stub


def __getattr__(name: str) -> Any:  # the type is that of whatever is asked for
    if name == "__version__":
        from importlib.metadata import version  # noqa: PLC0415  (slow, and seldom asked for)

        return version("lacuna")
    if name not in _HOMES:
        raise AttributeError(f"module 'lacuna' has no attribute {name!r}", name=name)
    from importlib import import_module  # noqa: PLC0415  (as below)

    from lacuna.strangers import refuse_strangers  # noqa: PLC0415  (the command line must not refuse, so not on import)

    refuse_strangers()
    home, own_name = _HOMES[name]
    return getattr(import_module(home), own_name)


def __dir__() -> list[str]:
    return sorted(__all__)
