"""A callback: one request from a provider, as it travels through `callbacks.raw` and `callbacks.rejected`.

The value of the Kafka message is the payload, byte for byte; everything else is in headers.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, TypeGuard, cast, get_args

import orjson

from schemas.limits import LAST_TIME, MOST, MOST_COUNTED, MOST_PARTITION, MOST_READING, is_receipt

Headers = list[tuple[str, bytes]]
"""The type that kafka-python and Faust use."""

CallbackKind = Literal["webhook", "dial", "history"]
"""`webhook` is a provider's own request; the others are answers of its REST API, kept the same way."""

_KINDS = frozenset(get_args(CallbackKind))

FIRST_REPLAY = 2
"""Its reading's number: 1 is that of what is first read."""


@dataclass(frozen=True, slots=True)
class Callback:
    """One HTTP request from a provider, or its answer to a request of ours."""

    id: str
    """A version-4 UUID, made by the ingress and returned to the provider."""
    source: str
    """The name of the source that the token belongs to."""
    account: str
    """The tenant that the source belonged to when the callback arrived."""
    received_at: int
    """When the complete request had been read, by the ingress's clock: microseconds since 1970 UTC."""
    method: Literal["GET", "POST"]
    """A GET has its payload in the query string, unless it has a body."""
    content_type: str
    """The request's Content-Type as sent, '' without one."""
    peer: str
    """The address that the request came from."""
    payload: bytes = field(repr=False)
    """The body; for a GET without one, the query string."""
    query: bytes = field(default=b"", repr=False)
    """The query string beside a body: providers append their own parameters to the URL."""
    kind: CallbackKind = "webhook"
    """The kind; webhooks have no header for it."""
    revision: int = 0
    """Of the source's settings when it came; 0, and no header, where that is not known."""
    kept_headers: bytes = b""
    """Some of the request's headers, a JSON object with names in lower case; b'' for none."""

    @property
    def content_encoding(self) -> str:
        """How the sender, or a relay, says that the body is compressed; '' if nobody does."""
        return str(_kept(self.kept_headers).get("content-encoding", ""))

    def headers(self) -> Headers:
        """The Kafka headers that carry everything but the payload."""
        kind = [] if self.kind == "webhook" else [("kind", self.kind.encode())]
        kept = [("kept_headers", self.kept_headers)] if self.kept_headers else []
        revision = [("revision", b"%d" % self.revision)] if self.revision else []
        return [
            ("id", self.id.encode()),
            ("source", self.source.encode()),
            ("account", self.account.encode()),
            ("received_at", b"%d" % self.received_at),
            ("method", self.method.encode()),
            ("content_type", self.content_type.encode("utf-8", "replace")),
            ("peer", self.peer.encode()),
            ("query", self.query),
            *kind,
            *revision,
            *kept,
        ]

    @classmethod
    def from_message(cls, value: bytes | None, headers: Headers) -> Callback:
        """Read a message of `callbacks.raw` or `callbacks.rejected`; KeyError or ValueError for any other."""
        named = dict(headers)
        if None in named.values():
            raise ValueError("a header has no value, which Kafka allows and callbacks never have")
        method = named["method"].decode()
        if method not in {"GET", "POST"}:
            raise ValueError("method is neither GET nor POST")
        kind = named.get("kind", b"webhook").decode()
        if kind not in _KINDS:
            raise ValueError("kind is none of a callback")
        received_at, revision = int(named["received_at"]), int(named.get("revision", 0))
        if not (is_receipt(received_at) and 0 <= revision <= MOST_COUNTED):
            raise ValueError("received_at or revision is out of range")
        kept_headers = named.get("kept_headers", b"")
        _kept(kept_headers)
        return cls(
            id=named["id"].decode(),
            source=named["source"].decode(),
            account=named["account"].decode(),
            received_at=received_at,
            method="GET" if method == "GET" else "POST",
            content_type=named["content_type"].decode(),
            peer=named["peer"].decode(),
            payload=value or b"",
            query=named.get("query", b""),
            kind=cast("CallbackKind", kind),
            revision=revision,
            kept_headers=kept_headers,
        )


def _kept(headers: bytes) -> dict[str, Any]:
    """Read `kept_headers`; ValueError for what is no JSON object."""
    match orjson.loads(headers) if headers else {}:
        case dict(kept):
            return kept
        case _:
            raise ValueError("kept_headers is no JSON object")


def _origin(value: bytes) -> tuple[str, int, int]:
    """Read the header with topic, partition and offset; ValueError for anything else."""
    match orjson.loads(value):
        case [str(topic), partition, offset] if type(partition) is type(offset) is int and (
            -1 <= partition <= MOST_PARTITION and -1 <= offset <= MOST
        ):
            return topic, partition, offset
        case _:
            raise ValueError("origin is no topic, partition and offset")


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a callback can't be used. Never holds a value of the payload, which may be a secret."""

    field: str
    """The field it is about, '' for the payload as a whole."""
    code: str
    """Stable and short, for grouping: `malformed-json`, `missing`, `unknown-status`."""
    message: str
    """One sentence for people."""

    def to_json(self) -> dict[str, str]:
        return {"field": self.field, "code": self.code, "message": self.message}

    @classmethod
    def from_json(cls, value: object) -> Reason:
        """Read what `to_json` gives; ValueError for anything else."""
        match value:
            case {"field": str(field), "code": str(code), "message": str(message)}:
                return cls(field, code, message)
            case _:
                raise ValueError("reasons is no list of reasons")


