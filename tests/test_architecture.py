"""What decides does no I/O and is told the time: held by reading the imports and calls of pure modules.

Which room may import which is held by import-linter (pyproject.toml); here only that it knows every room.
"""

from __future__ import annotations

import ast
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]
LINTER = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]
CONTRACTS = LINTER["contracts"]
ROOMS = tuple(LINTER["root_packages"])

SHELLS = ("processors.normalize.app", "processors.correlate.app", "processors.correlate.table")
"""The thin parts around the pure steps."""

PURE = (
    "schemas",
    "processors.normalize",
    "processors.correlate",
    "operations.audit.identity",
    "operations.audit.offsets",
    "operations.timeline.changes",
    "operations.timeline.document",
    "operations.timeline.gaps",
    "operations.timeline.live",
    "operations.timeline.masks",
    "operations.timeline.model",
    "operations.timeline.provenance",
    "operations.timeline.timeline",
    "provider.rest.models",
    "provider.subscriptions",
    "runtime.portions",
    "sinks.shown",
)

PURE_LIBRARIES = frozenset(
    {
        "__future__",
        "base64",
        "clickhouse_driver.util.escape",  # how a value is written in a query
        "collections",
        "dataclasses",
        "datetime",  # arithmetic on times; what reads the clock is refused by name
        "decimal",
        "email.utils",  # reads the times of mails and of HTTP headers
        "enum",
        "functools",
        "hashlib",
        "html",
        "itertools",
        "json",
        "math",
        "operator",
        "orjson",
        "pydantic",
        "re",
        "struct",
        "sys.intern",
        "typing",
        "urllib.parse",
        "zlib",
        "zoneinfo",
    }
)
"""What a pure module may import: nothing that opens, sends, waits, or knows what time it is."""

EXCEPTIONS = {
    "processors.normalize.step": frozenset({"importlib"}),  # finds each reader by its dialect's name
    "schemas.payload.charsets": frozenset({"encodings", "pkgutil"}),  # which text encodings Python has
    "schemas.documents.docstrings": frozenset({"ast", "inspect", "sys"}),  # reads its own package's source
    "schemas.payload.multipart": frozenset(
        {"contextlib.suppress", "quopri", "werkzeug.exceptions", "werkzeug.http", "werkzeug.sansio"}
    ),  # on bytes alone
}

IMPURE_CALLS = frozenset({"open", "print", "input", "breakpoint", "__import__", "exec", "eval"})
CLOCK_READS = frozenset({"now", "utcnow", "today"})


@dataclass(frozen=True)
class Import:
    """One import of a module by another."""

    module: str
    line: int
    name: str
    """Dotted, with what is imported from it."""

    def __str__(self) -> str:
        return f"{self.module}, line {self.line}, imports {self.name}"


def within(name: str, *packages: str) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


@cache
def modules(*packages: str) -> dict[str, ast.Module]:
    """Every module of these packages, and each module that is named itself, by its dotted name."""
    places = [ROOT / package.replace(".", "/") for package in packages]
    alone = [place.with_suffix(".py") for place in places if place.with_suffix(".py").is_file()]
    paths = sorted([*alone, *(path for place in places for path in place.rglob("*.py"))])
    return {dotted(path): tree(path) for path in paths}


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def dotted(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def imports(module: str, tree: ast.AST) -> Iterator[Import]:
    """Every import, also within functions and under TYPE_CHECKING: a type is a tie, too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (Import(module, node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module}, line {node.lineno}: write imports out in full"
            yield from (Import(module, node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def impure(module: str, tree: ast.AST) -> Iterator[str]:
    """What a module does that makes it depend on more than its arguments."""
    allowed = PURE_LIBRARIES | EXCEPTIONS.get(module, frozenset())
    for each in imports(module, tree):
        pure_of_ours = within(each.name, *PURE) and not within(each.name, *SHELLS)
        if not pure_of_ours and not within(each.name, *allowed):
            yield f"{each}: a pure module imports only pure ones (PURE_LIBRARIES lists those not ours)"
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        if isinstance(node.func, ast.Attribute) and node.func.attr in CLOCK_READS:
            yield f"{module}, line {node.lineno}, asks a clock: pass the time in"
        if isinstance(node.func, ast.Name) and node.func.id in IMPURE_CALLS:
            yield f"{module}, line {node.lineno}, calls {node.func.id}: leave that to its caller"


def pure_modules() -> dict[str, ast.Module]:
    return {name: tree for name, tree in modules(*PURE).items() if not within(name, *SHELLS)}


@pytest.mark.parametrize("package", PURE)
def test_a_pure_module_does_no_io_and_is_told_the_time(package: str) -> None:
    found = {name: tree for name, tree in pure_modules().items() if within(name, package)}
    assert found
    assert [each for module, tree in found.items() for each in impure(module, tree)] == []


def test_the_rules_name_modules_that_exist() -> None:
    exist = modules(*ROOMS)
    assert [name for name in (*SHELLS, *PURE, *EXCEPTIONS) if name not in exist] == []


def test_every_room_is_on_a_floor() -> None:
    floors, _, circles = CONTRACTS
    rooms = [room.strip() for floor in floors["layers"] for room in floor.split("|")]
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert sorted(rooms) == sorted(packages)
    assert set(circles["ancestors"]) == set(LINTER["root_packages"]) == packages


def calls(tree: ast.AST, name: str) -> bool:
    return any(
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
        for node in ast.walk(tree)
    )


def test_clickhouse_is_asked_only_where_a_refusal_becomes_a_sentence() -> None:
    """`connected` is that place; the sink's store decides by the code what becomes of a row."""
    makers = {
        module
        for module, tree in modules(*ROOMS).items()
        if any(each.name == "clickhouse_driver.Client" for each in imports(module, tree))
        and calls(tree, "Client")
    }
    assert makers == {"runtime.clickhouse", "sinks.store"}


@pytest.mark.parametrize(
    "source",
    [
        "import faust",
        "import aiokafka",
        "from kafka import KafkaProducer",
        "from clickhouse_driver import Client",
        "from flask import request",
        "import socket",
        "import os.path",
        "import subprocess",
        "import time",
        "from urllib import request",
        "from werkzeug.http import parse_date",
        "from pathlib import Path",
        "import structlog",
        "from runtime import metrics",
        "from processors import worker",
        "from processors.correlate.table import LegTable",
        "from processors.correlate import table",
        "from datetime import datetime\ndatetime.now()",
        "import datetime\ndatetime.date.today()",
        "def step(clock): return clock.now()",
        "open('a')",
        "print('a')",
    ],
)
def test_what_is_impure_is_found(source: str) -> None:
    (found,) = impure("processors.correlate.step", ast.parse(source))
    assert found.startswith("processors.correlate.step, line ")


def test_what_is_pure_is_not() -> None:
    source = "from datetime import timedelta\nfrom schemas import records\ndef step(now): return now"
    assert list(impure("processors.correlate.step", ast.parse(source))) == []
