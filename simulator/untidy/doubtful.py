"""Unreadable fields: each is a doubt, and the rest of the call is not affected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import orjson

from simulator.shapes import FORM, JSON, Request, request_of
from simulator.untidy.told import Told

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook

NAME = "%CF%E5%F2%F0"
"""In windows-1251."""
CUT = "VIP \\ud83d"
"""A name with half of a character."""


def words_for_codes(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """`hangupcause` in words: the code is unknown."""
    if webhook.kind != "cdr":
        return None
    name, column, word = rng.choice(
        (
            ("hangupcause", "hangup_cause", "NORMAL_CLEARING"),
            ("hangupdirection", "hangup_direction", "callee"),
        )
    )
    return Told(request_of(webhook.fields | {name: word}, webhook.shape), columns={column: None}, doubts=1)


def absurd_durations(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """-1 for an unanswered call, and texts that are no number: the CDR's times say how long it was."""
    if webhook.kind != "cdr":
        return None
    name = rng.choice(("duration", "billsec"))
    word: Any = rng.choice((-1, "-1", "about a minute", 10**12, [7]))
    return Told(_as_json(webhook, {name: word}), doubts=1)


def statuses_beside_the_bill(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """Fields of a status event that the CDR corrects."""
    if webhook.event_type or webhook.kind == "cdr":
        return None
    changed: dict[str, Any] = rng.choice(
        (
            {"starttime": "yesterday"},
            {"direction": "sideways"},
            {"starttime": 10**30},
            {"callee": {"number": 7}},
        )
    )
    return Told(_as_json(webhook, changed), doubts=1)


def garbled(_: Random, webhook: Webhook, __: ZoneInfo) -> Told | None:
    """A text in a charset that is not named, or half of an emoji."""
    if webhook.event_type:
        fields = {name: value for name, value in webhook.fields.items() if name != "CallerIDName"}
        text = f"{urlencode(fields)}&CallerIDName={NAME}"
        if webhook.shape == "query":
            return Told(Request("GET", "", b"", text), doubts=1)
        return Told(Request("POST", FORM, text.encode()), doubts=1)
    body = orjson.dumps(webhook.fields)[:-1] + f',"memo":"{CUT}"}}'.encode()
    return Told(Request("POST", JSON, body), doubts=1)


def _as_json(webhook: Webhook, changed: dict[str, Any]) -> Request:
    fields: dict[str, Any] = {**webhook.fields, **changed}
    # numbers that no library of ours writes
    json = orjson.dumps({name: str(value) if value == 10**30 else value for name, value in fields.items()})
    return Request("POST", JSON, json)
