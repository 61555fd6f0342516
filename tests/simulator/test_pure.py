"""The model opens nothing, asks no clock, and takes its chance from a generator that it is given."""

from __future__ import annotations

import ast

import pytest

from tests.test_architecture import CLOCK_READS, IMPURE_CALLS, PURE_LIBRARIES, imports, modules, within

TOUCH_THE_WORLD = ("api", "connection", "demo", "ledger", "progress", "run", "sending")
ALLOWED = PURE_LIBRARIES | {"gzip", "heapq", "random.Random", "schemas"}


def model() -> dict[str, ast.Module]:
    outside = tuple(f"simulator.{name}" for name in TOUCH_THE_WORLD)
    return {name: tree for name, tree in modules("simulator").items() if not within(name, *outside)}


@pytest.mark.parametrize("name", model())
def test_the_model_is_pure(name: str) -> None:
    tree, known = model()[name], tuple(model())
    assert [each for each in imports(name, tree) if not within(each.name, *ALLOWED, *known)] == []
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert [call for call in calls if isinstance(call, ast.Name) and call.id in IMPURE_CALLS] == []
    assert [call for call in calls if isinstance(call, ast.Attribute) and call.attr in CLOCK_READS] == []
