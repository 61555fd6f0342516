"""What a sample call is, and how a `Call` compares with the columns that are expected of it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from schemas.calls import Call

Columns = dict[str, Any]
"""By the names of `calls`; times are aware, durations are seconds."""

IDS = frozenset({"uuid", "buuid", "CallID", "SubCallID", "CallBackID"})
ROW_IDS = frozenset({"call_id", "uuid"})

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class SampleCall:
    """One call, as a provider tells it."""

    name: str
    dialect: Literal["common-api", "extension-events"]
    payloads: tuple[dict[str, object], ...]
    """The fields of its callbacks, in the order in which they would come."""
    row: Columns
    """What its payloads say of the row; what depends on when they are received is left out."""
    timezone: str = "Asia/Shanghai"

    def renamed(self, prefix: str) -> SampleCall:
        """The same call under other ids: samples share some, and calls of one account must not."""
        payloads = tuple(
            {name: f"{prefix}{value}" if name in IDS else value for name, value in payload.items()}
            for payload in self.payloads
        )
        row = {name: f"{prefix}{value}" if name in ROW_IDS else value for name, value in self.row.items()}
        if "legs" in row:
            row["legs"] = sorted(f"{prefix}{leg}" for leg in row["legs"])
        return replace(self, payloads=payloads, row=row)


def utc(text: str) -> datetime:
    """A time in UTC."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def columns(call_id: str, call: Call) -> Columns:
    """A call as its row in `calls`."""
    row = {"call_id": call_id, **asdict(call)}
    row["legs"] = list(call.legs)
    for name in [each for each in row if each.endswith("_at")]:
        row[name] = None if row[name] is None else EPOCH + timedelta(microseconds=row[name])
    for name in ("ring_time", "talk_time"):
        value = row.pop(name)
        row[name.replace("_time", "_seconds")] = None if value is None else value / 1e6
    return row
