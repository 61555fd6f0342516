"""Calls as a provider tells of them, for load: ring, answer, hangup, CDR, with hundreds of calls under way.

Each call has an A leg (`uuid`) and a B leg (`buuid`); the CDR comes by `uuid`. Every fourth event is of the
same call, and calls overlap: between a call's ring and its CDR stand events of `CALLS_UNDER_WAY` others.
"""

from __future__ import annotations

import time
import uuid
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import orjson

from processors.normalize.step import Normalized, normalize
from schemas.callbacks import Callback

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.events import CallEvent

ACCOUNT = "bench"
SOURCE = "bench"
DIALECT = "common-api"
TIMEZONE = "Asia/Shanghai"

EVENTS_A_CALL = 4
CALLS_UNDER_WAY = 500

Payload = dict[str, str]


def new_ids() -> tuple[str, str]:
    """A call's uuid and buuid: version 1, as the providers' own."""
    return str(uuid.uuid1()), str(uuid.uuid1())


def ring(ids: tuple[str, str]) -> Payload:
    """As document 000's sample."""
    return _status("ring", ids)


def answer(ids: tuple[str, str]) -> Payload:
    """As document 000's sample."""
    return _status("answer", ids)


def hangup(ids: tuple[str, str]) -> Payload:
    """As document 000's sample, with its cause."""
    return _status("hangup", ids) | {"hangupcause": "10020", "hangupdirection": "1"}


def cdr(ids: tuple[str, str]) -> Payload:
    """As document 001's sample."""
    return {
        "companycode": "9024",
        "uuid": ids[0],
        "disnumber": "2190240001",
        "destnumber": "87847569524",
        "extnumber": "90240005",
        "starttime": "2020-08-28 15:15:59",
        "answertime": "2020-08-28 15:16:05",
        "endtime": "2020-08-28 15:17:05",
        "duration": "6",
        "billsec": "60",
        "callmethod": "3",
        "type": "callout",
        "customuuid": "123Abc",
        "hangupcause": "10020",
        "recordurl": f"http://127.0.0.1/records/{ids[0]}.mp3",
        "userid": "90240005",
    }


TELLINGS = (ring, answer, hangup, cdr)


def payloads(calls: int, under_way: int = CALLS_UNDER_WAY) -> Iterator[Payload]:
    """`EVENTS_A_CALL` payloads of each call; a quarter of `under_way` calls stand between two of one call."""
    step = max(1, under_way // EVENTS_A_CALL)
    names = [new_ids() for _ in range(calls)]
    for turn in range(calls + step * (EVENTS_A_CALL - 1)):
        for number, tell in enumerate(TELLINGS):
            call = turn - number * step
            if 0 <= call < calls:
                yield tell(names[call])


def open_payloads(calls: int) -> Iterator[Payload]:
    """Calls that are going on: a ring and an answer of each."""
    for _ in range(calls):
        ids = new_ids()
        yield ring(ids)
        yield answer(ids)


def callback(payload: Payload) -> Callback:
    """The callback that carries it, as the ingress wraps it."""
    return Callback(
        id=str(uuid.uuid4()),
        source=SOURCE,
        account=ACCOUNT,
        received_at=time.time_ns() // 1000,
        method="POST",
        content_type="application/json",
        peer="127.0.0.1",
        payload=orjson.dumps(payload),
    )


def event(payload: Payload) -> CallEvent:
    """What the normalizer makes of it."""
    outcome = normalize(callback(payload), DIALECT, ZoneInfo(TIMEZONE))
    if not isinstance(outcome, Normalized):
        raise TypeError(f"a payload of the load was rejected: {outcome.reasons}")
    return outcome.events[0]


def _status(status: str, ids: tuple[str, str]) -> Payload:
    return {
        "buuid": ids[1],
        "callee": "87847569524",
        "caller": "90240005",
        "companycode": "9024",
        "customuuid": "123Abc",
        "direction": "callout",
        "disnumber": "2190240001",
        "extnumber": "90240005",
        "isbleg": "false",
        "method": "3",
        "starttime": "1598598959",
        "status": status,
        "type": "call",
        "uuid": ids[0],
    }
