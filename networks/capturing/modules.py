"""Which module is at work while a network runs: paths, and how often each was called.

A module that is called again gets a number: ``control``, ``control#2``, ``control#3``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook


def numbered(name: str, call: int) -> str:
    """Return the name of a call: the plain name for the first, ``name#2`` for the second."""
    return name if call == 1 else f"{name}#{call}"


class ModuleCalls:
    """The stack of module calls of one forward pass."""

    def __init__(self, model: nn.Module) -> None:
        self._paths = {id(module): path for path, module in model.named_modules()}
        self._times: Counter[str] = Counter()
        self._stack: list[tuple[str, int]] = []

    @property
    def path(self) -> str:
        """Path of the innermost module at work, "" for the model itself."""
        return self._stack[-1][0] if self._stack else ""

    @property
    def call(self) -> int:
        """Number of the innermost module's call, from 1."""
        return self._stack[-1][1] if self._stack else 1

    def times(self) -> dict[str, int]:
        """Return how often each module was called."""
        return dict(self._times)

    @contextmanager
    def watching(self, left: Callable[[str, int, Any], None]) -> Iterator[None]:
        """Follow the calls; ``left(path, call, output)`` hears of each that ends."""

        def enter(module: nn.Module, args: Any) -> None:
            path = self._paths.get(id(module))
            if path is not None:
                self._times[path] += 1
                self._stack.append((path, self._times[path]))

        def leave(module: nn.Module, args: Any, output: Any) -> None:
            if id(module) in self._paths and self._stack:
                left(*self._stack.pop(), output)

        handles = [register_module_forward_pre_hook(enter), register_module_forward_hook(leave)]
        try:
            yield
        finally:
            for handle in handles:
                handle.remove()
