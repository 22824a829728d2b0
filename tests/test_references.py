"""What docstrings point at exists: every ``:mod:``, ``:class:``, ``:func:``, ``:meth:``, ``:data:`` and ``:attr:``."""

import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
FOLDERS = ["traces", "accel_models", "simulator", "analysis", "networks", "lacuna"]
REFERENCE = re.compile(r":(?:mod|class|func|meth|data|attr):`~?([\w.]+)`")


def references(folder: str) -> Iterator[tuple[str, str]]:
    """Yield the module that points and what it points at."""
    for path in sorted((ROOT / folder).rglob("*.py")):
        module = ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        for target in REFERENCE.findall(path.read_text(encoding="utf-8")):
            yield module, target


def exists(target: str) -> bool:
    """Whether a dotted path is a module, or a name in one."""
    parts = target.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:cut]))
        except ImportError:
            continue
        return has(found, parts[cut:])
    return False


def has(found: object, names: list[str]) -> bool:
    """Whether the names lie in each other, a field without a default included."""
    for name in names:
        if name in getattr(found, "__annotations__", {}):
            return True
        if not hasattr(found, name):
            return False
        found = getattr(found, name)
    return True


def resolves(module: str, target: str) -> bool:
    """Whether a docstring of ``module`` may say ``target``: in full, or as it or a class of it knows it."""
    home = importlib.import_module(module)
    classes = [value for value in vars(home).values() if isinstance(value, type)]
    return exists(target) or any(has(place, target.split(".")) for place in [home, *classes])


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_docstrings_point_at_exists(folder: str) -> None:
    if folder == "networks":
        pytest.importorskip("torch")
    pairs = list(references(folder))
    assert [f"{module}: {target}" for module, target in pairs if not resolves(module, target)] == []


def test_what_does_not_exist_is_found() -> None:
    assert not resolves("traces.base.errors", "traces.base.errors.NoSuchError")
    assert not resolves("traces.base.errors", "accel_models.arrays")
    assert resolves("traces.base.errors", "did_you_mean")
