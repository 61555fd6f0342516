"""The CDRs of documents 001 (`form`) and 002 (`json`), field for field."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Literal

from schemas.times import SECOND

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Fields
    from simulator.world import Agent, Company

BY_THEM, BY_US = 10040, 10030
"""`hangupdirection`: the first is from the samples; no document explains them."""

DOWNLOAD_IP = "192.0.2.17"
MINUTE = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Billed:
    """What a CDR is about. Times are µs; the CDR has whole seconds."""

    uuid: str
    method: str
    started_at: int
    answered_at: int | None
    ended_at: int
    display_number: str
    callee: str
    cause: int
    agent: Agent | None = None
    direction: Literal["callin", "callout"] = "callout"
    reference: str = ""
    campaign: str = ""
    round: int = 0
    pressed: str = ""
    flavour: Literal["form", "json"] = "json"

    @property
    def start(self) -> int:
        """In seconds since 1970, like the others."""
        return self.started_at // SECOND

    @property
    def answer(self) -> int | None:
        """None for a call that was not answered."""
        return None if self.answered_at is None else self.answered_at // SECOND

    @property
    def end(self) -> int:
        return self.ended_at // SECOND

    @property
    def waited(self) -> int:
        """`duration`, in seconds."""
        return (self.end if self.answer is None else self.answer) - self.start

    @property
    def talked(self) -> int:
        return 0 if self.answer is None else self.end - self.answer

    @property
    def recording(self) -> str | None:
        """Where its recording is, if an agent talked."""
        if self.agent is None or not self.talked:
            return None
        if self.flavour == "form":
            return f"{DOWNLOAD_IP}{self.file}"
        return f"https://records.example.net{self.file}?sign={self.uuid[:8]}"

    @property
    def file(self) -> str:
        return f"/{self.uuid[24:30]}/{self.uuid}.mp3"


def bill(rng: Random, company: Company, billed: Billed, zone: ZoneInfo) -> Fields:
    """The CDR, in the words and the order of its document."""
    write = _form if billed.flavour == "form" else _json
    return write(rng, company, billed, zone)


def _form(rng: Random, company: Company, billed: Billed, zone: ZoneInfo) -> Fields:
    recorded = billed.recording is not None
    return {
        "type": billed.direction,
        **_measured(billed, zone),
        "crmid": billed.agent.id if billed.agent else "0",
        "memberid": "0",
        "chengshudu": "0",
        "disnumber": billed.display_number,
        "destnumber": billed.callee,
        "extnumber": billed.agent.extension if billed.agent else "000000",
        "recordfilename": billed.file if recorded else "",
        "downloadip": DOWNLOAD_IP if recorded else "",
        "hangupdirection": rng.choice((BY_THEM, BY_US)),
        "hangupcause": billed.cause,
        "companycode": company.code,
        "uuid": billed.uuid,
        "userkey": billed.pressed,
        "customuuid": billed.reference,
    }


def _json(rng: Random, company: Company, billed: Billed, zone: ZoneInfo) -> Fields:
    return {
        "id": rng.randrange(260_000_000, 270_000_000),
        "companycode": company.code,
        "direction": billed.direction,
        "type": billed.direction,
        **_measured(billed, zone),
        "userid": billed.agent.id if billed.agent else "0",
        "memberid": "0",
        "chengshudu": "0",
        "ext": "0",
        "disnumber": billed.display_number,
        "destnumber": billed.callee,
        "extnumber": billed.agent.extension if billed.agent else "",
        "recordfilename": "",
        "downloadip": "",
        "hangupdirection": rng.choice((BY_THEM, BY_US)),
        "hangupcause": billed.cause,
        "uuid": billed.uuid,
        "userkey": billed.pressed,
        "customuuid": billed.reference,
        "taskid": billed.campaign,
        "round": billed.round,
        "recordurl": billed.recording or "",
    }


def _measured(billed: Billed, zone: ZoneInfo) -> Fields:
    """Times and durations, the same in both documents."""
    return {
        "callmethod": int(billed.method),
        "starttime": local(billed.start, zone),
        "answertime": "" if billed.answer is None else local(billed.answer, zone),
        "endtime": local(billed.end, zone),
        "duration": billed.waited,
        "billsec": billed.talked,
    }


def local(second: int, zone: ZoneInfo) -> str:
    """A time (s since 1970) as a CDR writes it: in the source's zone, which it does not name."""
    return f"{_minute(second // MINUTE, zone)}:{second % MINUTE:02}"


@lru_cache(maxsize=4096)
def _minute(minute: int, zone: ZoneInfo) -> str:
    """Cached, since many calls share a minute. No zone is off by parts of a minute."""
    return datetime.fromtimestamp(minute * MINUTE, UTC).astimezone(zone).strftime("%Y-%m-%d %H:%M")
