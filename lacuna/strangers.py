"""Lacuna's packages have plain names; what a user calls the same must not stand in for them.

``simulator.py`` or a folder ``analysis/`` beside a script, or in the working folder of ``python -m lacuna``,
comes first on Python's path and would be imported in their place.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path

PACKAGES = ("traces", "accel_models", "simulator", "analysis", "networks")
_ROOT = Path(__file__).resolve().parents[1]


def refuse_strangers() -> None:
    """Raise ``ImportError`` if a module of another origin has the name of one of Lacuna's packages."""
    for name in PACKAGES:
        place = _stranger(name)
        if place is not None:
            raise ImportError(
                f"{place} hides Lacuna's own package {name!r}: rename it, or start Python where it is not on the path",
                name=name,
                path=str(place),
            )


def use_own_packages() -> None:
    """Look where Lacuna lies first if the working folder has strangers: for the command line alone.

    Worker processes start with the same path, so they look there too.
    """
    if any(_stranger(name) for name in PACKAGES):
        sys.path.insert(0, str(_ROOT))


def _stranger(name: str) -> Path | None:
    """Return where a module of this name comes from if that is not beside this package."""
    own = _ROOT / name / "__init__.py"
    try:
        spec = find_spec(name)
    except ValueError:  # a module made by hand, without a spec
        return Path(getattr(sys.modules[name], "__file__", None) or name)
    if spec is None:
        return None  # a part that is not installed: importing it says so
    if spec.origin is not None:
        return None if Path(spec.origin).resolve() == own else Path(spec.origin)
    return Path(next(iter(spec.submodule_search_locations or [name])))
