"""The constants of a model: which there are, their shapes, and the values of the small ones."""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from traces.base.arrays import Shape

LARGEST_FOLDED = 4096  # elements of a folded constant; only sizes and indices are wanted, never weights


class Constants:
    """Constants by name; more become known as nodes are folded."""

    def __init__(self, onnx: Any, light: dict[str, Any]) -> None:
        self.onnx = onnx
        self.light = dict(light)  # as tensors, without the data of large ones
        self.values = {
            name: value for name, tensor in light.items() if (value := self.value_of(tensor)) is not None
        }
        self.names = set(light)
        self.shapes: dict[str, Shape] = {
            name: tuple(int(n) for n in tensor.dims) for name, tensor in light.items()
        }

    def keep(self, name: str, value: Any) -> bool:
        """Note a constant with its value; return True, as something new is known."""
        array = np.asarray(value)
        self.values[name] = array
        self.light[name] = self.onnx.numpy_helper.from_array(array, name)
        self.names.add(name)
        self.shapes[name] = array.shape
        return True

    def hold(self, name: str, tensor: Any) -> None:
        """Note a constant without its value."""
        light = self.onnx.TensorProto(name=name, data_type=tensor.data_type)
        light.dims.extend(tensor.dims)
        self.light[name] = light
        self.names.add(name)
        self.shapes[name] = tuple(int(n) for n in tensor.dims)

    def value_of(self, tensor: Any) -> Any:
        """Return a small constant's value, or ``None`` where the file does not hold it."""
        if prod(tensor.dims) > LARGEST_FOLDED or tensor.data_location:
            return None
        try:
            return self.onnx.numpy_helper.to_array(tensor)
        except Exception:  # only dims are left of it, or they lie
            return None
