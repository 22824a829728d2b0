"""A space of design points: designs, values of their settings, policies and traces, and the rules between them."""

from __future__ import annotations

import copy
import hashlib
import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel

from accel_models import Design, assign, parse_design
from analysis.sweeps.spaces.expressions import Expression, Value, quantity_value
from analysis.sweeps.spaces.ranges import Limit, Scalar
from traces import ConfigError, Trace, is_trace, load_inputs, parse_graph, static_trace

if TYPE_CHECKING:
    from simulator import Policy

MOST_POINTS = 20_000_000  # of a grid that is walked; beyond it, search


@dataclass(frozen=True, slots=True)
class Axis:
    """One name and its choices; choice i sets path j to ``values[i][j]``."""

    name: str  # the path, or the name of linked values
    paths: tuple[str, ...]
    values: tuple[tuple[Scalar, ...], ...]

    def __len__(self) -> int:
        return len(self.values)

    def label(self, choice: int) -> Scalar:
        """Return the choice as one value; linked values that differ are joined."""
        values = self.values[choice]
        return values[0] if len(set(map(repr, values))) == 1 else " x ".join(map(str, values))


@dataclass(frozen=True, slots=True)
class Family:
    """One base design and the axes over it."""

    base: Design
    axes: tuple[Axis, ...]
    data: Mapping[str, Any]  # the base as plain data, quantities spelled
    defaults: Mapping[str, Value]  # every value of the base by its dotted path, in base units
    file: str = ""  # path of the base, unless it ships

    @classmethod
    def of(cls, base: Design, axes: Sequence[Axis], file: str = "") -> Family:
        """Return the family of a design."""
        return cls(base, tuple(axes), base.model_dump(mode="json"), dict(_leaves(base)), file)

    @property
    def size(self) -> int:
        """Combinations of choices."""
        return math.prod(len(axis) for axis in self.axes)


@dataclass(frozen=True, slots=True)
class TraceRef:
    """A stored trace, an operating point of a network; or any other network, whole."""

    name: str  # short and unique in its space
    path: Path
    hash: str  # SHA-256 of the file, first 16 hex digits
    graph: str = ""  # JSON of a network that was read as the space says: axes filled, nodes left out
    skipped: tuple[str, ...] = ()  # what of it has no price

    @property
    def is_trace(self) -> bool:
        """Whether inputs were recorded, so that what the network answers is known."""
        return not self.graph and is_trace(self.path)

    def inputs(self, limit: int | None) -> Trace:
        """Return the recorded inputs, or one that runs the network whole."""
        return static_trace(parse_graph(self.graph)) if self.graph else load_inputs(self.path, limit)


@dataclass(frozen=True, slots=True)
class Point:
    """One member of a space, as choices."""

    family: int
    choices: tuple[int, ...]  # one per axis of the family
    trace: int
    policy: int


@dataclass(frozen=True, slots=True)
class _Rule:
    """A rule of ``where`` in one family: it applies if the design has all that it speaks of."""

    expression: Expression
    applies: bool


