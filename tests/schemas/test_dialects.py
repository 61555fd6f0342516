"""A dialect is declared once; whatever must know it follows, or is found wanting here."""

from __future__ import annotations

import ast
from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner
from pydantic import ValidationError

from callweave.commands.source import source
from processors.normalize.step import READERS
from runtime.sources import Source
from schemas import dialects
from simulator.traffic import MODELS
from tests.samples import CALLS, DOCUMENTED
from tests.samples.calls import IDS
from tests.test_architecture import ROOMS, ROOT, tree

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("name", dialects.NAMES)
def test_whatever_must_know_a_dialect_knows_it(name: str) -> None:
    assert name in READERS
    assert name in CliRunner().invoke(source, ["add", "--help"]).output
    entry = {"name": "a", "account": "a", "timezone": "UTC", "added_at": "2026-01-01T00:00:00Z"}
    assert Source.model_validate({**entry, "dialect": name}).dialect == name
    assert name in DOCUMENTED, "its shapes are in tests/samples/shapes.py"
    fields = [each.fields.keys() for call in CALLS if call.dialect == name for each in call.exchanges]
    assert fields, "its samples are in tests/samples"
    assert any(IDS & names for names in fields), "the names of its ids are in tests/samples/calls.py"


def test_nobody_knows_a_dialect_that_is_not_declared() -> None:
    declared = set(dialects.NAMES)
    assert set(READERS) == declared
    assert set(DOCUMENTED) == declared
    assert set(MODELS) <= declared
    with pytest.raises(ValidationError, match=f"must be {dialects.one_of(dialects.NAMES)}"):
        Source.model_validate({"name": "a", "dialect": "other"})


def test_no_other_file_names_a_dialect() -> None:
    named = {path for path, text in texts() if any(name in text for name in dialects.NAMES)}
    assert named == {"schemas/dialects.py"}


def texts() -> Iterator[tuple[str, str]]:
    """Our source files with what they hold as data: the strings of Python, and SQL but for comments."""
    for room in ROOMS:
        for path in (ROOT / room).rglob("*.py"):
            yield str(path.relative_to(ROOT)), "\n".join(strings(tree(path)))
        for path in (ROOT / room).rglob("*.sql"):
            lines = path.read_text().splitlines()
            yield str(path.relative_to(ROOT)), "\n".join(line.partition("--")[0] for line in lines)


def strings(module: ast.Module) -> Iterator[str]:
    """The strings but for docstrings, which stand alone as statements."""
    alone = {id(node.value) for node in ast.walk(module) if isinstance(node, ast.Expr)}
    for node in ast.walk(module):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in alone:
            yield node.value


def test_the_list_in_a_sentence() -> None:
    assert dialects.one_of({"c", "b", "a"}) == "a or b or c"
