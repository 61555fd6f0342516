"""The JSON Schema of every message's value and headers.

Fields that aren't listed are allowed everywhere: within a version fields are only added, and readers skip
fields that they don't know. What is unknown is left out; nothing is ever null.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from pydantic import TypeAdapter

from schemas import records
from schemas.callbacks import Callback, CallbackKind, Reason, Rejection, Stage
from schemas.calls import Call
from schemas.documents.docstrings import meanings
from schemas.events import CallEvent, Doubt
from schemas.legs import Leg

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"

EVENT = "call-event.schema.json"
RECORD = "call-record.schema.json"
CALLBACK = "callback-headers.schema.json"
REJECTION = "rejection-headers.schema.json"
REASON = "reason.schema.json"

OPTIONAL_HEADERS = frozenset({"query", "kind", "revision", "kept_headers"})
"""Of a callback: older releases didn't send them, or they are left out for the usual value."""


def schemas() -> dict[str, Json]:
    """Every schema, by the name of its file; they refer to each other by these names."""
    return {
        EVENT: event(),
        RECORD: record(),
        CALLBACK: callback_headers(),
        REJECTION: rejection_headers(),
        REASON: reason(),
    }


def event() -> Json:
    """Of `calls.events`."""
    described = _dataclass(CallEvent)
    known = described["properties"]
    known["extra"]["additionalProperties"] = True
    return _object("CallEvent", described["description"], known, ["v", *described["required"]])


def record() -> Json:
    """Of `calls.records`."""
    described = _dataclass(records.Record)
    known = described["properties"]
    known["v"]["minimum"] = records.VERSION
    return _object("CallRecord", described["description"], known, ["v", *described["required"]])


def callback_headers() -> Json:
    """Of `callbacks.raw`; a header is bytes, and text in UTF-8 unless it says otherwise."""
    return _object(
        "CallbackHeaders",
        "The headers of a callback: all that is known of it but its payload, which is the message's value.",
        _callback_headers(),
        [name for name in _callback_headers() if name not in OPTIONAL_HEADERS],
    )


def rejection_headers() -> Json:
    """Of `callbacks.rejected`."""
    said = meanings(Rejection)
    why: Json = {
        "stage": {
            "type": "string",
            "enum": [stage.value for stage in Stage],
            "description": _first_line(Stage),
        },
        "reasons": _json_text(f"{said['reasons']} In JSON.", {"type": "array", "items": {"$ref": REASON}}),
        "origin": _json_text(
            "Where it stood when it was rejected: `[topic, partition, offset]`, "
            '`["", -1, -1]` at the ingress. In JSON.',
            ORIGIN,
        ),
        "decided_at": _digits(f"{said['decided_at']} The header is left out if it is 0."),
    }
    return _object(
        "RejectionHeaders",
        "The headers of a rejected callback: those of the callback, and why it was rejected; or, without a "
        "reason, of one that a replay has accepted after all.",
        {**_callback_headers(), **why},
        [name for name in (*_callback_headers(), *why) if name not in {*OPTIONAL_HEADERS, "decided_at"}],
    )


ORIGIN: Json = {
    "type": "array",
    "prefixItems": [{"type": "string"}, {"type": "integer"}, {"type": "integer"}],
    "minItems": 3,
    "maxItems": 3,
}


def _digits(meaning: str) -> Json:
    return {"type": "string", "pattern": "^[0-9]+$", "description": f"{meaning} In decimal digits."}


def reason() -> Json:
    """Of the header `reasons` and of the ingress's answers."""
    said = meanings(Reason)
    texts = {name: {"type": "string", "description": said[name]} for name in _names(Reason)}
    return _object("Reason", _first_line(Reason), texts, list(texts))


def _callback_headers() -> Json:
    said = meanings(Callback)
    headers: Json = {
        name: {"type": "string", "description": said[name]} for name in _names(Callback) if name != "payload"
    }
    headers["received_at"] |= _digits(said["received_at"])
    headers["method"]["enum"] = list(get_args(get_type_hints(Callback)["method"]))
    headers["kind"]["enum"] = list(get_args(CallbackKind))
    headers["query"]["description"] = f"{said['query']} Raw bytes, '' where there is none."
    return headers


def _dataclass(cls: type[Any]) -> Json:
    """The schema of a dataclass with the meanings of its fields, and of those of dataclasses within it."""
    made = TypeAdapter(cls).json_schema()
    return _inlined(
        made,
        made.get("$defs", {}),
        {each.__name__: each for each in (cls, Doubt, Call, Leg, records.Suspect)},
    )


def _inlined(schema: Json, definitions: Json, classes: dict[str, type[Any]]) -> Json:
    cls = classes[schema["title"]]
    said = meanings(cls)
    known = {
        name: _described(said[name], _filled(_known(each), definitions, classes))
        for name, each in schema["properties"].items()
    }
    return {
        "type": "object",
        "description": _first_line(cls),
        "properties": known,
        "required": schema.get("required", []),
    }


def _filled(schema: Json, definitions: Json, classes: dict[str, type[Any]]) -> Json:
    """With the definition that it refers to in the place of the reference."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return {**_inlined(definitions[name], definitions, classes), "additionalProperties": True}
    if isinstance(schema.get("items"), dict):
        return {**schema, "items": _filled(schema["items"], definitions, classes)}
    return schema


def _object(title: str, description: str, known: Json, required: Iterable[str]) -> Json:
    return {
        "$schema": DIALECT,
        "title": title,
        "description": description,
        "type": "object",
        "properties": known,
        "required": list(required),
        "additionalProperties": True,
    }


def _known(schema: Json) -> Json:
    """Drop null and default, because unknown fields are left out, and a title that is only the name."""
    kept = {name: value for name, value in schema.items() if name not in {"title", "default", "anyOf"}}
    for choice in schema.get("anyOf", ()):
        if choice != {"type": "null"}:
            kept = {**choice, **kept}
    return kept


def _described(meaning: str, schema: Json) -> Json:
    """The schema with a meaning before what it says already, a unit."""
    said = " ".join(text for text in (meaning, schema.get("description")) if text)
    return {**schema, "description": said}


def _json_text(description: str, schema: Json) -> Json:
    return {
        "type": "string",
        "description": description,
        "contentMediaType": "application/json",
        "contentSchema": schema,
    }


def _names(cls: type[Any]) -> list[str]:
    return [each.name for each in fields(cls)]


def _first_line(cls: type[Any]) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]
