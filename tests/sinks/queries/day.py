"""One day of a small call centre: twenty calls, by which every metric is worked out by hand in the tests.

All on 2024-03-04, UTC. `shop` is the only source, `acme` the account.

call  what                                  extension  rang      answered  ended     wait talk  outcome
p1    campaign spring, agent after 1 s      8001       09:00:03  09:00:10  09:01:11   10   61   answered
p2    spring, agent after 3 s               8002       09:05:05  09:05:10  09:05:43   10   33   answered
p3    spring, no agent                      -          -         09:10:10  09:10:20   10   10   answered
p4    spring, a CDR alone                   8001       -         09:20:05  09:20:35    5   30   answered
p5    spring, a CDR alone                   -          -         -         09:25:20   20    0   unanswered
i1    inbound on 4000                       8001       09:30:00  09:30:10  09:31:10   10   60   answered
i2    inbound on 4000                       8002       09:31:00  09:31:20  09:31:50   20   30   answered
i3    inbound on 4000                       8002       09:32:00  09:32:30  09:32:40   30   10   answered
i4    inbound on 4000                       8004       09:33:00  -         09:33:05    5    0   unanswered
i5    inbound on 4000                       8004       09:34:00  -         09:34:40   40    0   unanswered
i6    inbound on 4000, over the hour        8001       09:55:00  09:56:00  10:06:00   60  600   answered
i7    inbound on 4000, during i6            8001       10:02:00  10:03:00  10:08:00   60  300   answered
r1    requested at 11:00:00                 8003       11:00:02  11:00:08  11:00:54    8   46   answered
r2    requested at 11:10:00                 8003       11:10:04  -         11:10:24   20    0   unanswered
r3    requested at 11:20:00, and no more    -          -         -         -           -    -   (requested)
o1    outbound                              8005       12:00:00  -         12:00:01    1    0   congestion
o2    outbound                              8005       12:01:00  -         12:01:02    2    0   busy
o3    outbound                              8005       12:02:00  -         12:02:03    3    0   unavailable
o4    outbound, a hangup alone              8005       -         -         12:03:04    -    0   cancelled
o5    outbound, open                        8005       12:04:00  -         -           -    -

p and r are of common-api, i and o of extension-events. In p, leg a is the customer and b the agent; in r, leg
a is the extension, picked up at 11:00:04, and its leg has no end of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from schemas.events import CallEvent
from tests.kit import events as kit
from tests.sinks import folded

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from schemas.events import CallEvent

ACCOUNT = "acme"
MIDNIGHT = 1_709_510_400_000_000
"""Of 2024-03-04, microseconds since 1970 UTC."""


def at(clock: str) -> int:
    """From "09:00:10.5" of that day to microseconds since 1970 UTC."""
    hours, minutes, seconds = clock.split(":")
    return MIDNIGHT + round((int(hours) * 3600 + int(minutes) * 60 + float(seconds)) * 1e6)


class Told:
    """Numbers the events, so that each has an id."""

    def __init__(self) -> None:
        self.count = 0

    def event(self, call: str, kind: str, clock: str, leg: str = "", **said: Any) -> CallEvent:
        """An event of a call, received when it happened."""
        self.count += 1
        return kit.event(
            kind,
            leg or call,
            event_id=f"{self.count:04x}",
            callback_id=f"callback-{self.count}",
            account=ACCOUNT,
            source="shop",
            dialect="common-api" if call[0] in "pr" else "extension-events",
            ids=tuple(sorted({call, leg or call})),
            received_at=at(clock),
            occurred_at=at(clock),
            **said,
        )


def events() -> Iterator[CallEvent]:
    """Every event of the day."""
    told = Told()
    yield from _campaign(told)
    yield from _inbound(told)
    yield from _requested(told)
    yield from _outbound(told)


def _campaign(told: Told) -> Iterator[CallEvent]:
    spring = {"direction": "outbound", "method": "predictive", "campaign": "spring"}

    def bill(call: str, start: str, answer: str, end: str, *, ring: int, talk: int, **said: Any) -> CallEvent:
        billed: dict[str, Any] = {
            "started_at": at(start),
            "ended_at": at(end),
            "ring_time": ring * 1_000_000,
            "talk_time": talk * 1_000_000,
            "outcome": "answered" if answer else "unanswered",
            "callee": f"1390000000{call[1]}",
            "hangup_cause": 10000 if answer else 10020,
            "hangup_direction": 10040,
        }
        if answer:
            billed["answered_at"] = at(answer)
        return told.event(call, "cdr", end, **spring, **billed, **said)

    start = at("09:00:00")
    yield told.event("p1", "ring", "09:00:03", "p1", side="a", started_at=start, **spring)
    yield told.event("p1", "answer", "09:00:10", "p1", side="a", **spring)
    yield told.event("p1", "ring", "09:00:10.5", "p1b", side="b", extension="8001", **spring)
    yield told.event("p1", "answer", "09:00:11", "p1b", side="b", extension="8001", **spring)
    yield told.event("p1", "hangup", "09:01:11", "p1b", side="b", extension="8001", **spring)
    yield bill("p1", "09:00:00", "09:00:10", "09:01:11", ring=10, talk=61, extension="8001")
    start = at("09:05:00")
    yield told.event("p2", "ring", "09:05:05", "p2", side="a", started_at=start, **spring)
    yield told.event("p2", "answer", "09:05:10", "p2", side="a", **spring)
    yield told.event("p2", "ring", "09:05:12", "p2b", side="b", extension="8002", **spring)
    yield told.event("p2", "answer", "09:05:13", "p2b", side="b", extension="8002", **spring)
    yield told.event("p2", "hangup", "09:05:43", "p2b", side="b", extension="8002", **spring)
    yield bill("p2", "09:05:00", "09:05:10", "09:05:43", ring=10, talk=33, extension="8002")
    yield told.event("p3", "answer", "09:10:10", "p3", side="a", **spring)
    yield bill("p3", "09:10:00", "09:10:10", "09:10:20", ring=10, talk=10)
    yield bill("p4", "09:20:00", "09:20:05", "09:20:35", ring=5, talk=30, extension="8001")
    yield bill("p5", "09:25:00", "", "09:25:20", ring=20, talk=0)


def _inbound(told: Told) -> Iterator[CallEvent]:
    for call, extension, rang, answered, ended in (
        ("i1", "8001", "09:30:00", "09:30:10", "09:31:10"),
        ("i2", "8002", "09:31:00", "09:31:20", "09:31:50"),
        ("i3", "8002", "09:32:00", "09:32:30", "09:32:40"),
        ("i4", "8004", "09:33:00", "", "09:33:05"),
        ("i5", "8004", "09:34:00", "", "09:34:40"),
        ("i6", "8001", "09:55:00", "09:56:00", "10:06:00"),
        ("i7", "8001", "10:02:00", "10:03:00", "10:08:00"),
    ):
        said = {"direction": "inbound", "callee": "4000", "extension": extension}
        yield told.event(call, "dial", rang, started_at=at(rang), **said)
        if answered:
            yield told.event(call, "answer", answered, **said)
        yield told.event(call, "hangup", ended, outcome="answered" if answered else "unanswered", **said)


def _requested(told: Told) -> Iterator[CallEvent]:
    said: dict[str, Any] = {"direction": "outbound", "method": "api", "callee": "13900000009"}
    hers = {**said, "side": "a", "extension": "8003"}
    yield told.event("r1", "requested", "11:00:00", requested_by="8003")
    yield told.event("r1", "ring", "11:00:02", "r1", started_at=at("11:00:00"), **hers)
    yield told.event("r1", "answer", "11:00:04", "r1", **hers)
    yield told.event("r1", "answer", "11:00:08", "r1b", side="b", **said)
    yield told.event("r1", "hangup", "11:00:54", "r1b", side="b", **said)
    billed: dict[str, Any] = {"extension": "8003", "hangup_cause": 10000, "hangup_direction": 10041}
    yield told.event(
        "r1",
        "cdr",
        "11:00:55",
        started_at=at("11:00:00"),
        answered_at=at("11:00:08"),
        ended_at=at("11:00:54"),
        ring_time=8_000_000,
        talk_time=46_000_000,
        outcome="answered",
        **said,
        **billed,
    )
    yield told.event("r2", "requested", "11:10:00", requested_by="8003")
    yield told.event("r2", "ring", "11:10:04", "r2", started_at=at("11:10:00"), **hers)
    yield told.event("r2", "hangup", "11:10:24", "r2", **hers)
    yield told.event("r3", "requested", "11:20:00", requested_by="8003", **said)


def _outbound(told: Told) -> Iterator[CallEvent]:
    said = {"direction": "outbound", "callee": "13900000008", "extension": "8005"}
    for call, dialled, ended, outcome in (
        ("o1", "12:00:00", "12:00:01", "congestion"),
        ("o2", "12:01:00", "12:01:02", "busy"),
        ("o3", "12:02:00", "12:02:03", "unavailable"),
        ("o4", "", "12:03:04", "cancelled"),
        ("o5", "12:04:00", "", ""),
    ):
        if dialled:
            yield told.event(call, "dial", dialled, started_at=at(dialled), **said)
        if ended:
            yield told.event(call, "hangup", ended, outcome=outcome, **said)


def write(settings: Settings) -> None:
    """In two inserts: of each call first the row of every second event, then that of all."""
    told = list(events())
    for some in (told[::2], told):
        calls: dict[str, list[CallEvent]] = {}
        for event in some:
            calls.setdefault(event.ids[0], []).append(event)
        folded.write(settings, *calls.values())
