"""Clips (ReLU, ...) that no output stage takes over: Vela 5.2.0 makes a pass of its own of them."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from math import prod
from typing import Final

import numpy as np

from accel_models.units.micronpu.memory.transfers import BRICK
from accel_models.work.shapes import Shapes
from traces import Bools

LEAST_FUSED: Final = (
    8  # channels that a clip is fused behind; source: vela_ops.csv, one to seven have a row Relu
)


def refolded(shapes: Shapes, few: Bools) -> Shapes:
    """Return the results of products as a pass over single elements takes them, those of ``few`` channels deeper."""
    counts = shapes.out_height * shapes.out_width * shapes.out_channels
    folds = np.array([deeper(int(count)) for count in counts])
    height, width, channels = folds.reshape(-1, 3).T
    return replace(
        shapes,
        out_height=np.where(few, height, shapes.out_height),
        out_width=np.where(few, width, shapes.out_width),
        out_channels=np.where(few, channels, shapes.out_channels),
    )


@cache
def deeper(elements: int) -> tuple[int, int, int]:
    """Return height, width and channels that Vela gives so many elements, each worked on by itself.

    Its prime factors, from the least, go to the channels until those fill a brick; of the rest, from the largest, every
    second to the height, the others to the width.  Source: rows ``Relu`` of ``vela_ops.csv``, all 45 shapes of which
    follow.
    """
    factors, rest, step = [], max(elements, 1), 2
    while rest > 1:
        if step * step > rest:
            step = rest
        while rest % step == 0:
            factors.append(step)
            rest //= step
        step += 1
    channels = 1
    while factors and channels < BRICK:
        channels *= factors.pop(0)
    plane = factors[::-1]
    return prod(plane[0::2]), prod(plane[1::2]), channels
