"""Data flows one way through the folders, and heavy libraries stay in their place."""

import ast
import importlib
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
ALLOWED = {
    "traces": {"traces"},
    "accel_models": {"accel_models", "traces"},
    "simulator": {"simulator", "accel_models", "traces"},
    "analysis": {"analysis", "simulator", "accel_models", "traces"},
    "networks": {"networks", "traces"},
    "lacuna": {"lacuna", "networks", "analysis", "simulator", "accel_models", "traces"},
}
FACES = ["traces", "accel_models", "simulator", "analysis", "networks"]
MOST_MODULES = 15  # in one folder, faces not counted: about what can be looked over at a glance
MOST_LINES = 310  # of a file
MOST_PARAMETERS = 11  # of a function
TWICE = {  # capitalised names of several modules, and why
    "UNIT": "each kind of unit gives itself under this name",
}
ONE_FILE = {
    "simpy": "simulator/engines/events.py",
    "matplotlib": "analysis/figures/canvas.py",
    "plotly": "analysis/figures/charts.py",
}
CALLED_BY_NAME = {  # methods that a library calls, and validators
    "_check_budget",
    "_check_gate_unit",
    "_check_units",
    "_fill_widths",
    "_root",
    "_should_skip_dynamo",
    "format_commands",
    "__all__",
    "__getattr__",
    "__dir__",
}
BY_NAME = re.compile(r"([\w.]+):(\w+)")  # "module:name" of what lies above, found when it is needed
WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def modules(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported(path: Path) -> Iterator[str]:
    """Yield the top-level names of all imports, also those inside functions."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.split(".")[0]


def crossing(path: Path, folder: str) -> Iterator[tuple[int, str]]:
    """Yield line and module of every import from another top folder."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module]
        else:
            continue
        line = node.lineno
        for name in names:
            top = name.split(".")[0]
            if top in ALLOWED and top != folder:
                yield line, name


@pytest.mark.parametrize("folder", sorted(ALLOWED))
def test_imports_point_one_way(folder: str) -> None:
    assert modules(folder)
    wrong = [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in modules(folder)
        for name in imported(path)
        if name in ALLOWED and name not in ALLOWED[folder]
    ]
    assert wrong == []


def test_no_import_reaches_past_a_face() -> None:
    """What one top folder may use of another is listed in that folder's `__init__.pyi`."""
    inside = [
        f"{path.relative_to(ROOT)}:{line}: {name}"
        for folder in ALLOWED
        for path in modules(folder)
        for line, name in crossing(path, folder)
        if "." in name
    ]
    assert inside == []


@pytest.mark.parametrize("folder", FACES)
def test_a_face_lists_what_is_there(folder: str) -> None:
    """Every name of a stub is served at run time, and is what its module defines."""
    if folder == "networks":
        pytest.importorskip("torch")
    face = importlib.import_module(folder)
    listed = stub_homes(folder)
    assert sorted(face.__all__) == sorted(listed)
    for name, home in listed.items():
        assert getattr(face, name) is getattr(importlib.import_module(home), name)


def test_no_circle_among_modules() -> None:
    """Modules can be put in an order in which each imports only earlier ones, also inside functions."""
    names = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts): path for f in ALLOWED for path in modules(f)
    }
    needs = {name: set(needed(path, names)) - {name} for name, path in names.items()}
    assert list(TopologicalSorter(needs).static_order())  # raises CycleError, which names the circle


def needed(path: Path, names: Mapping[str, Path]) -> Iterator[str]:
    """Yield the modules that a module imports; a name from a face stands for the module it lies in."""
    for node in ast.walk(tree(path)):
        if not isinstance(node, ast.ImportFrom) or not node.module:
            continue
        homes = stub_homes(node.module) if node.module in FACES else {}
        for alias in node.names:
            for name in (homes.get(alias.name, ""), f"{node.module}.{alias.name}", node.module):
                if name in names:
                    yield name


