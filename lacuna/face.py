"""The public names, read from the stub that also tells type checkers."""

from __future__ import annotations

import ast
from pathlib import Path

STUB = Path(__file__).with_name("__init__.pyi")


def public_names() -> dict[str, tuple[str, str]]:
    """Return, by public name, the package a name comes from and what it is called there."""
    body = ast.parse(STUB.read_text(encoding="utf-8")).body
    homes = {
        alias.name: (node.module, alias.name)
        for node in body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    handed_on = [
        alias.name
        for node in body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname == alias.name  # `X as X`, as stubs mark what they hand on
    ]
    renamed = {
        target.id: node.value.id
        for node in body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    return {
        **{name: homes[name] for name in handed_on},
        **{public: homes[name] for public, name in renamed.items()},
    }
