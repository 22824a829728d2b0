"""The public names of the package, and that importing it stays light."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module

import pytest

import traces


@pytest.mark.parametrize("name", import_module("traces").__all__)
def test_every_public_name_resolves(name: str) -> None:
    assert getattr(traces, name) is not None
    assert name in dir(traces)


def test_unknown_names_are_attribute_errors() -> None:
    with pytest.raises(AttributeError, match="load_tarce"):
        _ = traces.load_tarce  # type: ignore[attr-defined]  # the error is the point


def test_importing_the_package_pulls_nothing_heavy() -> None:
    code = (
        "import sys, traces\n"
        "print([m for m in ('numpy', 'pandas', 'pyarrow', 'pydantic') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_lowering_needs_no_arrow_pandas_or_torch() -> None:
    code = (
        "import sys\n"
        "from traces import cifar_resnet, dense_workload, load_network\n"
        "dense_workload(cifar_resnet(8, 'both')); load_network('resnet8_tiny')\n"
        "print([m for m in ('pandas', 'pyarrow', 'torch', 'onnx', 'scipy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"
