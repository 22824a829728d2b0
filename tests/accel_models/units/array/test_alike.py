"""Ops that are cut alike share how, and get the tiles that each would get by itself."""

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from accel_models.design.sections import Memory
from accel_models.units.array import job
from accel_models.units.array.job import Job, equal_rows, numbered
from accel_models.units.array.machine import Prices
from accel_models.units.array.mapping import Mapping, Operands, map_ops
from accel_models.work.rows import joined, rows_of
from accel_models.work.shapes import Shapes
from tests.accel_models.units.array.mapped_convs import ARRAY, conv
from tests.sections import but, dram, machine, memory
from traces import Floats

CONVS = (conv(24, 40, 12, 3), conv(64, 16, 7), conv(8, 8, 20, 3))
ROWS = 160  # more than are searched without looking for kinds
MEMORY = memory(1 << 12, 1 << 11, 1 << 11, dram=dram(burst=16))


def shapes_in_any_order(rng: np.random.Generator) -> Shapes:
    kinds = rng.integers(len(CONVS), size=ROWS)
    return joined([CONVS[kind] for kind in kinds])


def operands(rng: np.random.Generator) -> Operands:
    """Return what tells apart ops of one size: bytes of weights, aims, bands, and what is on the chip."""
    return Operands(
        input_on_chip=rng.random(ROWS) < 0.3,
        weights_on_chip=rng.random(ROWS) < 0.2,
        reserved_bytes=rng.choice([0, 512], ROWS),
        weight_bytes=rng.integers(1, 4, ROWS) * 16.0,
        weights_first=True,
        aim=rng.integers(0, 4, ROWS),
        bands=rng.choice([1, 1, 1, 2], ROWS),
    )


def only(given_: Operands, row: int) -> Operands:
    named = {field.name: getattr(given_, field.name) for field in fields(Operands)}
    taken = {name: v[row : row + 1] for name, v in named.items() if isinstance(v, np.ndarray)}
    return Operands(**(named | taken))


def buses_side_by_side(of: Memory, bandwidth: Floats) -> Memory:
    return of.model_copy(update={"dram": of.dram.model_copy(update={"bandwidth": bandwidth})})


@settings(max_examples=25)
@given(st.integers(0, 1000), st.booleans(), st.booleans(), st.booleans())
def test_what_is_mapped_together_is_mapped_as_alone(
    seed: int, double_buffered: bool, lone_accumulator: bool, for_energy: bool
) -> None:
    rng = np.random.default_rng(seed)
    beside = but(MEMORY, double_buffered=double_buffered, double_buffered_accumulator=not lone_accumulator)
    prices = Prices(dram_pj_per_byte=100.0, buffer_pj_per_byte=1.0) if for_energy else None
    bandwidth = rng.choice([0.5e9, 2e9, 16e9], ROWS)
    shapes, where = shapes_in_any_order(rng), operands(rng)
    together = map_ops(
        shapes, machine(ARRAY, buses_side_by_side(beside, bandwidth)), prices=prices, operands=where
    )
    for row in rng.choice(ROWS, 12, replace=False):
        bus = buses_side_by_side(beside, bandwidth[row : row + 1])
        one = slice(row, row + 1)
        alone = map_ops(rows_of(shapes, one), machine(ARRAY, bus), prices=prices, operands=only(where, row))
        for field in fields(Mapping):
            assert getattr(together, field.name)[row] == getattr(alone, field.name)[0], field.name


def test_few_kinds_are_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 160 ops of three sizes on two buses, three are cut."""
    cut: list[int] = []
    take = Job.take

    def counted(job: Job, rows: NDArray[np.intp]) -> Job:
        cut.append(len(rows))
        return take(job, rows)

    monkeypatch.setattr(Job, "take", counted)
    rng = np.random.default_rng(0)
    bandwidth = rng.choice([1e9, 4e9], ROWS)
    map_ops(shapes_in_any_order(rng), machine(ARRAY, buses_side_by_side(MEMORY, bandwidth)))
    assert cut[0] == len(CONVS)


@pytest.mark.parametrize("mixer", [job._MIXER, np.uint64(0)])
def test_rows_are_equal_whatever_their_hashes(monkeypatch: pytest.MonkeyPatch, mixer: np.uint64) -> None:
    """With a mixer of 0 all hashes collide: every row is then a kind of its own, and nothing is wrong."""
    monkeypatch.setattr(job, "_MIXER", mixer)
    columns = [np.array([3.0, 1.0, 3.0, 3.0, 1.0]), np.array([True, False, True, False, False])]
    first, kind = equal_rows(columns)
    for column in columns:
        assert np.array_equal(column[first][kind], column)
    assert len(first) == (3 if mixer else 5)


def test_ascending_numbers_are_numbered() -> None:
    present, place = numbered(np.array([2, 2, 5, 9, 9, 9]))
    assert present.tolist() == [2, 5, 9]
    assert place.tolist() == [0, 0, 1, 2, 2, 2]
