"""An array with some of its settings changed, checked like any other."""

from __future__ import annotations

from accel_models import Array


def changed(array: Array, **settings: object) -> Array:
    return Array.model_validate({**array.model_dump(), **settings})
