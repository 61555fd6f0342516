"""Calls in the dialect `common-api`: the documents' own payloads, and calls made after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from tests.samples.calls import SampleCall, utc
from tests.samples.documents import document

if TYPE_CHECKING:
    from collections.abc import Mapping

Payload = dict[str, object]

RING_000: Mapping[str, Any] = orjson.loads(document("000_ring.json"))
RING_001: Mapping[str, Any] = orjson.loads(document("001_ring.json"))
CDR_001: Mapping[str, Any] = orjson.loads(document("001_cdr.json"))
CDR_002: Mapping[str, Any] = orjson.loads(document("002_cdr.json"))

A_000, B_000 = "526d637c-e8fe-11ea-a849-cf6e45e88543", "526d643a-e8fe-11ea-a84a-cf6e45e88543"
A_001, B_001 = "9c568ac8-6aad-11eb-a1b3-5107cdf1d50a", "9c6f2092-6aad-11eb-a1b9-5107cdf1d50a"


def status(of: Mapping[str, object], status: str, *, is_b: bool) -> Payload:
    """Another status event of a document's call."""
    return {**of, "status": status, "isbleg": "true" if is_b else "false"}


def nothing_of_a_cdr() -> dict[str, object]:
    """The columns of a call without a CDR and without an end."""
    return {
        "outcome": "",
        "ended_at": None,
        "ring_seconds": None,
        "talk_seconds": None,
        "has_cdr": False,
        "has_hangup": False,
        "close_reason": "",
    }


