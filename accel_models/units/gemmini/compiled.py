"""Loops compiled with numba, kept on disk until one of the modules that hold them changes.

Numba's cache looks at the file of the function it keeps and at what that function closes over, not at the
functions it calls.  So the outermost loop of a group of modules closes over :func:`sources_of` them all::

    def _bind(sources: str) -> Callable[..., None]:
        @compiled_and_kept
        def loop(...): ...; _ = sources

Modules that use this are imported only when they run, because numba is slow to import.  What it compiles lies in the
user's cache folder (``NUMBA_CACHE_DIR``, if set), never in the package, which may be read-only or shared.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar, cast

from numba import config, njit

F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """Compile a function when first called, or into the one that calls it."""
    return cast("F", njit(nogil=True, error_model="numpy")(function))


def compiled_and_kept(function: F) -> F:
    """Compile an outermost loop and keep it on disk."""
    # Numba reads it where a function is wrapped; its names are set at import, so mypy does not know them.
    config.CACHE_DIR = config.CACHE_DIR or str(_cache_folder())  # type: ignore[attr-defined]
    return cast("F", njit(nogil=True, error_model="numpy", cache=True)(function))


def _cache_folder() -> Path:
    """Return where compiled loops lie, by the XDG base directory specification."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "lacuna" / "numba"


def sources_of(*modules: ModuleType) -> str:
    """Return a hash over the modules' source files."""
    digest = hashlib.sha256()
    for module in modules:
        if module.__file__ is not None:
            digest.update(Path(module.__file__).read_bytes())
    return digest.hexdigest()
