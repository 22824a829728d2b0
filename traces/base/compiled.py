"""Loops that run as they are written, or compiled with numba where there is much to walk.

Compiling one takes ten or twenty seconds of a processor, once per machine, and reading what was kept half a second;
walking Gemmini through all layers of a ResNet-20 as it is written takes less than either.  So :class:`Loop` counts what
a process has walked and compiles when that is more than compiling is worth.  Both are the same source,
and take the same operations in the same order.

A function marked :func:`compiled` is an ordinary one. Choice: it takes what it needs one by one, however many that
are: numba compiles a function anew for every type of tuple that it is given. To compile, its modules are copied with
each such function wrapped by numba, so that they find one another. What is compiled lies in the user's cache folder
(``NUMBA_CACHE_DIR``, if set), under a hash of the modules' sources, never in the package, which may be read-only or
shared.
"""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any, TypeVar, cast

F = TypeVar("F", bound=Callable[..., Any])

_COMPILED: list[FunctionType] = []

# What loops take as written, by those who call them, on a server's core [us].
TO_READ_US = 1_000_000.0  # Choice: twice what importing numba and reading what was kept takes


def compiled(function: F) -> F:
    """Let a function be compiled together with the :class:`Loop` that calls it."""
    _COMPILED.append(cast("FunctionType", function))
    return function


class Loop:
    """An outermost loop, which is kept on disk once it is compiled."""

    def __init__(
        self,
        function: Callable[..., None],
        modules: tuple[ModuleType, ...],
        *,
        to_compile_us: float,
        written: Callable[..., None] | None = None,
    ) -> None:
        """``to_compile_us``: what compiling takes; ``written``: how the loop is called as written, if otherwise."""
        self._function = function
        self._modules = modules
        self._written = written or function
        self.to_compile_us = to_compile_us
        self._wrapped: Callable[..., None] | None = None
        self.walked_us = 0.0  # by this process, as written

    def __call__(self, walk_us: float, *arguments: object) -> None:
        """Run the loop, which takes about so long as written."""
        self.walked_us += walk_us
        if self._wrapped is None and self.walked_us > TO_READ_US:
            folder = _cache_folder() / sources_of(self._modules)
            kept = any(folder.rglob(f"*.{self._function.__name__}-*.nbi"))
            if kept or self.walked_us > self.to_compile_us:
                self._wrapped = wrapped(self._function, self._modules, folder)
        (self._wrapped or self._written)(*arguments)


def wrapped(
    function: Callable[..., None], modules: Iterable[ModuleType], folder: Path
) -> Callable[..., None]:
    """Return a loop that numba compiles when first called, and keeps in ``folder``."""
    from numba import config, njit  # noqa: PLC0415  # slow to import

    copies = {module: ModuleType(module.__name__) for module in modules}
    shared = sys.modules[function.__module__]
    copies[shared] = ModuleType(shared.__name__)
    dispatchers: dict[object, object] = {}
    for plain in _COMPILED:
        home = copies.get(sys.modules[plain.__module__])
        if home is None:  # of another loop
            continue
        dispatchers[plain] = njit(nogil=True, error_model="numpy")(_moved(plain, home))
    for module, copy in copies.items():
        for name, value in vars(module).items():
            known = isinstance(value, (FunctionType, ModuleType))
            replacement = dispatchers.get(value, copies.get(value)) if known else None
            setattr(copy, name, value if replacement is None else replacement)
    before = config.CACHE_DIR  # type: ignore[attr-defined]  # set at import; read where a function is wrapped
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]
    try:
        loop = _moved(cast("FunctionType", function), copies[shared])
        return cast("Callable[..., None]", njit(nogil=True, error_model="numpy", cache=True)(loop))
    finally:
        config.CACHE_DIR = before  # type: ignore[attr-defined]


def _moved(function: FunctionType, home: ModuleType) -> FunctionType:
    """Return the function as one that looks names up in another module."""
    moved = FunctionType(function.__code__, vars(home), function.__name__, function.__defaults__)
    moved.__module__ = function.__module__
    moved.__qualname__ = function.__qualname__
    return moved


def _cache_folder() -> Path:
    """Return where compiled loops lie, by the XDG base directory specification."""
    named = os.environ.get("NUMBA_CACHE_DIR")
    return Path(
        named or Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lacuna" / "numba"
    )


@cache
def sources_of(modules: tuple[ModuleType, ...]) -> str:
    """Return a hash over the modules' source files, as they were when first asked for."""
    digest = hashlib.sha256()
    for module in modules:
        if module.__file__ is not None:
            digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()[:16]
