from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema import Draft202012Validator

from schemas import documents
from schemas.callbacks import Reason, Rejection, Stage
from schemas.calls import COLUMNS
from schemas.documents import messages
from schemas.documents.docstrings import meanings
from schemas.events import NAMES, CallEvent
from schemas.legs import Leg
from schemas.records import Record
from tests.kit.callbacks import posted
from tests.schemas.published import PUBLISHED, ROOT, read

if TYPE_CHECKING:
    from collections.abc import Iterator

AGAIN = "the definitions have moved on: run `callweave schemas write` and commit schemas/published"


@pytest.mark.parametrize("name", sorted(documents.render()))
def test_a_published_document_is_what_the_definitions_say(name: str) -> None:
    path = ROOT / name
    assert path.is_file(), f"{name} is missing: {AGAIN}"
    assert path.read_text("utf-8") == documents.render()[name], f"{name} is out of date: {AGAIN}"


def test_nothing_else_is_published() -> None:
    found = {path.relative_to(ROOT).as_posix() for path in PUBLISHED.iterdir()}
    assert found == set(documents.render()), "delete what `callweave schemas write` no longer writes"


def test_the_text_is_the_same_every_time_and_ends_in_a_line() -> None:
    assert documents.render() == documents.render()
    assert all(text.endswith("}\n") for text in documents.render().values())


@pytest.mark.parametrize("name", sorted(messages.schemas()))
def test_a_schema_is_one_of_its_dialect(name: str) -> None:
    schema = read(name)
    assert schema["$schema"] == messages.DIALECT
    Draft202012Validator.check_schema(schema)


def described(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, bool]]:
    """Every named field, with whether it says what it means; one that refers to another says it there."""
    for name, each in schema.get("properties", {}).items():
        if "$ref" not in each and "const" not in each:
            yield f"{path}{name}", bool(each.get("description", "").strip())
        yield from described(each, f"{path}{name}.")
    if isinstance(schema.get("items"), dict):
        yield from described(schema["items"], f"{path}[].")
    inner = schema.get("additionalProperties")
    if isinstance(inner, dict):
        yield from described(inner, f"{path}*.")


@pytest.mark.parametrize("name", sorted(messages.schemas()))
def test_every_field_says_what_it_means(name: str) -> None:
    assert [field for field, says in described(read(name)) if not says] == []


def test_a_field_that_says_nothing_is_found() -> None:
    silent = {"properties": {"a": {"additionalProperties": {"properties": {"b": {"type": "string"}}}}}}
    assert list(described(silent)) == [("a", False), ("a.*.b", False)]


def test_an_event_has_all_its_fields_and_needs_those_that_are_always_said() -> None:
    schema = read(messages.EVENT)
    assert tuple(schema["properties"]) == NAMES
    assert schema["required"] == list(NAMES[: NAMES.index("reading")])


def test_a_times_unit_stands_behind_its_meaning() -> None:
    assert (
        read(messages.EVENT)["properties"]["started_at"]["description"]
        == "When the call, not the event, began. Microseconds since 1970 UTC."
    )


def test_a_record_has_all_its_fields_and_those_of_its_rows() -> None:
    known = read(messages.RECORD)["properties"]
    assert list(known) == [each.name for each in fields(Record)]
    assert tuple(known["call"]["properties"]) == COLUMNS
    assert list(known["legs"]["items"]["properties"]) == [each.name for each in fields(Leg)]


def test_the_headers_are_those_that_are_sent() -> None:
    callback = posted(kind="dial", revision=1, kept_headers=b"{}")
    rejection = Rejection(Stage.INGEST, (Reason("", "missing", "No."),), decided_at=1)
    sent = [name for name, _ in callback.headers()]
    assert list(read(messages.CALLBACK)["properties"]) == sent
    added = [name for name, _ in rejection.headers()]
    assert list(read(messages.REJECTION)["properties"]) == sent + added


def test_meanings_join_a_fields_docstring_with_its_types() -> None:
    said = meanings(CallEvent)
    assert said["clock"].startswith("The clock of `occurred_at`")
    assert said["uuid"] == "The provider's own id of the call: `uuid`, `CallID`."


def test_meanings_of_a_class_that_is_not_at_the_top_of_a_module_are_refused() -> None:
    class Inner:
        pass

    with pytest.raises(LookupError):
        meanings(Inner)
