"""A PBX's events about one call: those of its extension numbers (provider document 003)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.model import Webhook, text_fields

if TYPE_CHECKING:
    from schemas.events import Kind, Outcome
    from simulator.model import Fields, Shape
    from simulator.world import Extension

KINDS: dict[str, Kind] = {
    "dial-in": "dial",
    "dial-out": "dial",
    "answer": "answer",
    "hangup": "hangup",
    "voicemail": "voicemail",
}

STATUSES: dict[Outcome, str] = {
    "answered": "ANSWER",
    "busy": "BUSY",
    "unanswered": "NOANSWER",
    "cancelled": "CANCEL",
    "congestion": "CONGESTION",
    "unavailable": "CHANUNAVAIL",
}
"""`CallStatus` of a hangup."""


class Telling:
    def __init__(self, call_id: str, **common: str | None) -> None:
        """`common`: the fields of every event of the call, such as CallAPIID, CallBackID, Tag."""
        self.call_id = call_id
        self.webhooks: list[Webhook] = []
        self._common = {"CallID": call_id, **common}

    def thread(self, part: str, subscriber: Extension, **parties: str | None) -> Thread:
        """A component of the call, with the fields that all of its events have."""
        return Thread(self, part, subscriber, text_fields({**self._common, **parties, "SubCallID": part}))

    def told(self) -> tuple[Webhook, ...]:
        return tuple(sorted(self.webhooks, key=lambda webhook: webhook.at))


class Thread:
    """One component of a call: `dial-in` or `dial-out`, perhaps `answer`, and `hangup`."""

    def __init__(self, telling: Telling, part: str, subscriber: Extension, fields: Fields) -> None:
        self.part = part
        self._telling = telling
        self._subscriber = subscriber
        self._fields = fields

    def dials(self, event_type: str, at: int) -> None:
        self._tell(event_type, at, CallStatus="CALLING")

    def answers(self, at: int) -> None:
        self._tell("answer", at, CallStatus="ANSWER")

    def hangs_up(self, at: int, outcome: Outcome, talked: int = 0, **more: str | None) -> None:
        """The hangup; `talked` is in µs."""
        recording = self.recording if talked else None
        self._tell(
            "hangup", at, CallStatus=STATUSES[outcome], Duration=str(talked), **{"RecID": recording, **more}
        )

    def ends_bridged(self, at: int, outcome: Outcome, lasted: int, talked: int | None) -> None:
        """The hangup of a queue or an IVR; `talked` is the agent's talk time (µs), None if none answered."""
        bridged = {"Bridged": "no"} if talked is None else {"Bridged": "yes", "BridgedDuration": str(talked)}
        self.hangs_up(at, outcome, lasted, **bridged, RecID=None)

    def leaves_message(self, at: int, length: int) -> None:
        """A voice message of this many µs."""
        self._tell("voicemail", at, Duration=str(length), RecID=self.message)

    @property
    def recording(self) -> str | None:
        return f"rec-{self.part}" if self._subscriber.recorded else None

    @property
    def message(self) -> str:
        return f"msg-{self.part}"

    def _tell(self, event_type: str, at: int, **fields: str | None) -> None:
        told = {"EventType": event_type, **self._fields, "EventTime": str(at), **text_fields(fields)}
        subscriber = self._subscriber
        shape: Shape = "query" if subscriber.by_get else "urlencoded"
        self._telling.webhooks.append(Webhook(at, KINDS[event_type], self.part, shape, told, subscriber.id))


def incoming(caller: str, number: str, to: Extension, name: str | None = None) -> dict[str, str | None]:
    """A call to an extension number, a queue or an IVR."""
    return {
        "CallFlow": "IN",
        "CallerIDNum": caller,
        "CallerIDName": name,
        "CalledDID": number,
        "CalledExtension": to.name,
        "CalledExtensionID": to.id,
    }


def offered(caller: str, number: str, queue: Extension, to: Extension) -> dict[str, str | None]:
    """A queue's call to one of its agents: its `out` thread."""
    return {
        "CallFlow": "OUT",
        "CallerIDNum": caller,
        "CallerExtension": queue.name,
        "CallerExtensionID": queue.id,
        "CalledDID": number,
        "CalledExtension": to.name,
        "CalledExtensionID": to.id,
    }


def outgoing(caller: str, by: Extension, callee: str, ani: str | None) -> dict[str, str | None]:
    """A call from an extension number to a number outside."""
    return {
        "CallFlow": "OUT",
        "CallerIDNum": caller,
        "CallerExtension": by.name,
        "CallerExtensionID": by.id,
        "CalledNumber": callee,
        "ANI": ani,
    }
