"""The docstrings of a class's fields. Python keeps none of them; the source does."""

from __future__ import annotations

import ast
import inspect
import sys
from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence


def meanings(cls: type[Any]) -> dict[str, str]:
    """The meaning of each field of a dataclass, '' without one: its own docstring, or that of its type."""
    module = sys.modules[cls.__module__]
    tree = ast.parse(inspect.getsource(module))
    types = _documented(tree.body)
    own = _documented(_body(tree, cls.__name__))
    return {
        each.name: " ".join(
            text for text in (own.get(each.name), types.get(str(each.type).split(" | ")[0])) if text
        )
        for each in fields(cls)
    }


def _body(tree: ast.Module, name: str) -> list[ast.stmt]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef) and node.name == name:
            return node.body
    raise LookupError(f"no class {name} at the top of its module")


def _documented(body: Sequence[ast.stmt]) -> dict[str, str]:
    """Names that are assigned or annotated, with the string that follows them."""
    found: dict[str, str] = {}
    for node, following in pairwise(body):
        if (
            isinstance(node, ast.Assign | ast.AnnAssign)
            and isinstance(following, ast.Expr)
            and isinstance(following.value, ast.Constant)
            and isinstance(following.value.value, str)
        ):
            target = node.targets[0] if isinstance(node, ast.Assign) else node.target
            found[ast.unparse(target)] = " ".join(following.value.value.split())
    return found
