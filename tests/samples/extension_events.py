"""Calls in the dialect `extension-events`, made after the rules of provider documents 003 and 004."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tests.samples.calls import EPOCH, SampleCall

if TYPE_CHECKING:
    from datetime import datetime

Payload = dict[str, object]

SECOND = 1_000_000
START = 1_700_000_000 * SECOND

CLIENT = "+79817654321"
DID = "+78123092829"
QUEUE = "000*400@sip.example.org"
IVR = "000*099@sip.example.org"
ANNA = "000*101@sip.example.org"
BORIS = "000*102@sip.example.org"


def at(second: float) -> datetime:
    """A time after the start of a sample call."""
    return EPOCH + timedelta(microseconds=START + second * SECOND)


def event(event_type: str, call: str, part: str, second: float, **fields: str) -> Payload:
    """One event of a call, so many seconds after its start."""
    status = {"dial-in": "CALLING", "dial-out": "CALLING", "answer": "ANSWER"}.get(event_type)
    return {
        "EventType": event_type,
        "CallID": call,
        "SubCallID": part,
        "EventTime": str(START + int(second * SECOND)),
        "CallAPIID": f"{call}-api",
        **({"CallStatus": status} if status else {}),
        **fields,
    }


def us(seconds: float) -> str:
    """A duration as the provider writes it."""
    return str(int(seconds * SECOND))


def waiting(extension: str) -> dict[str, str]:
    """A client's call in a queue or an IVR: its `in` thread."""
    return {"CallFlow": "IN", "CallerIDNum": CLIENT, "CalledDID": DID, "CalledExtension": extension}


def offered(agent: str) -> dict[str, str]:
    """A queue's call to an agent: an `out` thread."""
    return {
        "CallFlow": "OUT",
        "CallerIDNum": CLIENT,
        "CallerExtension": QUEUE,
        "CalledDID": DID,
        "CalledExtension": agent,
    }


CALL_OF_175 = {
    "myid": "175",
    "CallFlow": "out",
    "CallerIDNum": "000*099",
    "CallerExtension": "000*099@sip.example.org",
    "CallerExtensionID": "175",
    "CalledNumber": "00010005",
    "ANI": DID,
}
"""The example of document 003: what the extension number 175 tells of its call to 00010005."""

FORWARDED = {
    "CallFlow": "OUT",
    "CallerIDNum": CLIENT,
    "CallerExtension": ANNA,
    "CalledNumber": "+79990000001",
    "ANI": DID,
    "Transfered": "yes",
}

TO_ORIGIN = {
    "CallFlow": "IN",
    "CallerIDNum": "101",
    "CalledExtension": ANNA,
    "Tag": "spring",
}
TO_DESTINATION = {
    "CallFlow": "OUT",
    "CallerIDNum": "101",
    "CallerExtension": ANNA,
    "CalledNumber": CLIENT,
    "ANI": DID,
    "Tag": "spring",
}