CALLS = (
    SampleCall(
        name="ring of document 000",
        dialect="common-api",
        payloads=(dict(RING_000),),
        row={
            **nothing_of_a_cdr(),
            "call_id": A_000,
            "uuid": A_000,
            "legs": [A_000, B_000],
            "dialect": "common-api",
            "direction": "outbound",
            "method": "api",
            "caller": "90240005",
            "callee": "87847569524",
            "display_number": "2190240001",
            "extension": "90240005",
            "agent_id": None,
            "customer_ref": "123Abc",
            "campaign": None,
            "round": None,
            "started_at": utc("2020-08-28 07:15:59"),
            "answered_at": None,
            "state": "ringing",
            "has_ring": True,
            "has_answer": False,
        },
    ),
    SampleCall(
        name="ring of document 001",
        dialect="common-api",
        payloads=(dict(RING_001),),
        row={
            **nothing_of_a_cdr(),
            "call_id": A_001,
            "uuid": A_001,
            "legs": [A_001, B_001],
            "direction": "outbound",
            "method": "manual",
            "caller": "20280005",
            "callee": "89683227899",
            "display_number": "2120280001",
            "extension": "20280005",
            "started_at": utc("2021-02-09 08:05:45"),
            "state": "ringing",
            "has_ring": True,
        },
    ),
    SampleCall(
        name="predictive outbound CDR of document 001",
        dialect="common-api",
        payloads=(dict(CDR_001),),
        row={
            "call_id": "863ff91e-6a7a-11eb-acf1-5107cdf1d50a",
            "uuid": "863ff91e-6a7a-11eb-acf1-5107cdf1d50a",
            "legs": ["863ff91e-6a7a-11eb-acf1-5107cdf1d50a"],
            "direction": "outbound",
            "method": "ivr",
            "caller": "211040260001",
            "callee": "81211623586",
            "display_number": "211040260001",
            "extension": None,
            "agent_id": None,
            "customer_ref": "110001475",
            "campaign": None,
            "round": None,
            "started_at": utc("2021-02-09 02:00:03"),
            "rang_at": None,
            "answered_at": None,
            "ended_at": utc("2021-02-09 02:00:15"),
            "ring_seconds": 12.0,
            "talk_seconds": 0.0,
            "outcome": "unanswered",
            "hangup_cause": 10020,
            "hangup_direction": 10040,
            "recording": None,
            "state": "complete",
            "close_reason": "",
            "has_ring": False,
            "has_answer": False,
            "has_hangup": False,
            "has_cdr": True,
        },
    ),
    SampleCall(
        name="CDR of document 002",
        dialect="common-api",
        payloads=(dict(CDR_002),),
        row={
            "call_id": "db4a44cc-aa72-11f0-ad78-1d7ff0749d07",
            "legs": ["db4a44cc-aa72-11f0-ad78-1d7ff0749d07"],
            "direction": "outbound",
            "method": "ivr",
            "caller": "219513923001",
            "callee": "81351111451",
            "extension": None,
            "agent_id": None,
            "customer_ref": "76c33d997640d36b033d43b1d2d3964e",
            "campaign": None,
            "round": None,
            "started_at": utc("2025-10-16 09:31:13"),
            "answered_at": None,
            "ended_at": utc("2025-10-16 09:31:21"),
            "ring_seconds": 8.0,
            "talk_seconds": 0.0,
            "outcome": "unanswered",
            "hangup_cause": 10020,
            "hangup_direction": 10040,
            "recording": None,
            "state": "complete",
        },
    ),
    SampleCall(
        name="both legs answered, CDR named by uuid",
        dialect="common-api",
        payloads=(
            dict(RING_000),
            status(RING_000, "answer", is_b=False),
            status(RING_000, "ring", is_b=True),
            status(RING_000, "answer", is_b=True),
            status(RING_000, "hangup", is_b=True),
            {
                **CDR_002,
                "companycode": "9024",
                "callmethod": 3,
                "starttime": "2020-08-28 15:15:59",
                "answertime": "2020-08-28 15:16:12",
                "endtime": "2020-08-28 15:17:42",
                "duration": 13,
                "billsec": 90,
                "userid": "1007",
                "disnumber": "2190240001",
                "destnumber": "87847569524",
                "extnumber": "90240005",
                "hangupcause": 10000,
                "uuid": A_000,
                "customuuid": "123Abc",
                "taskid": "77",
                "round": "2",
                "recordurl": "https://records.example.net/526d637c.mp3?sign=a%2Fb",
            },
        ),
        row={
            "call_id": A_000,
            "uuid": A_000,
            "legs": [A_000, B_000],
            "direction": "outbound",
            "method": "api",
            "caller": "2190240001",
            "callee": "87847569524",
            "display_number": "2190240001",
            "extension": "90240005",
            "agent_id": "1007",
            "customer_ref": "123Abc",
            "campaign": "77",
            "round": 2,
            "started_at": utc("2020-08-28 07:15:59"),
            "answered_at": utc("2020-08-28 07:16:12"),
            "ended_at": utc("2020-08-28 07:17:42"),
            "ring_seconds": 13.0,
            "talk_seconds": 90.0,
            "outcome": "answered",
            "hangup_cause": 10000,
            "hangup_direction": 10040,
            "recording": "https://records.example.net/526d637c.mp3?sign=a%2Fb",
            "state": "complete",
            "has_ring": True,
            "has_answer": True,
            "has_hangup": True,
            "has_cdr": True,
        },
    ),
    SampleCall(
        name="an agent's leg, CDR named by buuid",
        dialect="common-api",
        payloads=(
            dict(RING_001),
            status(RING_001, "answer", is_b=True),
            status(RING_001, "hangup", is_b=True),
            {
                **CDR_001,
                "companycode": "2028",
                "callmethod": "5",
                "starttime": "2021-02-09 16:05:45",
                "answertime": "2021-02-09 16:05:51",
                "endtime": "2021-02-09 16:06:21",
                "duration": "6",
                "billsec": "30",
                "crmid": "42",
                "disnumber": "2120280001",
                "destnumber": "89683227899",
                "extnumber": "20280005",
                "recordfilename": "/2021/02/09/9c6f2092.wav",
                "downloadip": "192.0.2.17",
                "uuid": B_001,
            },
        ),
        row={
            "call_id": A_001,
            "uuid": A_001,
            "legs": [A_001, B_001],
            "method": "predictive",
            "extension": "20280005",
            "agent_id": "42",
            "started_at": utc("2021-02-09 08:05:45"),
            "answered_at": utc("2021-02-09 08:05:51"),
            "ended_at": utc("2021-02-09 08:06:21"),
            "ring_seconds": 6.0,
            "talk_seconds": 30.0,
            "outcome": "answered",
            "recording": "192.0.2.17/2021/02/09/9c6f2092.wav",
            "state": "complete",
        },
    ),
    SampleCall(
        name="rung in vain, CDR not yet in",
        dialect="common-api",
        payloads=(dict(RING_000), status(RING_000, "hangup", is_b=False)),
        row={
            "call_id": A_000,
            "outcome": "unanswered",
            "answered_at": None,
            "talk_seconds": 0.0,
            "state": "ended",
            "has_cdr": False,
        },
    ),
)
