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
from schemas.documents.docstrings import meanings
from schemas.events import CallEvent
from schemas.lattice import properties

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Json

DIALECT = "https://json-schema.org/draft/2020-12/schema"

EVENT = "call-event.schema.json"
RECORD = "call-record.schema.json"
CALLBACK = "callback-headers.schema.json"
REJECTION = "rejection-headers.schema.json"
REASON = "reason.schema.json"

OPTIONAL_HEADERS = frozenset({"query", "kind"})
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
    made = TypeAdapter(CallEvent).json_schema()
    said = meanings(CallEvent)
    described = {name: _described(said[name], _known(schema)) for name, schema in made["properties"].items()}
    described["v"]["minimum"] = 1
    described["extra"]["additionalProperties"] = True
    return _object("CallEvent", made["description"], described, ["v", *made["required"]])


def record() -> Json:
    """Of `calls.records`."""
    said = meanings(CallEvent)
    known = properties(records.FIELDS)
    for name, rule in records.FIELDS.items():
        if not rule.meaning:
            known[name] = _described(said[name], known[name])
    received_at, event_id, _ = known["cdr"]["prefixItems"]
    billed = {name: _ref(f"{EVENT}#/properties/{name}") for name in records.BILLED}
    known["cdr"]["prefixItems"] = [
        _described(said["received_at"], received_at),
        _described(said["event_id"], event_id),
        {"type": "object", "properties": billed, "additionalProperties": True},
    ]
    return _object(
        "CallRecord",
        "What is known of a call so far. Two records of one call become one field by field, as `x-merge` "
        "says: in any order, any number of times, in any groups.",
        {
            "v": _version(),
            "account": {"type": "string", "description": said["account"]},
            "call_id": {"type": "string", "description": "The smallest leg id known of the call."},
            **known,
        },
        ["v", "account", "call_id"],
    )


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
        "reasons": _reasons(said["reasons"]),
        "origin": _origin("Where it stood when it was rejected", '`["", -1, -1]` at the ingress'),
        "decided_at": _digits(f"{said['decided_at']} The header stands there unless it is 0."),
    }
    return _object(
        "RejectionHeaders",
        "The headers of a rejected callback: those of the callback, and why it was rejected; or, without a "
        "reason, of one that a replay has accepted after all.",
        {**_callback_headers(), **why},
        [name for name in (*_callback_headers(), *why) if name not in {*OPTIONAL_HEADERS, "decided_at"}],
    )


def _reasons(meaning: str) -> Json:
    return _json_text(f"{meaning} In JSON.", {"type": "array", "items": _ref(REASON)})


def _origin(meaning: str, exception: str) -> Json:
    return _json_text(
        f"{meaning}: `[topic, partition, offset]`, {exception}. In JSON.",
        {
            "type": "array",
            "prefixItems": [{"type": "string"}, {"type": "integer"}, {"type": "integer"}],
            "minItems": 3,
            "maxItems": 3,
        },
    )


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
    headers["received_at"] |= {
        "pattern": "^[0-9]+$",
        "description": f"{said['received_at']} In decimal digits.",
    }
    headers["method"]["enum"] = list(get_args(get_type_hints(Callback)["method"]))
    headers["kind"]["enum"] = list(get_args(CallbackKind))
    headers["query"]["description"] = f"{said['query']} Raw bytes, '' where there is none."
    return headers


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


def _version() -> Json:
    return {"type": "integer", "minimum": 1, "description": meanings(CallEvent)["v"]}


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


def _ref(to: str) -> Json:
    return {"$ref": to}


def _names(cls: type[Any]) -> list[str]:
    return [each.name for each in fields(cls)]


def _first_line(cls: type[Any]) -> str:
    return (cls.__doc__ or "").strip().splitlines()[0]
