"""Letters for the axes of a product, as `einsum` names them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

from traces.base.errors import UnsupportedError


def matmul_letters(a: Sequence[int], b: Sequence[int]) -> tuple[str, str, str]:
    """Return the letters of NumPy's ``matmul`` for operands of these shapes; outer axes of one place repeat."""
    if not a or not b:
        raise UnsupportedError("multiplies a scalar; needs at least a vector")
    outer = max(len(a), len(b), 2) - 2
    if outer > 20:
        raise UnsupportedError(f"multiplies {outer + 2} axes; at most 22")
    letters = [x for x in ascii_letters if x not in "kmn"][:outer]
    own_a, own_b = ("".join(letters[outer + 2 - max(len(shape), 2) :]) for shape in (a, b))
    rows, columns = ("m" if len(a) > 1 else ""), ("n" if len(b) > 1 else "")
    return f"{own_a}{rows}k", f"{own_b}k{columns}", f"{''.join(letters)}{rows}{columns}"


def einsum_letters(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of operands and of their product, ``...`` written out and an output that is not said.

    As in NumPy, an output that is not said has the letters that appear once, in the order of the alphabet.
    """
    sides, arrow, out = equation.replace(" ", "").partition("->")
    operands = sides.split(",")
    if len(operands) != len(ranks):
        raise UnsupportedError(f"equation {equation[:60]!r} over {len(ranks)} operands; needs as many")
    free = [letter for letter in ascii_letters if letter not in equation]
    hidden = [rank - len(part.replace("...", "")) for part, rank in zip(operands, ranks, strict=True)]
    if max(hidden) > len(free):
        raise UnsupportedError(f"equation {equation[:60]!r} stands for too many axes")
    written = [
        part.replace("...", "".join(free[max(hidden) - n : max(hidden)]) if n > 0 else "")
        for part, n in zip(operands, hidden, strict=True)
    ]
    most = "".join(free[: max(hidden)]) if max(hidden) > 0 else ""
    if arrow:
        out = out.replace("...", most)
    else:
        both = "".join(written)
        out = most + "".join(x for x in sorted(set(both)) if both.count(x) == 1 and x not in most)
    for part, rank in zip([*written, out], [*ranks, len(out)], strict=True):
        if not (part.isalpha() or not part) or len(set(part)) != len(part) or len(part) != rank:
            raise UnsupportedError(f"equation {equation[:60]!r}; needs every axis named once in an operand")
    return written, out