class Stage(StrEnum):
    """Where a callback was rejected."""

    INGEST = "ingest"
    NORMALIZE = "normalize"
    CORRELATE = "correlate"
    SINK = "sink"


@dataclass(frozen=True, slots=True)
class Rejection:
    """What `callbacks.rejected` adds to a callback's headers."""

    stage: Stage
    reasons: tuple[Reason, ...]
    """All of them; none if a replay has accepted what was rejected before."""
    topic: str = ""
    """Where the callback was when it was rejected; '' at the ingress."""
    partition: int = -1
    offset: int = -1
    decided_at: int = 0
    """When the replay that decided this began, microseconds since 1970 UTC; 0 for the first decision. Of
    several decisions on a callback the latest holds."""

    def headers(self) -> Headers:
        """The Kafka headers with the reasons."""
        headers = [
            ("stage", self.stage.encode()),
            ("reasons", reasons_to_json(self.reasons)),
            ("origin", orjson.dumps([self.topic, self.partition, self.offset])),
        ]
        return [*headers, ("decided_at", b"%d" % self.decided_at)] if self.decided_at else headers

    @classmethod
    def from_headers(cls, headers: Headers) -> Rejection | None:
        """Read the headers; None for a callback that was not rejected.

        Raises KeyError, ValueError or TypeError for any others.
        """
        named = dict(headers)
        if "reasons" not in named:
            return None
        topic, partition, offset = _origin(named["origin"])
        decided_at = int(named.get("decided_at", 0))
        if not 0 <= decided_at <= LAST_TIME:
            raise ValueError("decided_at is out of range")
        return cls(
            stage=Stage(named["stage"].decode()),
            reasons=reasons_from_json(named["reasons"]),
            topic=topic,
            partition=partition,
            offset=offset,
            decided_at=decided_at,
        )


@dataclass(frozen=True, slots=True)
class Told:
    """An event that an earlier reading made of a callback."""

    event_id: str
    leg: str
    """The leg that it was about."""
    ids: tuple[str, ...]
    """The legs that it named."""

    @classmethod
    def from_json(cls, value: object) -> Told:
        """Read one of the header's list; ValueError for anything else."""
        match value:
            case [str(event_id), str(leg), [*ids]] if _are_ids(ids) and (leg in ids if ids else not leg):
                return cls(event_id, leg, tuple(ids))
            case _:
                raise ValueError("told is no list of events")


def _are_ids(values: list[Any]) -> TypeGuard[list[str]]:
    return all(isinstance(each, str) and each for each in values) and sorted({*values}) == values


@dataclass(frozen=True, slots=True)
class Replayed:
    """What `callbacks.replay` adds to a callback's headers: what the archive knows about it."""

    replayed_at: int
    """When the replay began, microseconds since 1970 UTC; after that of any earlier one, if the clock was put
    back."""
    reading: int
    """The replay's number: of one event the highest reading holds."""
    reasons: tuple[Reason, ...]
    """Why it is rejected at present; none if it is accepted."""
    topic: str
    """Where it is: in `callbacks.raw`, or in `callbacks.rejected` if the ingress rejected it."""
    partition: int
    offset: int
    told: tuple[Told, ...] = ()
    """The events that earlier readings made of it: those that are not made any more become void."""

    def headers(self) -> Headers:
        told = [[each.event_id, each.leg, each.ids] for each in self.told]
        return [
            ("replayed_at", b"%d" % self.replayed_at),
            ("reading", b"%d" % self.reading),
            ("reasons", reasons_to_json(self.reasons)),
            ("origin", orjson.dumps([self.topic, self.partition, self.offset])),
            ("told", orjson.dumps(told)),
        ]

    @classmethod
    def from_headers(cls, headers: Headers) -> Replayed:
        """Read the headers; KeyError, ValueError or TypeError for any others."""
        named = dict(headers)
        topic, partition, offset = _origin(named["origin"])
        replayed_at, reading = int(named["replayed_at"]), int(named["reading"])
        if not (0 <= replayed_at <= LAST_TIME and FIRST_REPLAY <= reading <= MOST_READING):
            raise ValueError("replayed_at or reading is out of range")
        return cls(
            replayed_at=replayed_at,
            reading=reading,
            reasons=reasons_from_json(named["reasons"]),
            topic=topic,
            partition=partition,
            offset=offset,
            told=tuple(map(Told.from_json, orjson.loads(named["told"]))),
        )


def reasons_to_json(reasons: tuple[Reason, ...]) -> bytes:
    return orjson.dumps([reason.to_json() for reason in reasons])


def reasons_from_json(value: bytes) -> tuple[Reason, ...]:
    """Read the header's JSON; ValueError or TypeError for anything else."""
    return tuple(map(Reason.from_json, orjson.loads(value)))
