"""Every comparison asks what users ask: `estimate` or `replay`; the others say which part of the model they test."""

from __future__ import annotations

import importlib
import pkgutil
from types import ModuleType
from typing import Any

import pytest

import analysis.validation
import simulator
from analysis.validation import all as everything
from analysis.validation.comparison import Comparison


def modules() -> list[ModuleType]:
    """Return every module of the folder."""
    found = pkgutil.walk_packages(analysis.validation.__path__, "analysis.validation.")
    return [importlib.import_module(each.name) for each in found]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_what_is_compared_is_what_users_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Between one comparison and the next the product was asked, if and only if the next names no part of the model."""
    here, asked, told = modules(), [0], dict[str, bool]()
    caches = [value for module in here for value in vars(module).values() if hasattr(value, "cache_clear")]
    product = {name: getattr(simulator, name) for name in ("estimate", "replay")}

    def watched(name: str) -> Any:
        def ask(*args: Any, **settings: Any) -> Any:
            asked[0] += 1
            return product[name](*args, **settings)

        return ask

    for module in here:
        for name in product:
            if hasattr(module, name):
                monkeypatch.setattr(module, name, watched(name))
    check = Comparison.__post_init__

    def noted(self: Comparison) -> None:
        told[self.name] = asked[0] > 0
        asked[0] = 0
        for cache in caches:  # what one comparison was told, the next asks again
            cache.cache_clear()
        check(self)

    monkeypatch.setattr(Comparison, "__post_init__", noted)
    found = everything.all_comparisons()
    assert {each.name: told[each.name] for each in found} == {each.name: not each.part for each in found}
    assert sum(told.values()) > len(found) / 2
