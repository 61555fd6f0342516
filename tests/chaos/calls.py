"""Made-up calls as providers tell them (documents 000 to 003), each as the payloads of its callbacks."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from tests.kit.extension_events import ANNA, BORIS, QUEUE, offered, us, waiting
from tests.kit.extension_events import event as said_at

if TYPE_CHECKING:
    import random

Payload = dict[str, object]

START = datetime(2024, 6, 1, tzinfo=UTC)
TIMEZONE = "Asia/Shanghai"


def new_id(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def common_api_call(rng: random.Random) -> list[Payload]:
    """Two or three legs, tied by their status events; the CDR names one of them alone."""
    a, b, c = (new_id(rng) for _ in range(3))
    began = START + timedelta(seconds=rng.randrange(10**6))
    said = {
        "type": "call",
        "direction": rng.choice(("callin", "callout")),
        "method": str(rng.randint(1, 6)),
        "caller": "90240005",
        "callee": str(rng.randrange(10**10)),
        "disnumber": "2190240001",
        "extnumber": str(rng.randrange(1000, 9999)),
        "starttime": str(int(began.timestamp())),
    }

    def status(kind: str, other: str, *, is_b: bool) -> Payload:
        return {**said, "status": kind, "isbleg": "true" if is_b else "false", "uuid": a, "buuid": other}

    answered = rng.random() < 0.7
    payloads = [status("ring", b, is_b=False), status("answer", b, is_b=False), status("ring", b, is_b=True)]
    if answered:
        payloads.append(status("answer", b, is_b=True))
    if rng.random() < 0.3:  # put through to somebody else
        payloads += [status("ring", c, is_b=True), status("answer", c, is_b=True)]
    payloads.append(status("hangup", b, is_b=rng.random() < 0.5))
    return [*payloads, _cdr(rng, rng.choice((a, b)), began, answered=answered)]


def _cdr(rng: random.Random, leg: str, began: datetime, *, answered: bool) -> Payload:
    local = began.astimezone(ZoneInfo(TIMEZONE))
    rang, talked = rng.randrange(60), rng.randrange(1, 600) if answered else 0

    def after(seconds: int) -> str:
        return f"{local + timedelta(seconds=seconds):%Y-%m-%d %H:%M:%S}"

    return {
        "type": "callout",
        "callmethod": rng.randint(1, 6),
        "starttime": after(0),
        "answertime": after(rang) if answered else "",
        "endtime": after(rang + talked),
        "duration": rang,
        "billsec": talked,
        "disnumber": "2190240001",
        "destnumber": "87847569524",
        "hangupcause": 10000 if answered else 10020,
        "hangupdirection": 10040,
        "uuid": leg,
    }


def extension_events_call(rng: random.Random) -> list[Payload]:
    """A client in a queue, who is offered to two agents; the second may answer."""
    call, *parts = (new_id(rng) for _ in range(4))
    client, anna, boris = parts
    answered = rng.random() < 0.6
    talked = rng.randrange(1, 300)
    end = 20 + talked if answered else 20
    payloads = [
        said_at("dial-in", call, client, 0, **waiting(QUEUE)),
        said_at("dial-in", call, anna, 1, **offered(ANNA)),
        said_at("hangup", call, anna, 9, CallStatus="NOANSWER", Duration="0", **offered(ANNA)),
        said_at("dial-in", call, boris, 10, **offered(BORIS)),
    ]
    if answered:
        payloads.append(said_at("answer", call, boris, 20, **offered(BORIS)))
    status = "ANSWER" if answered else "NOANSWER"
    payloads.append(said_at("hangup", call, boris, end, CallStatus=status, **offered(BORIS)))
    bridged = {"Bridged": "true", "BridgedDuration": us(talked)} if answered else {"Bridged": "false"}
    payloads.append(
        said_at(
            "hangup", call, client, end, CallStatus="ANSWER", Duration=us(end), **bridged, **waiting(QUEUE)
        )
    )
    return payloads
