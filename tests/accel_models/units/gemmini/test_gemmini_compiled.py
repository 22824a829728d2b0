"""Gemmini's loops as they are written and compiled: the same to the last bit, and compiled only where it pays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from accel_models import load_design
from accel_models.units.gemmini import loops
from accel_models.units.gemmini.loops import TO_COMPILE_US
from accel_models.units.gemmini.machine import gemmini_of
from accel_models.units.gemmini.tiling import ConvLayer, Product, search_tiling
from traces import Floats
from traces.base import compiled
from traces.base.compiled import TO_READ_US, Loop

LAYERS = [
    ConvLayer.square(size=size, channels=channels, filters=filters, kernel=kernel, stride=stride, padding=padding)
    for size, channels, filters, kernel, stride, padding in (
        (32, 16, 16, 3, 1, 1),
        (32, 3, 13, 3, 2, 1),
        (56, 61, 64, 1, 1, 0),
        (56, 64, 128, 1, 2, 0),
        (28, 130, 47, 3, 1, 1),
        (64, 3, 64, 7, 2, 3),
    )
]  # fmt: skip
PRODUCTS = [Product(1, 64, 10), Product(65, 192, 576), Product(197, 100, 300), Product(7, 1500, 33)]


def _convolutions(design: str, dynamic: bool) -> Floats:
    machine = gemmini_of(load_design(design))
    found = np.array([[0.3, 0.7, 0.1], [0.9, 1.0, 0.2]]) if dynamic else None
    runs = []
    for layer in LAYERS:
        tiling = search_tiling(layer, machine).tiling
        spread = np.array([1.3 if dynamic else 1.0])
        runs.append(
            loops.run_layers(
                np.array([layer]), tiling.sizes[None], tiling.loops, machine,
                loops.Fetches(found, spread, dynamic),
            )
        )  # fmt: skip
    return np.concatenate(runs)


def _products(design: str, dynamic: bool) -> Floats:
    machine = gemmini_of(load_design(design))
    runs = []
    for product in PRODUCTS:
        tiles, beats = loops.product_tile(product, "os" if dynamic else "ws", machine)[None], np.zeros((1, 2))
        found = np.array([[0.3, 0.7, 0.1], [0.9, 1.0, 0.2]]) if dynamic else None
        run = loops.run_products(
            np.array([product]), tiles, "os" if dynamic else "ws", machine,
            loops.Fetches(found, np.array([1.3 if dynamic else 1.0]), dynamic), beats=beats,
        )  # fmt: skip
        runs.append(np.concatenate([run, beats], axis=1))
    return np.concatenate(runs)


@pytest.mark.parametrize("run", [_convolutions, _products])
@pytest.mark.slow  # numba compiles for some twenty seconds
def test_compiled_is_as_written(run: Callable[[str, bool], Floats], monkeypatch: pytest.MonkeyPatch) -> None:
    """Both are the same source; what numba makes of it takes the same operations in the same order."""
    wishes = [
        (design, dynamic) for design in ("gemmini_16x16", "gemmini_16x16_rtl") for dynamic in (False, True)
    ]
    monkeypatch.setattr(loops, "_LAYERS", Loop(loops._layers, loops._MODULES, to_compile_us=TO_COMPILE_US))
    monkeypatch.setattr(
        loops, "_PRODUCTS", Loop(loops._products, loops._MODULES, to_compile_us=TO_COMPILE_US)
    )
    written = [run(*wish) for wish in wishes]
    assert loops._LAYERS._wrapped is None
    assert loops._PRODUCTS._wrapped is None
    loops._LAYERS.walked_us = loops._PRODUCTS.walked_us = TO_COMPILE_US
    for wish, before in zip(wishes, written, strict=True):
        np.testing.assert_array_equal(run(*wish), before)
    used = loops._LAYERS if run is _convolutions else loops._PRODUCTS
    assert used._wrapped is not None


def test_compiles_where_it_pays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As written up to what compiling costs; up to what reading costs where it was compiled before."""
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(tmp_path))
    calls: list[str] = []

    def _wrapped(*_: object) -> Callable[..., None]:
        return lambda *_: calls.append("compiled")

    monkeypatch.setattr(compiled, "wrapped", _wrapped)

    def _walk(*_: object) -> None:
        calls.append("written")

    loop = Loop(_walk, loops._MODULES, to_compile_us=TO_COMPILE_US)
    loop(TO_COMPILE_US)
    loop(1)
    assert calls == ["written", "compiled"]

    kept = tmp_path / compiled.sources_of(loops._MODULES) / "there"
    kept.mkdir(parents=True)
    (kept / "loops._walk-1.py311.nbi").touch()
    loop = Loop(_walk, loops._MODULES, to_compile_us=TO_COMPILE_US)
    loop(TO_READ_US)
    loop(1)
    assert calls[2:] == ["written", "compiled"]


def test_a_machine_that_never_ran_one_does_not_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ResNet-50 is less than a loop that was never compiled, and nothing imports numba."""
    machine = gemmini_of(load_design("gemmini_16x16"))
    walk = [
        loops._layers_us(np.array([layer]), search_tiling(layer, machine).tiling.sizes[None])
        for layer in LAYERS
    ]
    assert sum(walk) * 50 < TO_COMPILE_US
    assert loops._products_us(np.array([[1, 64, 10]]), np.array([[16, 16, 64]]), machine) < 1000
