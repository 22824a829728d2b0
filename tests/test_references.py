"""What docstrings point at exists: every ``:mod:``, ``:class:``, ``:func:``, ``:meth:``, ``:data:`` and ``:attr:``."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from accel_models import keys

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


NAMED = re.compile(r"(?<![\w.@{}*<~-])[\w/.-]*\b[\w-]+\.(?:py|csv)\b(?![\w.])")
ELSEWHERE = {  # files that no checkout holds, and whose they are
    "layers.csv": "written by the user's command",
    "log.csv": "written by a training run",
    "scale_config.py": "SCALE-Sim's",
    "simulator.py": "a user's own, which hides Lacuna's",
    "topology_utils.py": "SCALE-Sim's",
}


def test_files_that_are_named_exist() -> None:
    """In docstrings, comments, designs, tables, the Makefile and the pages that people write."""
    there = {
        path.name
        for folder in [*FOLDERS, "tests", "examples", "benchmarks", "docs", ".ci"]
        for path in (ROOT / folder).rglob("*")
    }
    places = [
        path
        for folder in FOLDERS
        for end in ("py", "yaml", "csv")
        for path in (ROOT / folder).rglob(f"*.{end}")
    ]
    places += [ROOT / "Makefile", ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in places
        if "reference" not in path.parts and path.name not in {"validation.md", "choices.md"}
        for line in path.read_text(encoding="utf-8").splitlines()
        if "@" not in line and "http" not in line  # another repository's
        for name in NAMED.findall(line)
        if name.rsplit("/", 1)[-1] not in there | set(ELSEWHERE) and not Path(name).stem.isupper()
    ]
    assert missing == []


SETTING = re.compile(
    r"(?<![\w.:`/])((?:technology|memory|array|simd|gemmini|micronpu|skip|sleep)(?:\.[a-z_0-9]+)+)\b(?!\()"
)


def test_settings_that_are_named_exist() -> None:
    """In messages, docstrings and pages: what says "set memory.banks" names a key of a design file."""
    paths = {key.path.replace("[]", "") for key in keys()}
    known = {".".join(path.split(".")[:depth]) for path in paths for depth in range(1, 9)}
    places = [path for folder in FOLDERS for path in (ROOT / folder).rglob("*.py")]
    places += [ROOT / "README.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in places
        for text in said(path)
        for name in SETTING.findall(text)
        if name not in known and not name.endswith((".py", ".csv", ".yaml", ".md"))
    ]
    assert missing == []


def said(path: Path) -> list[str]:
    """Return the texts of a module, or a whole page."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        return [text]
    nodes = ast.walk(ast.parse(text))
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
