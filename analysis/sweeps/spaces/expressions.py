"""Plain expressions from files, such as ``array.rows * array.cols <= 1024``, read without ``eval``.

The text is parsed to Python's syntax tree, of which only numbers, quoted text, dotted names, comparisons,
``and`` / ``or`` / ``not``, arithmetic, lists after ``in`` and a few functions are known; anything else is
refused before it runs.  A quoted quantity (``"64 KiB"``) is its number in base units.
"""

from __future__ import annotations

import ast
import difflib
import math
import operator
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from accel_models import UNITS, parse_quantity
from traces import ConfigError, did_you_mean

Value = bool | int | float | str | None | tuple["Value", ...]

_ALIKE = 0.75  # Choice: of letters, as difflib counts them, that make a bound a misspelt name and no number in words
_LONGEST = 500  # characters: nobody writes a longer rule by hand, and nesting stays shallow
_BINARY: Final[dict[type[ast.operator], Callable[[float, float], float]]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
}
_ORDER: Final[dict[type[ast.cmpop], Callable[[float, float], bool]]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
}
_FUNCTIONS: Final[dict[str, Callable[..., float]]] = {
    "abs": abs,
    "ceil": math.ceil,
    "floor": math.floor,
    "log2": math.log2,
    "max": max,
    "min": min,
}


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression and the names it needs."""

    text: str
    tree: ast.expr
    names: frozenset[str]  # dotted

    def __call__(self, values: Mapping[str, Value]) -> Value:
        """Return its value; ``values`` holds every name of :attr:`names`."""
        try:
            return _value(self.tree, values)
        except (TypeError, ValueError, ArithmeticError) as problem:
            known = ", ".join(f"{name} = {values.get(name)!r}" for name in sorted(self.names))
            raise ConfigError(f"{self.text!r} cannot be worked out with {known}: {problem}") from None

    def __reduce__(self) -> tuple[Callable[[str], Expression], tuple[str]]:
        return parse_expression, (self.text,)


def parse_expression(text: str) -> Expression:
    """Parse and check ``text``; nothing is run."""
    if len(text) > _LONGEST:
        raise ConfigError(
            f"expression {text[:40]!r}...: has {len(text)} characters, needs at most {_LONGEST}"
        )
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, MemoryError, RecursionError) as problem:
        raise ConfigError(f"expression {text!r}: {getattr(problem, 'msg', problem)}") from None
    names: set[str] = set()
    _check(tree, text, names)
    return Expression(text, tree, frozenset(names))


def no_such(rule: Expression, name: str, what: str, known: Collection[str]) -> str:
    """Return what to say of a name that is unknown: what a known one is compared with may be meant as a number.

    Parameters
    ----------
    rule, name
        The expression, and the name in it.
    what, known
        What it should be the name of, ``column``, and all of these.
    """
    sides = [
        {_dotted(side, rule.text) for side in ast.walk(part) if isinstance(side, ast.Name | ast.Attribute)}
        for node in ast.walk(rule.tree)
        if isinstance(node, ast.Compare)
        for part in (node.left, *node.comparators)
    ]
    alone, others = {name} in sides, set().union(*sides) - {name}
    if alone and others & set(known) and not difflib.get_close_matches(name, known, n=1, cutoff=_ALIKE):
        return f"{name!r} is no {what}, and no number: write numbers in digits"
    return f"no {what} {name!r}{did_you_mean(name, known)}"


def is_name(text: str) -> bool:
    """Return whether ``text`` can name a value in an expression: no operator, keyword or function."""
    return text.isidentifier() and text not in _FUNCTIONS and text not in {"and", "or", "not", "in", "None"}


def _check(node: ast.expr, text: str, names: set[str]) -> None:
    """Refuse every node that is not known; collect the names."""
    match node:
        case ast.Constant(value=bool() | int() | float() | str() | None):
            return
        case ast.Name() | ast.Attribute():
            names.add(_dotted(node, text))
            return
        case ast.BinOp(op=op) if type(op) in _BINARY:
            parts = [node.left, node.right]
        case ast.UnaryOp(op=ast.USub() | ast.UAdd() | ast.Not()):
            parts = [node.operand]
        case ast.BoolOp():
            parts = node.values
        case ast.Compare(ops=ops) if all(
            isinstance(op, (*_ORDER, ast.Eq, ast.NotEq, ast.In, ast.NotIn)) for op in ops
        ):
            parts = [node.left, *node.comparators]
        case ast.List() | ast.Tuple():
            parts = node.elts
        case ast.Call(func=ast.Name(id=name), keywords=[]):
            if name not in _FUNCTIONS:
                raise ConfigError(
                    f"expression {text!r}: no function {name!r}{did_you_mean(name, _FUNCTIONS)}"
                )
            parts = node.args
        case _:
            piece = ast.get_source_segment(text.strip(), node) or text
            raise ConfigError(
                f"expression {text!r}: {piece!r} is not allowed; use numbers, names, + - * / // %, comparisons, "
                f"and, or, not, in, {', '.join(_FUNCTIONS)}"
            )
    for part in parts:
        _check(part, text, names)


def _dotted(node: ast.expr, text: str) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=attribute):
            return f"{_dotted(value, text)}.{attribute}"
        case _:
            raise ConfigError(f"expression {text!r}: a dot may only join names, as in array.rows")


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value:  # noqa: PLR0911  # one return per node
    match node:
        case ast.Constant(value=str() as word):
            return quantity_value(word)
        case ast.Constant(value=constant):
            return constant  # type: ignore[return-value]  # _check let no other constant through
        case ast.Name() | ast.Attribute():
            return values[_dotted(node, "")]
        case ast.BinOp(left=left, op=op, right=right):
            return _BINARY[type(op)](_number(left, values), _number(right, values))
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            return not _value(operand, values)
        case ast.UnaryOp(op=op, operand=operand):
            number = _number(operand, values)
            return -number if isinstance(op, ast.USub) else number
        case ast.BoolOp(op=ast.And(), values=parts):
            return all(_value(part, values) for part in parts)
        case ast.BoolOp(values=parts):
            return any(_value(part, values) for part in parts)
        case ast.Compare():
            return _compare(node, values)
        case ast.List(elts=parts) | ast.Tuple(elts=parts):
            return tuple(_value(part, values) for part in parts)
        case ast.Call(func=ast.Name(id=name), args=parts):
            return _FUNCTIONS[name](*(_number(part, values) for part in parts))
        case _:
            raise AssertionError(f"{ast.dump(node)} passed the check but is not known")


def _compare(node: ast.Compare, values: Mapping[str, Value]) -> bool:
    left = _value(node.left, values)
    for op, comparator in zip(node.ops, node.comparators, strict=True):
        right = _value(comparator, values)
        if not _holds(op, left, right):
            return False
        left = right
    return True


def _holds(op: ast.cmpop, left: Value, right: Value) -> bool:
    match op:
        case ast.Eq():
            return left == right
        case ast.NotEq():
            return left != right
        case ast.In() | ast.NotIn():
            if not isinstance(right, tuple):
                raise TypeError("'in' needs a list, as in array.dataflow in ['ws', 'os']")
            return (left in right) == isinstance(op, ast.In)
        case _:
            return _ORDER[type(op)](_as_number(left), _as_number(right))


def _number(node: ast.expr, values: Mapping[str, Value]) -> float:
    return _as_number(_value(node, values))


def _as_number(value: Value) -> float:
    if isinstance(value, int | float):
        return value
    raise TypeError(f"{value!r} is not a number")


def quantity_value(value: bool | int | float | str) -> Value:
    """Return a quantity such as ``"64 KiB"`` in base units, anything else as it is.

    No unit measures two quantities, so the text alone tells which one it is.
    """
    if not isinstance(value, str) or not value[:1] or value[0] not in "0123456789":
        return value
    number, _, unit = value.strip().partition(" ")
    kind = next((kind for kind, units in UNITS.items() if unit.strip() in units), None)
    return parse_quantity(value, kind) if kind is not None and number else value
