"""Callbacks of the dialect `extension-events`, by the rules of provider documents 003 and 004."""

from __future__ import annotations

Payload = dict[str, object]

SECOND = 1_000_000
START = 1_700_000_000 * SECOND

CLIENT = "+79817654321"
DID = "+78123092829"
QUEUE = "000*400@sip.example.org"
IVR = "000*099@sip.example.org"
ANNA = "000*101@sip.example.org"
BORIS = "000*102@sip.example.org"


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