@dataclass(frozen=True)
class Space:
    """All points: per family the product of its axes, times traces, times policies, less what ``where`` forbids."""

    families: tuple[Family, ...]
    traces: tuple[TraceRef, ...]
    policies: tuple[Policy, ...]
    where: tuple[Expression, ...] = ()
    budget: tuple[Limit, ...] = ()
    inputs: int | None = None  # replay only the first so many
    minimize: tuple[str, ...] = ("latency_us", "energy_uj", "area_mm2")
    maximize: tuple[str, ...] = ("accuracy",)
    text: str = field(default="", compare=False)  # of the file it was read from

    @property
    def raw_size(self) -> int:
        """Points before the rules of ``where``."""
        return sum(family.size for family in self.families) * len(self.traces) * len(self.policies)

    @cached_property
    def size(self) -> int:
        """Points that the rules leave, duplicates included; of a grid too large to walk all points."""
        if not self.where or self.raw_size > MOST_POINTS:
            return self.raw_size
        return sum(1 for _ in self.points())

    @property
    def axes(self) -> tuple[Axis, ...]:
        """Axes of all families, each name once, in order."""
        return tuple({axis.name: axis for family in self.families for axis in family.axes}.values())

    @cached_property
    def hash(self) -> str:
        """SHA-256 over all that decides which points there are and what they hold, first 16 hex digits."""
        content = {
            "families": [
                [
                    family.base.name,
                    family.base.hash,
                    [[axis.name, axis.paths, axis.values] for axis in family.axes],
                ]
                for family in self.families
            ],
            "traces": [[trace.name, trace.hash] for trace in self.traces],
            "policies": [policy.model_dump(mode="json") for policy in self.policies],
            "where": [rule.text for rule in self.where],
            "budget": [],  # held against rows when they are read; named here so that hashes stay what they were
            "inputs": self.inputs,
        }
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]

    def describe(self) -> str:
        """Return one line: how many points, and of what they are made."""
        designs = " + ".join(
            f"{family.base.name} ({' x '.join(str(len(axis)) for axis in family.axes) or '1'})"
            for family in self.families
        )
        bound = "at most " if self.where and self.raw_size > MOST_POINTS else ""
        forbidden = self.raw_size - self.size
        rest = f", {forbidden:,} forbidden by where" if forbidden else ""
        traces, policies = len(self.traces), len(self.policies)
        return (
            f"{bound}{self.size:,} points: designs {designs}; {traces} trace{'s' if traces > 1 else ''}; "
            f"{policies} {'policies' if policies > 1 else 'policy'}{rest}"
        )

    def check_walkable(self) -> None:
        """Refuse a grid with more points than anyone waits for."""
        if self.raw_size > MOST_POINTS:
            raise ConfigError(
                f"space: {self.raw_size:,} points; a grid may have {MOST_POINTS:,}: "
                f"give fewer values, or use lacuna search"
            )

    def points(self) -> Iterator[Point]:
        """Yield the allowed points; those of one trace and policy come together."""
        self.check_walkable()
        rules = [self._rules(family) for family in self.families]
        for trace, policy in product(range(len(self.traces)), range(len(self.policies))):
            for index, family in enumerate(self.families):
                for choices in product(*(range(len(axis)) for axis in family.axes)):
                    point = Point(index, choices, trace, policy)
                    if not rules[index] or self._broken(point, rules[index]) is None:
                        yield point

    def index(self, point: Point) -> int:
        """Return the place of a point in the whole grid: by trace, policy, family and choices, in this order."""
        sizes = [family.size for family in self.families]
        place = (point.trace * len(self.policies) + point.policy) * sum(sizes) + sum(sizes[: point.family])
        inner = 0
        for axis, choice in zip(self.families[point.family].axes, point.choices, strict=True):
            inner = inner * len(axis) + choice
        return place + inner

    def broken_rule(self, point: Point) -> str | None:
        """Return the first rule of ``where`` that the point breaks, if any."""
        return self._broken(point, self._rules(self.families[point.family]))

    def design(self, point: Point) -> Design:
        """Return the point's design; a ``ConfigError`` says why a combination is none."""
        family = self.families[point.family]
        data = copy.deepcopy(dict(family.data))
        for axis, choice in zip(family.axes, point.choices, strict=True):
            for path, value in zip(axis.paths, axis.values[choice], strict=True):
                assign(data, path, value)
        return parse_design(data, family.base.name)

    def parameters(self, point: Point) -> dict[str, Scalar]:
        """Return the point's value on each axis of its family."""
        family = self.families[point.family]
        return {
            axis.name: axis.label(choice) for axis, choice in zip(family.axes, point.choices, strict=True)
        }

    def _rules(self, family: Family) -> list[_Rule]:
        """Return which rules apply: a rule on ``array.rows`` says nothing about a design without an array."""
        known = {name for axis in family.axes for name in (axis.name, *axis.paths)} | family.defaults.keys()
        known |= {"trace", "design", *(f"policy.{name}" for name in type(self.policies[0]).model_fields)}
        return [_Rule(rule, rule.names <= known) for rule in self.where]

    def _broken(self, point: Point, rules: Sequence[_Rule]) -> str | None:
        values = self._values(point)
        for rule in rules:
            if rule.applies and not rule.expression(values):
                return rule.expression.text
        return None

    def _values(self, point: Point) -> dict[str, Value]:
        """Return every name that a rule may use, in base units."""
        family, policy = self.families[point.family], self.policies[point.policy]
        values = dict(family.defaults)
        for axis, choice in zip(family.axes, point.choices, strict=True):
            values[axis.name] = quantity_value(axis.label(choice))
            for path, value in zip(axis.paths, axis.values[choice], strict=True):
                values[path] = quantity_value(value)
        values |= {f"policy.{name}": getattr(policy, name) for name in type(policy).model_fields}
        return values | {"trace": self.traces[point.trace].name, "design": family.base.name}


def _leaves(part: BaseModel, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Yield every value of a design by its dotted path; groups that are ``None`` are left out."""
    for name in type(part).model_fields:
        value = getattr(part, name)
        if isinstance(value, BaseModel):
            yield from _leaves(value, f"{prefix}{name}.")
        elif isinstance(value, bool | int | float | str):
            yield f"{prefix}{name}", value