def stub_homes(folder: str) -> dict[str, str]:
    """Return the module of each name that a face lists."""
    stub = ast.parse((ROOT / folder / "__init__.pyi").read_text(encoding="utf-8"))
    return {
        alias.name: f"{folder}.{node.module}"
        for node in stub.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


@pytest.mark.parametrize("folder", [*sorted(ALLOWED), "tests", "benchmarks"])
def test_a_folder_can_be_looked_over(folder: str) -> None:
    crowd = Counter(path.parent.relative_to(ROOT) for path in modules(folder) if path.name != "__init__.py")
    assert [f"{where}: {count} modules" for where, count in crowd.items() if count > MOST_MODULES] == []


@pytest.mark.parametrize("folder", [*sorted(ALLOWED), "tests", "benchmarks", "examples"])
def test_a_file_holds_one_idea(folder: str) -> None:
    """Where a file grows long, a second idea has begun in it: cut it there."""
    lengths = {path: path.read_text(encoding="utf-8").count("\n") for path in modules(folder)}
    assert [f"{path.relative_to(ROOT)}: {n} lines" for path, n in lengths.items() if n > MOST_LINES] == []


def test_a_capitalised_name_means_one_thing() -> None:
    """No two modules define the same class, alias or public constant; private constants are settings of their own."""
    homes: dict[str, list[str]] = {}
    for path in (path for folder in ALLOWED for path in modules(folder)):
        for name in defined(path):
            if name[:1].isupper() or (name.startswith("_") and name[1:2].isupper() and not name.isupper()):
                homes.setdefault(name, []).append(str(path.relative_to(ROOT)))
    twice = {name: places for name, places in homes.items() if len(places) > 1 and name not in TWICE}
    assert twice == {}
    assert [name for name in TWICE if len(homes[name]) < 2] == []


def defined(path: Path) -> Iterator[str]:
    """Yield the names that a module defines, not those that it imports."""
    for node in tree(path).body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            yield node.target.id


def test_no_signature_is_a_list_of_settings() -> None:
    """What has more than a few parameters takes a value that holds them; the most are those of `lc.search`."""
    long = [
        f"{path.relative_to(ROOT)}:{node.lineno}: {node.name} has {count} parameters"
        for path in (path for folder in ALLOWED for path in modules(folder))
        for node in ast.walk(tree(path))
        if isinstance(node, ast.FunctionDef)
        if (count := len([*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs])) > MOST_PARAMETERS
    ]
    assert long == []


def test_only_networks_imports_torch() -> None:
    users = {
        path.relative_to(ROOT).parts[0] for f in ALLOWED for path in modules(f) if "torch" in imported(path)
    }
    assert users == {"networks"}


@pytest.mark.parametrize(("library", "file"), sorted(ONE_FILE.items()))
def test_a_library_lives_in_one_file(library: str, file: str) -> None:
    users = [str(p.relative_to(ROOT)) for f in ALLOWED for p in modules(f) if library in imported(p)]
    assert users == [file]


def test_no_name_is_there_for_tests_alone() -> None:
    """What a module defines, the product uses, or a face, a page, an example or a benchmark offers to users."""
    offered = {word for path in texts() for word in WORD.findall(path.read_text(encoding="utf-8"))}
    written: Counter[str] = Counter()
    taken: set[tuple[str, str]] = set()  # module, name
    for path in (path for folder in ALLOWED for path in modules(folder)):
        written.update(WORD.findall(path.read_text(encoding="utf-8")))
        taken.update(imports(path))
    alone = []
    for path in (path for folder in ALLOWED for path in modules(folder)):
        module, own = dotted(path), Counter(WORD.findall(path.read_text(encoding="utf-8")))
        for name in defined(path):
            used = own[name] > 1 or (module, name) in taken or name in offered
            alone += [] if used or name in CALLED_BY_NAME else [f"{module}.{name}"]
        for name in methods(path):
            used = written[name] > 1 or name in offered
            alone += [] if used or name in CALLED_BY_NAME else [f"{module}: {name}"]
    assert alone == []


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Yield module and name of all that a module imports; a name from a face with the module it lies in.

    A module that is imported as a whole is used as ``module.name``.
    """
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.ImportFrom) and node.module:
            homes = stub_homes(node.module) if node.module in FACES else {}
            for alias in node.names:
                yield homes.get(alias.name, node.module), alias.name
                whole = ROOT.joinpath(*node.module.split("."), f"{alias.name}.py")
                if whole.is_file():
                    yield from ((dotted(whole), name) for name in defined(whole))
        elif isinstance(node, ast.Constant) and (by_name := BY_NAME.fullmatch(str(node.value))):
            yield by_name[1], by_name[2]


def texts() -> list[Path]:
    """Return what users read: faces, pages and their templates, examples, benchmarks, settings that name functions."""
    found = [ROOT / folder / "__init__.pyi" for folder in [*FACES, "lacuna"]]
    for folder in ("docs", "examples", "benchmarks"):
        found += [path for path in (ROOT / folder).rglob("*") if path.suffix in {".md", ".ipynb", ".py"}]
    found += (ROOT / "analysis" / "reports" / "templates").glob("*.html")
    return [*found, ROOT / "README.md", ROOT / "pyproject.toml", ROOT / "Makefile"]


def methods(path: Path) -> Iterator[str]:
    """Yield the methods and properties of a module's classes, those aside that Python calls."""
    for node in tree(path).body:
        for part in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(part, ast.FunctionDef) and not part.name.startswith("__"):
                yield part.name


def test_help_loads_no_heavy_library() -> None:
    """`lacuna --help` answers in under half a second because it imports none of these."""
    code = (
        "import sys, lacuna.__main__\n"
        "heavy = {'torch', 'pandas', 'optuna', 'dask', 'plotly', 'matplotlib', 'scipy', 'pyarrow', 'numba',"
        " 'numpy', 'pydantic', 'ruamel', 'jinja2'}\n"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
