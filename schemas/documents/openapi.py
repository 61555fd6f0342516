"""The OpenAPI 3.1 document: what a provider may send to its callback URL, and each answer.

`ingest.answers` has the same texts and statuses; a test holds the two together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.documents import messages

if TYPE_CHECKING:
    from schemas.events import Json

VERSION = "1.0.0"
"""The contract's version: additions raise the second number, what would break a sender the first."""

TOKEN: Json = {
    "name": "token",
    "in": "path",
    "required": True,
    "description": "A source's secret, as `callweave source add` printed it.",
    "schema": {"type": "string", "pattern": "^[A-Za-z0-9_-]{43}$"},
}
FIELDS: Json = {"type": "object", "additionalProperties": {"type": "string"}}
BODIES: dict[str, Json] = {
    "application/json": {
        "anyOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}, "minItems": 1}]
    },
    "application/x-www-form-urlencoded": FIELDS,
    "multipart/form-data": FIELDS,
}
"""Those that are read; a body of another type is taken for one of them by its first bytes."""
QUERY: Json = {
    "name": "fields",
    "in": "query",
    "description": "The fields of a callback, or more of them beside a body.",
    "style": "form",
    "explode": True,
    "schema": FIELDS,
}

REFUSALS: dict[int, str] = {
    400: "It can't be decoded, and is archived with the reasons; or it is no HTTP/1.1",
    401: "It does not come from whom the source's entry names",
    404: "No source has this token",
    405: "Another method",
    408: "Headers or body took too long; the connection is closed",
    411: "Nobody can tell where the body ends",
    413: "The body is larger than `ingest.max_body_bytes`",
    414: "Path or query string is too long",
    429: "The source sends more than it may: send it again later",
    431: "The headers are larger than 64 KiB",
    503: "Neither Kafka nor the disk has it: nothing is claimed, send it again",
}
RETRIED = (429, 503)
"""With `Retry-After`."""


def document() -> Json:
    """Build the whole document; it is written beside the schema that it refers to."""
    answers = _answers()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "callweave ingress",
            "version": VERSION,
            "description": "Where telephony providers send their webhooks. 200 means that the callback is "
            "kept: by Kafka, or by a synced disk until Kafka has it. What is sent twice changes nothing.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [],
        "paths": {
            "/callbacks/{token}": {
                "parameters": [TOKEN],
                "post": _operation("post", "A callback in the body", answers) | {"requestBody": _body()},
                "get": _operation("get", "A callback in the query string", answers),
                "head": _operation("head", "A provider tries the URL: nothing is kept", _bodiless(answers)),
                "options": _operation("options", "The same", answers),
            }
        },
        "components": {"schemas": _schemas(), "headers": _headers()},
    }


def _operation(name: str, summary: str, answers: Json) -> Json:
    return {
        "operationId": f"{name}Callback",
        "summary": summary,
        "parameters": [QUERY] if name in {"post", "get"} else [],
        "responses": answers,
    }


def _body() -> Json:
    """Anything that is not too large: what can't be decoded has an answer of its own."""
    return {
        "required": False,
        "description": "A JSON object or an array of them, a form with or without a field `detail` that "
        "holds such JSON, or nothing, to try the URL.",
        "content": {kind: {"schema": schema} for kind, schema in BODIES.items()},
    }


def _answers() -> Json:
    kept = {"oneOf": [_schema("Accepted"), _schema("Ready")]}
    found: Json = {
        "200": _answer("The callback is kept; or, of an empty request, the URL is right", kept, ["Allow"])
    }
    for status, meaning in REFUSALS.items():
        schema = _schema("Unavailable" if status == 503 else "Refused")
        if status == 400:
            schema = {"oneOf": [_schema("Rejected"), schema]}
        headers = ["Retry-After"] if status in RETRIED else []
        headers += ["Allow"] if status == 405 else []
        found[str(status)] = _answer(meaning, schema, headers)
    return found


def _answer(description: str, schema: Json, headers: list[str]) -> Json:
    return {
        "description": description,
        "headers": {name: {"$ref": f"#/components/headers/{name}"} for name in ("Cache-Control", *headers)},
        "content": {"application/json": {"schema": schema}},
    }


def _bodiless(answers: Json) -> Json:
    """The answers to a HEAD."""
    return {
        status: {name: part for name, part in answer.items() if name != "content"}
        for status, answer in answers.items()
    }


def _schemas() -> Json:
    reasons = {"type": "array", "minItems": 1, "items": {"$ref": f"./{messages.REASON}"}}
    return {
        "Accepted": _said("accepted", {"id": ID}),
        "Ready": _said("ready", {}),
        "Rejected": _said("rejected", {"id": ID, "errors": reasons}),
        "Refused": _said("refused", {"message": MESSAGE}),
        "Unavailable": {
            "oneOf": [_said("unavailable", {"message": MESSAGE}), _said("refused", {"message": MESSAGE})]
        },
    }


ID: Json = {
    "type": "string",
    "format": "uuid",
    "description": "The callback's id; `callweave call ID` finds what became of it.",
}
MESSAGE: Json = {"type": "string", "minLength": 1, "description": "A sentence for people."}


def _said(status: str, more: Json) -> Json:
    """An answer with this status and these fields, and no other."""
    return {
        "type": "object",
        "properties": {"status": {"const": status}, **more},
        "required": ["status", *more],
        "additionalProperties": False,
    }


def _schema(name: str) -> Json:
    return {"$ref": f"#/components/schemas/{name}"}


def _headers() -> Json:
    return {
        "Cache-Control": {"required": True, "schema": {"const": "no-store"}},
        "Retry-After": {
            "required": True,
            "description": "Seconds until it is worth trying again.",
            "schema": {"type": "string", "pattern": "^[0-9]+$"},
        },
        "Allow": {"description": "The methods of the URL.", "schema": {"type": "string"}},
    }
