"""The layout's rules, held by reading the imports of every module.

`schemas` imports nothing of ours; `callweave`, but for its command line, only `schemas`; a stage only these
two and itself. What decides does no I/O and is told the time.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[1]

STAGES = ("ingest", "processors.normalize", "processors.correlate", "sinks", "provider")
OURS = frozenset({"callweave", "compose", "ingest", "processors", "provider", "schemas", "sinks", "tests"})

COMMAND_LINE = ("callweave.__main__", "callweave.cli", "callweave.commands", "callweave.doctor")
"""Wires all parts together, so it may import them."""

SHELLS = ("processors.normalize.app", "processors.correlate.app", "processors.correlate.table")
"""The thin parts around the pure steps."""

PURE = (
    "schemas",
    "processors.normalize",
    "processors.correlate",
    "sinks.audit.identity",
    "sinks.audit.offsets",
    "sinks.timeline.document",
    "sinks.timeline.gaps",
    "sinks.timeline.live",
    "sinks.timeline.masks",
    "sinks.timeline.model",
    "sinks.timeline.provenance",
    "sinks.timeline.timeline",
    "provider.rest.models",
    "provider.subscriptions",
)

PURE_LIBRARIES = frozenset(
    {
        "__future__",
        "base64",
        "collections",
        "dataclasses",
        "datetime",  # arithmetic on times; what reads the clock is refused by name
        "enum",
        "functools",
        "hashlib",
        "itertools",
        "json",
        "math",
        "orjson",
        "pydantic",
        "re",
        "typing",
        "urllib.parse",
        "zoneinfo",
    }
)
"""What a pure module may import: nothing that opens, sends, waits, or knows what time it is."""

EXCEPTIONS = {
    "schemas.documents.docstrings": frozenset({"ast", "inspect", "sys"}),  # reads its own package's source
    "schemas.multipart": frozenset(
        {"werkzeug.exceptions", "werkzeug.http", "werkzeug.sansio"}
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


def modules(*packages: str) -> dict[str, ast.Module]:
    """Every module of these packages, and each module that is named itself, by its dotted name."""
    places = [ROOT / package.replace(".", "/") for package in packages]
    alone = [place.with_suffix(".py") for place in places if place.with_suffix(".py").is_file()]
    paths = sorted([*alone, *(path for place in places for path in place.rglob("*.py"))])
    return {dotted(path): ast.parse(path.read_text("utf-8"), str(path)) for path in paths}


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


def ours(module: str, tree: ast.AST) -> Iterator[Import]:
    return (each for each in imports(module, tree) if each.name.split(".")[0] in OURS)


def astray(module: str, tree: ast.AST) -> Iterator[str]:
    """Imports of our own that the layout doesn't allow this module."""
    for each in ours(module, tree):
        if not may_import(module, each.name):
            yield f"{each}: {RULES[module.partition('.')[0]]}"


RULES = {
    "schemas": "`schemas` imports nothing else of ours",
    "callweave": "`callweave`, but for its command line, imports only `schemas`",
    "ingest": "a stage imports only `schemas`, `callweave` and itself",
    "processors": "a stage imports only `schemas`, `callweave`, what the processors share, and itself",
    "sinks": "a stage imports only `schemas`, `callweave` and itself",
    "provider": "the provider's side imports only `schemas`, `callweave` and itself",
}


def may_import(module: str, name: str) -> bool:
    if within(name, "schemas"):
        return True
    if within(module, "schemas") or within(name, "tests", "compose"):
        return False
    if within(name, "callweave"):
        return not within(name, *COMMAND_LINE) or within(module, *COMMAND_LINE)
    return within(module, *COMMAND_LINE) or may_import_stage(module, name)


def may_import_stage(module: str, name: str) -> bool:
    home = next((stage for stage in STAGES if within(module, stage)), None)
    if within(name, *STAGES):
        return home is not None and within(name, home)
    return within(module, "processors") and within(name, "processors")


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


@pytest.mark.parametrize("package", RULES)
def test_a_package_imports_only_what_the_layout_allows(package: str) -> None:
    found = modules(package)
    assert found
    assert [each for module, tree in found.items() for each in astray(module, tree)] == []


@pytest.mark.parametrize("package", PURE)
def test_a_pure_module_does_no_io_and_is_told_the_time(package: str) -> None:
    found = {name: tree for name, tree in pure_modules().items() if within(name, package)}
    assert found
    assert [each for module, tree in found.items() for each in impure(module, tree)] == []


def test_the_rules_name_modules_that_there_are() -> None:
    there = modules("callweave", "ingest", "processors", "provider", "schemas", "sinks")
    named = (*COMMAND_LINE, *SHELLS, *PURE, *STAGES, *EXCEPTIONS)
    assert [name for name in named if name not in there] == []


def test_every_package_of_ours_is_known_here() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    assert found <= OURS, "add the new package to OURS, and say in RULES what it may import"


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("schemas.events", "from callweave import clock"),
        ("schemas.events", "import sinks.rows"),
        ("callweave.settings", "from ingest import app"),
        ("callweave.settings", "from callweave.commands import run"),
        ("callweave.topics", "from callweave import doctor"),
        ("ingest.app", "from sinks.rows import read"),
        ("ingest.app", "import compose.stack"),
        ("ingest.app", "from callweave.cli import main"),
        ("ingest.app", "from tests import servers"),
        ("sinks.rows", "def read():\n    from processors import worker"),
        ("sinks.rows", "if TYPE_CHECKING:\n    from ingest.groups import Message"),
        ("processors.normalize.step", "from processors.correlate.leg import Leg"),
        ("processors.correlate.app", "from processors.normalize import step"),
        ("processors.worker", "from processors.normalize import app"),
        ("provider.rest.client", "from processors.normalize import step"),
        ("ingest.app", "import provider"),
    ],
)
def test_an_import_that_goes_astray_is_found(module: str, source: str) -> None:
    (found,) = astray(module, ast.parse(source))
    assert found.startswith(f"{module}, line ")


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("callweave.commands.run", "from sinks import writer"),
        ("callweave.doctor", "from sinks import migrate"),
        ("callweave.topics", "from callweave.kafka import client_options"),
        ("callweave.topics", "from schemas.topics import SPECS"),
        ("ingest.app", "from callweave.settings import Settings\nimport flask"),
        ("processors.normalize.app", "from processors import worker\nfrom processors.normalize import step"),
    ],
)
def test_an_import_that_is_allowed_is_not(module: str, source: str) -> None:
    assert list(astray(module, ast.parse(source))) == []


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
        "from callweave import metrics",
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
