"""More than the one webhook is sent: notices, a status together with a CDR, probes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from simulator.shapes import FORM, JSON, Request, request_of
from simulator.untidy.told import Told

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook

PROBES = (
    Request("HEAD", "", b""),
    Request("OPTIONS", "", b""),
    Request("GET", "", b""),
    Request("POST", FORM, b""),
)


def recording_told_apart(rng: Random, webhook: Webhook, _: ZoneInfo) -> Told | None:
    """The CDR has no recording yet; a short notice brings it, in the same body or in one of its own."""
    link = webhook.fields.get("recordurl")
    if not link:
        return None
    bill = {**webhook.fields, "recordurl": ""}
    notice = {name: webhook.fields[name] for name in ("uuid", "duration")} | {"recordurl": link}
    apart = Request("POST", JSON, orjson.dumps(bill)), Request("POST", JSON, orjson.dumps(notice))
    if rng.random() < 0.5:
        return Told(apart[0], more=apart[1:])
    body = rng.choice((orjson.dumps([bill, notice]), b"\n".join(each.body for each in apart)))
    return Told(Request("POST", JSON, body))


def bill_with_a_status(_: Random, webhook: Webhook, __: ZoneInfo) -> Told | None:
    """A hangup and a CDR in one callback count as both."""
    if webhook.kind != "cdr":
        return None
    changed = webhook.fields | {"status": "hangup"}
    return Told(request_of(changed, webhook.shape), columns={"has_hangup": True})


def tried_first(_: Random, webhook: Webhook, __: ZoneInfo) -> Told | None:
    """A provider tries the URL before it uses it."""
    return Told(request_of(webhook.fields, webhook.shape), probes=PROBES)
