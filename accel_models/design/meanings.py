"""What each setting of a section means: the text under its attribute, read from the source when somebody asks.

Pydantic can do that itself, for every class when it is made, which takes longer than reading a design.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """Return by name what the settings of a section mean, those of the classes it stands on too."""
    found: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base.__annotations__ and base.__module__ != "pydantic.main":
            found |= _own(base)
    return found


def _own(model: type[BaseModel]) -> dict[str, str]:
    """Return those that the class itself states."""
    try:
        source = textwrap.dedent(inspect.getsource(model))
    except (OSError, TypeError):  # a class that was put together by the program
        return {}
    (body,) = ast.parse(source).body
    assert isinstance(body, ast.ClassDef)
    return {
        one.target.id: inspect.cleandoc(text.value.value)
        for one, text in pairwise(body.body)
        if isinstance(one, ast.AnnAssign)
        and isinstance(one.target, ast.Name)
        and isinstance(text, ast.Expr)
        and isinstance(text.value, ast.Constant)
        and isinstance(text.value.value, str)
    }
