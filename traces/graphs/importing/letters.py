"""Letters for the axes of a product, as `einsum` names them."""

from __future__ import annotations

from collections.abc import Sequence
from string import ascii_letters

from traces.base.errors import UnsupportedError


def matmul_letters(a: Sequence[int], b: Sequence[int]) -> tuple[str, str, str]:
    """Return the letters of NumPy's ``matmul`` for operands of these shapes."""
    if not a or not b:
        raise UnsupportedError("multiplies a scalar; needs at least a vector")
    outer = max(len(a), len(b), 2) - 2
    if outer > 20:
        raise UnsupportedError(f"multiplies {outer + 2} axes; at most 22")
    own_a, own_b, out = "", "", ""
    for i in range(outer):
        sizes = [shape[i - outer - 2] if i >= outer + 2 - len(shape) else 0 for shape in (a, b)]
        letter, lonely = ascii_letters[i], ascii_letters[26 + i]
        own_a += "" if not sizes[0] else (lonely if sizes[0] == 1 and sizes[1] > 1 else letter)
        own_b += "" if not sizes[1] else (lonely if sizes[1] == 1 and sizes[0] > 1 else letter)
        out += letter
    rows, columns = ("m" if len(a) > 1 else ""), ("n" if len(b) > 1 else "")
    names = str.maketrans({"k": "w", "m": "x", "n": "y"})
    own_a, own_b, out = (text.translate(names) for text in (own_a, own_b, out))
    return f"{own_a}{rows}k", f"{own_b}k{columns}", f"{out}{rows}{columns}"


def einsum_letters(equation: str, ranks: Sequence[int]) -> tuple[list[str], str]:
    """Return the letters of two operands and of their product, ``...`` written out and an output that is not said.

    As in NumPy, an output that is not said has the letters that appear once, in the order of the alphabet.
    """
    sides, arrow, out = equation.replace(" ", "").partition("->")
    operands = sides.split(",")
    if len(operands) != 2 or len(ranks) != 2:
        raise UnsupportedError(f"equation {equation[:60]!r}; needs two operands")
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
