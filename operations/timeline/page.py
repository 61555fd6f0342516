"""A call laid out for people to read. Pure: what is printed, and where, is the caller's business."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from operations.timeline.document import readable
from operations.timeline.spelled import Spelled
from runtime.terminal import visible
from schemas.times import SECOND, microseconds, moment
from sinks.shown import LIST

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from rich.console import RenderableType

    from operations.timeline.masks import Masks
    from operations.timeline.model import Kept
    from operations.timeline.timeline import Moment, Timeline
    from schemas.events import CallEvent

NONE = "-"

_ELSEWHERE = ("event_", "cdr_")
_COUNTED = frozenset({"account", "call_id", "legs", "sources", "dialects", "kinds", "events"})
"""Columns of the row that have a place of their own on the page."""


class Page:
    """One call's page; control characters in a provider's texts are made visible."""

    def __init__(self, timeline: Timeline, masks: Masks) -> None:
        self._timeline = timeline
        self._masks = masks
        self._whole = timeline.whole
        self._legs = Spelled.of(self._whole)
        events = [each.event.event_id for each in timeline.moments]
        self._events = {event_id: f"#{number}" for number, event_id in enumerate(events, 1)}

    def parts(self, *, raw: bool) -> Iterator[RenderableType]:
        """Return the parts, from top to bottom."""
        yield Text(f"Call {visible(self._whole.call_id)} of account {visible(self._whole.account)}", "bold")
        yield self._row()
        yield from self._part("Legs", self._leg_table(), "none")
        yield from self._part("Events, by when they happened", self._event_table(), "none in the table")
        yield from self._part("Callbacks that reported them", self._callback_table(), "none")
        yield from self._part("CDR", self._cdr_table(), "none")
        yield from self._part("Gaps", self._gap_table(), "none")
        yield from self._part("Where each value came from", self._source_table(), "unknown without events")
        yield from self._part("Changes", self._change_table(), "none since the first event")
        if raw:
            yield from self._raw()

    def _part(self, title: str, table: Table, without: str) -> Iterator[RenderableType]:
        yield Text(f"\n{title}" if table.row_count else f"\n{title}: {without}", "bold")
        if table.row_count:
            yield Padding(table, (0, 0, 0, 2), expand=False)

    def _row(self) -> RenderableType:
        table = _table("", "")
        for name, value in self._whole.row.items():
            if value not in (None, "", [], {}) and name not in _COUNTED and not name.startswith(_ELSEWHERE):
                table.add_row(name, self._show(name, value))
        table.show_header = False
        return Padding(table, (0, 0, 0, 2), expand=False)

    def _leg_table(self) -> Table:
        table = _table("", "leg", "side", "extension", "rang", "answered", "ended", "outcome")
        for leg in sorted(self._whole.legs, key=lambda leg: str(leg["leg_id"])):
            told = [self._show(name, leg[name]) for name in ("side", "extension")]
            times = [self._since_start(leg[name]) for name in ("rang_at", "answered_at", "ended_at")]
            outcome = self._show("outcome", leg["outcome"])
            id_ = leg["leg_id"]
            table.add_row(self._legs.name(id_, ""), visible(self._legs.written(id_)), *told, *times, outcome)
        return table

    def _event_table(self) -> Table:
        table = _table(
            "",
            "happened (UTC)",
            "since start",
            "delay",
            "kind",
            "leg",
            "side",
            "differs from row",
            "in doubt",
        )
        for each in self._timeline.moments:
            event = each.event
            table.add_row(
                self._events[event.event_id],
                self._show("", moment(event.occurred_at)),
                _seconds(each.since_start),
                NONE if each.delay is None else _seconds(each.delay),
                event.kind,
                visible(self._legs.name(event.leg)),
                event.side or NONE,
                self._unlike_the_row(each),
                ", ".join(f"{self._text(doubt.field)} {doubt.code}" for doubt in event.doubts),
            )
        return table

    def _unlike_the_row(self, each: Moment) -> str:
        row = self._whole.row
        said = {name: value for name, value in each.said().items() if name in row and row[name] != value}
        return ", ".join(f"{name} {self._show(name, value)}" for name, value in said.items())

    def _callback_table(self) -> Table:
        table = _table("", "event", "callback", "received (UTC)", "status", "topic", "partition", "offset")
        for each in self._timeline.moments:
            number = self._events[each.event.event_id]
            for id_, kept in each.callbacks:
                came = NONE if kept is None else self._show("", moment(kept.received_at))
                status = "not archived" if kept is None else kept.status
                table.add_row(number, each.event.event_id, visible(id_), came, status, *_place(kept))
        return table

    def _cdr_table(self) -> Table:
        table = _table("", "")
        table.show_header = False
        for name, value in self._whole.row.items():
            if name.startswith("cdr_") and value is not None:
                table.add_row(name.removeprefix("cdr_"), self._show(name, value))
        return table

    def _gap_table(self) -> Table:
        table = _table("", "", "")
        table.show_header = False
        for gap in self._timeline.gaps:
            told = (f"{teller} {self._show(gap.column, value)}" for teller, value in gap.values.items())
            about = [self._legs.name(gap.leg, ""), *(self._events.get(each, each) for each in gap.events)]
            where = [gap.column, ", ".join(told), " ".join(filter(None, about))]
            table.add_row(gap.code, gap.text, ": ".join(filter(None, where)))
        return table

    def _source_table(self) -> Table:
        table = _table("field", "value", "from", "topic", "partition", "offset")
        for source in self._timeline.sources:
            shown = (source.column, self._show(source.column, source.value))
            for event in source.events:
                table.add_row(*shown, *self._from(event))
                shown = ("", "")
        return table

    def _from(self, event: CallEvent) -> tuple[str, ...]:
        kept = self._whole.callbacks.get(event.callback_id)
        return (f"{self._events.get(event.event_id, '')} {event.kind}", *_place(kept))

    def _change_table(self) -> Table:
        """Return what changed after the first event."""
        table = _table("revision", "received (UTC)", "by", "field", "before", "after")
        for change in self._timeline.changes:
            if change.revision > 1:
                table.add_row(
                    str(change.revision),
                    self._show("", moment(change.received_at)),
                    self._events.get(change.event_id, ""),
                    change.field,
                    *(self._written(change.field, text) for text in (change.before, change.after)),
                )
        return table

    def _written(self, field: str, text: str | None) -> str:
        if text is not None and field == "legs":
            text = self._leg_names(text.split(LIST))
        return visible(self._masks.written(field, text) or NONE)

    def _leg_names(self, legs: Iterable[str]) -> str:
        """Return the short names of legs: several spellings of one have one name."""
        return LIST.join(dict.fromkeys(map(self._legs.name, legs)))

    def _raw(self) -> Iterator[RenderableType]:
        for each in self._timeline.moments:
            for id_, kept in each.callbacks:
                yield Text(f"\nBytes of {self._events[each.event.event_id]}, callback {visible(id_)}", "bold")
                yield from self._bytes(kept)

    def _bytes(self, kept: Kept | None) -> Iterator[RenderableType]:
        if kept is None or kept.payload is None:
            yield Text("  not in the archive")
            return
        place = f"{kept.topic} {kept.partition} {kept.offset}"
        yield Text(f"  {kept.method} {visible(kept.content_type)}, {len(kept.payload)} bytes, {place}")
        if kept.query:
            yield Text(f"  ?{self._text(readable(kept.query))}")
        text = visible(self._masks.text(readable(kept.payload)), lines=True)
        yield Padding(Text(text), (0, 0, 0, 2), expand=False)

    def _text(self, text: str) -> str:
        return visible(self._masks.text(text))

    def _since_start(self, time: datetime | None) -> str:
        return NONE if time is None else _seconds(microseconds(time) - self._timeline.start)

    def _show(self, name: str, value: Any) -> str:
        shown = self._masks.value(name, value)
        if isinstance(shown, list):
            return visible(self._leg_names(shown) if name == "legs" else LIST.join(map(str, shown)))
        return NONE if shown in (None, "") else _plain(name, shown)


def _plain(name: str, value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M:%S.%f}".rstrip("0").removesuffix(".")
    if isinstance(value, float) and name.endswith("_seconds"):
        return _seconds(round(value * SECOND), signed=False)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return visible(str(value))


def _place(kept: Kept | None) -> tuple[str, str, str]:
    return (NONE,) * 3 if kept is None else (kept.topic, str(kept.partition), str(kept.offset))


def _seconds(us: int, *, signed: bool = True) -> str:
    return f"{us / SECOND:{'+' if signed else ''}.3f}".rstrip("0").removesuffix(".") + " s"


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table
