"""`import lacuna as lc`: every listed name is there, and nobody else's module stands in for Lacuna's."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest

import lacuna as lc
from lacuna.face import public_names
from lacuna.strangers import PACKAGES

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(public_names()))
def test_every_listed_name_is_served(name: str) -> None:
    home, own_name = public_names()[name]
    if home == "networks":
        pytest.importorskip("torch")
    assert getattr(lc, name) is getattr(import_module(home), own_name)
    assert name in dir(lc)


def test_what_the_documentation_promises_is_listed() -> None:
    promised = {
        "load_trace",
        "load_design",
        "replay",
        "estimate",
        "sweep",
        "report",
        "record",
        "Graph",
        "NetworkGraph",
    }
    assert promised <= set(import_module("lacuna").__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'relpay'"):
        lc.relpay  # type: ignore[attr-defined]  # noqa: B018


def test_a_replay_is_three_lines() -> None:
    trace = lc.synthetic_trace(lc.cifar_resnet(8, "layer"), 4)
    results = lc.replay(trace, lc.load_design("edge_npu_16x16"), explain=False)
    assert results.summary().inputs == 4


def test_importing_it_loads_none_of_the_packages() -> None:
    code = f"import sys, lacuna; print(sorted(set({PACKAGES}) & set(sys.modules)))"
    assert python(ROOT, "-c", code).stdout.strip() == "[]"


@pytest.fixture(params=["simulator.py", "analysis/__init__.py", "analysis/plot.py"])
def stranger(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a working folder in which something of the user's own has the name of a package of Lacuna's."""
    file = tmp_path / request.param
    file.parent.mkdir(exist_ok=True)
    file.write_text("mine = 1\n", encoding="utf-8")
    return tmp_path


def test_the_command_line_uses_its_own_packages(stranger: Path) -> None:
    table = "estimate", "dscnn_kws", "-d", "edge_npu_16x16", "--out", "ops.csv"
    page = "report", "ops.csv", "--out", "page.html"  # reads templates of the package
    for words in (table, page):
        done = python(stranger, "-m", "lacuna", *words)
        assert done.returncode == 0, done.stderr
    assert (stranger / "page.html").stat().st_size > 0


def test_its_worker_processes_do_too(stranger: Path) -> None:
    space = stranger / "space.yaml"
    space.write_text(
        "designs: cortex_m4\nset:\n  clock: [80 MHz, 160 MHz]\nnetworks: dscnn_kws\ninputs: 2\n",
        encoding="utf-8",
    )
    done = python(stranger, "-m", "lacuna", "sweep", str(space), "--out", "swept", "--json")
    assert done.returncode == 0, done.stderr


def test_every_package_says_that_it_is_typed() -> None:
    for package in ("lacuna", *PACKAGES):
        assert (ROOT / package / "py.typed").is_file()


def test_python_says_what_hides_a_package(stranger: Path) -> None:
    """A namespace folder hides nothing where Lacuna's package comes later on the path: then it just works."""
    done = python(stranger, "-c", "import lacuna as lc; print(lc.load_design.__name__)")
    if (stranger / "analysis" / "plot.py").exists():
        assert done.stdout.strip() == "load_design"
        return
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert "hides Lacuna's own package" in last
    assert str(stranger) in last


def python(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python in a folder, this checkout on its path."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