CALLS = (
    SampleCall(
        name="an outgoing call, as in document 003's example",
        dialect="extension-events",
        payloads=(
            event("dial-out", "c1", "c1-1", 0, **CALL_OF_175),
            event("answer", "c1", "c1-1", 5.5, **CALL_OF_175),
            event(
                "hangup",
                "c1",
                "c1-1",
                65.5,
                CallStatus="ANSWER",
                Duration=us(60),
                RecID="rec-1",
                **CALL_OF_175,
            ),
        ),
        row={
            "call_id": "c1",
            "uuid": "c1",
            "legs": ["c1", "c1-1"],
            "dialect": "extension-events",
            "direction": "outbound",
            "method": None,
            "caller": "000*099",
            "callee": "00010005",
            "display_number": DID,
            "extension": "000*099@sip.example.org",
            "started_at": at(0),
            "rang_at": at(0),
            "answered_at": at(5.5),
            "ended_at": at(65.5),
            "ring_seconds": 5.5,
            "talk_seconds": 60.0,
            "outcome": "answered",
            "recording": "rec-1",
            "state": "complete",
            "has_ring": True,
            "has_answer": True,
            "has_hangup": True,
            "has_cdr": False,
        },
    ),
    SampleCall(
        name="a queue call with two agents",
        dialect="extension-events",
        payloads=(
            event("dial-in", "q1", "q1-0", 0, **waiting(QUEUE)),
            event("dial-in", "q1", "q1-1", 2, **offered(ANNA)),
            event("hangup", "q1", "q1-1", 17, CallStatus="NOANSWER", Duration="0", **offered(ANNA)),
            event("dial-in", "q1", "q1-2", 18, **offered(BORIS)),
            event("answer", "q1", "q1-2", 23, **offered(BORIS)),
            event(
                "hangup",
                "q1",
                "q1-2",
                83,
                CallStatus="ANSWER",
                Duration=us(60),
                RecID="rec-q",
                **offered(BORIS),
            ),
            event(
                "hangup",
                "q1",
                "q1-0",
                83.2,
                CallStatus="ANSWER",
                Bridged="yes",
                Duration=us(83.2),
                BridgedDuration=us(60),
                **waiting(QUEUE),
            ),
        ),
        row={
            "call_id": "q1",
            "uuid": "q1",
            "legs": ["q1", "q1-0", "q1-1", "q1-2"],
            "direction": "inbound",
            "caller": CLIENT,
            "callee": DID,
            "display_number": DID,
            "extension": BORIS,
            "started_at": at(0),
            "rang_at": at(0),
            "answered_at": at(23),
            "ended_at": at(83.2),
            "ring_seconds": 23.0,
            "talk_seconds": 60.0,
            "outcome": "answered",
            "recording": "rec-q",
            "state": "complete",
            "has_ring": True,
            "has_answer": True,
            "has_hangup": True,
        },
    ),
    SampleCall(
        name="a queue call that nobody answered",
        dialect="extension-events",
        payloads=(
            event("dial-in", "q2", "q2-0", 0, **waiting(QUEUE)),
            event("dial-in", "q2", "q2-1", 1, **offered(ANNA)),
            event("hangup", "q2", "q2-1", 16, CallStatus="NOANSWER", **offered(ANNA)),
            event(
                "hangup",
                "q2",
                "q2-0",
                30,
                CallStatus="ANSWER",
                Bridged="no",
                Duration=us(30),
                **waiting(QUEUE),
            ),
        ),
        row={
            "call_id": "q2",
            "direction": "inbound",
            "extension": QUEUE,
            "answered_at": None,
            "ended_at": at(30),
            "ring_seconds": 30.0,
            "talk_seconds": 0.0,
            "outcome": "unanswered",
            "state": "complete",
        },
    ),
    SampleCall(
        name="an agent of a queue on the phone, another rung before",
        dialect="extension-events",
        payloads=(
            event("dial-in", "q3", "q3-0", 0, **waiting(QUEUE)),
            event("dial-in", "q3", "q3-1", 1, **offered(ANNA)),
            event("hangup", "q3", "q3-1", 16, CallStatus="BUSY", **offered(ANNA)),
            event("dial-in", "q3", "q3-2", 17, **offered(BORIS)),
            event("answer", "q3", "q3-2", 20, **offered(BORIS)),
        ),
        row={
            "call_id": "q3",
            "extension": BORIS,
            "answered_at": at(20),
            "ended_at": None,
            "ring_seconds": 20.0,
            "talk_seconds": None,
            "outcome": "",
            "state": "answered",
        },
    ),
    SampleCall(
        name="an IVR behind which somebody answered",
        dialect="extension-events",
        payloads=(
            event("dial-in", "i1", "i1-0", 0, **waiting(IVR)),
            event(
                "hangup",
                "i1",
                "i1-0",
                50,
                CallStatus="ANSWER",
                Bridged="yes",
                Duration=us(50),
                BridgedDuration=us(30),
                **waiting(IVR),
            ),
        ),
        row={
            "call_id": "i1",
            "direction": "inbound",
            "extension": IVR,
            "answered_at": None,
            "ended_at": at(50),
            "ring_seconds": None,
            "talk_seconds": 30.0,
            "outcome": "answered",
            "state": "complete",
            "has_answer": False,
        },
    ),
    SampleCall(
        name="an IVR that was left",
        dialect="extension-events",
        payloads=(
            event("dial-in", "i2", "i2-0", 0, **waiting(IVR)),
            event(
                "hangup", "i2", "i2-0", 9, CallStatus="ANSWER", Bridged="no", Duration=us(9), **waiting(IVR)
            ),
        ),
        row={
            "call_id": "i2",
            "answered_at": None,
            "ring_seconds": 9.0,
            "talk_seconds": 0.0,
            "outcome": "unanswered",
            "state": "complete",
        },
    ),
    SampleCall(
        name="forwarded to a number outside",
        dialect="extension-events",
        payloads=(
            event("dial-in", "f1", "f1-1", 0, **waiting(ANNA)),
            event("hangup", "f1", "f1-1", 10, CallStatus="NOANSWER", Duration="0", **waiting(ANNA)),
            event("dial-out", "f1", "f1-2", 10, **FORWARDED),
            event("answer", "f1", "f1-2", 16, **FORWARDED),
            event("hangup", "f1", "f1-2", 56, CallStatus="ANSWER", Duration=us(40), **FORWARDED),
        ),
        row={
            "call_id": "f1",
            "direction": "inbound",
            "caller": CLIENT,
            "callee": DID,
            "display_number": DID,
            "extension": ANNA,
            "started_at": at(0),
            "answered_at": at(16),
            "ended_at": at(56),
            "ring_seconds": 16.0,
            "talk_seconds": 40.0,
            "outcome": "answered",
            "state": "complete",
        },
    ),
    SampleCall(
        name="click-to-call: the origin picks up, then the destination",
        dialect="extension-events",
        payloads=(
            event("dial-in", "k1", "k1-1", 0, CallBackID="cb-9", **TO_ORIGIN),
            event("answer", "k1", "k1-1", 4, CallBackID="cb-9", **TO_ORIGIN),
            event("dial-out", "k1", "k1-2", 5, CallBackID="cb-9", **TO_DESTINATION),
            event("answer", "k1", "k1-2", 12, CallBackID="cb-9", **TO_DESTINATION),
            event(
                "hangup",
                "k1",
                "k1-2",
                42,
                CallStatus="ANSWER",
                Duration=us(30),
                CallBackID="cb-9",
                **TO_DESTINATION,
            ),
            event(
                "hangup",
                "k1",
                "k1-1",
                42.1,
                CallStatus="ANSWER",
                Duration=us(38.1),
                CallBackID="cb-9",
                **TO_ORIGIN,
            ),
        ),
        row={
            "call_id": "cb-9",
            "uuid": "k1",
            "legs": ["cb-9", "k1", "k1-1", "k1-2"],
            "direction": "outbound",
            "method": "api",
            "caller": "101",
            "callee": CLIENT,
            "display_number": DID,
            "extension": ANNA,
            "tag": "spring",
            "started_at": at(0),
            "rang_at": at(0),
            "answered_at": at(12),
            "ended_at": at(42.1),
            "ring_seconds": 7.0,
            "talk_seconds": 30.0,
            "outcome": "answered",
            "state": "complete",
        },
    ),
    SampleCall(
        name="click-to-call: the destination is busy",
        dialect="extension-events",
        payloads=(
            event("dial-in", "k2", "k2-1", 0, CallBackID="cb-10", **TO_ORIGIN),
            event("answer", "k2", "k2-1", 4, CallBackID="cb-10", **TO_ORIGIN),
            event("dial-out", "k2", "k2-2", 5, CallBackID="cb-10", **TO_DESTINATION),
            event(
                "hangup",
                "k2",
                "k2-2",
                8,
                CallStatus="BUSY",
                Duration="0",
                CallBackID="cb-10",
                **TO_DESTINATION,
            ),
            event(
                "hangup",
                "k2",
                "k2-1",
                9,
                CallStatus="ANSWER",
                Duration=us(5),
                CallBackID="cb-10",
                **TO_ORIGIN,
            ),
        ),
        row={
            "call_id": "cb-10",
            "direction": "outbound",
            "callee": CLIENT,
            "answered_at": None,
            "ended_at": at(9),
            "ring_seconds": 4.0,
            "talk_seconds": 0.0,
            "outcome": "busy",
            "state": "complete",
        },
    ),
    SampleCall(
        name="hangups alone: answered, then transferred in vain",
        dialect="extension-events",
        payloads=(
            event("hangup", "t1", "t1-1", 30, CallStatus="ANSWER", Duration=us(25), **waiting(ANNA)),
            event("hangup", "t1", "t1-2", 50, CallStatus="NOANSWER", Duration="0", **waiting(BORIS)),
        ),
        row={
            "call_id": "t1",
            "started_at": None,
            "rang_at": None,
            "answered_at": None,
            "ended_at": at(50),
            "ring_seconds": None,
            "talk_seconds": 25.0,
            "outcome": "answered",
            "state": "complete",
            "has_ring": False,
            "has_answer": False,
        },
    ),
    SampleCall(
        name="nobody there: a voice message",
        dialect="extension-events",
        payloads=(
            event("dial-in", "v1", "v1-1", 0, **waiting(ANNA)),
            event("hangup", "v1", "v1-1", 20, CallStatus="NOANSWER", Duration="0", **waiting(ANNA)),
            event("voicemail", "v1", "v1-1", 35, Duration=us(12), RecID="rec-v", **waiting(ANNA)),
        ),
        row={
            "call_id": "v1",
            "extension": ANNA,
            "answered_at": None,
            "ended_at": at(20),
            "ring_seconds": 20.0,
            "talk_seconds": 0.0,
            "outcome": "unanswered",
            "recording": "rec-v",
            "state": "complete",
        },
    ),
)

MESSAGES: tuple[Payload, ...] = (
    {"EventType": "message-in", "EventTime": str(START), "CallFlow": "IN", "Text": "hello"},
    {"EventType": "message-out", "CallID": "m1", "Text": "hello"},
)
"""No calls: they are archived, and become no row."""
