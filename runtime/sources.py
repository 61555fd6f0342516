"""Sources: who may send us callbacks, with whose account, dialect and time zone; one TOML file holds them.

    [sources.shanghai]
    account = "104026"
    dialect = "common-api"
    timezone = "Asia/Shanghai"
    country = "CN"                # of phone numbers without a +; unknown otherwise
    close_after_seconds = 600     # a call without news for so long is closed; else correlate.silence_seconds
    token_sha256 = "…"            # the token itself is written nowhere
    added_at = 2026-01-31T12:00:00Z

A removed source keeps its entry, without a token, since callbacks that it sent before must stay readable.
Keys that are not known here, as a provider's own settings, are kept when the file is rewritten; comments and
the order of the keys are not.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import re
import secrets
import threading
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal
from zoneinfo import ZoneInfo

import structlog
import tomli_w
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import CallweaveError
from runtime.files import replace_file
from schemas import dialects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

log = structlog.get_logger(__name__)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
COUNTRY = re.compile(r"[A-Z]{2}")
NOBODY = bytes(32)
"""Stands in for a removed source's digest, so that it costs the same; no token has it as its SHA-256."""

WORDS = {
    "missing": "is missing",
    "string_type": "must be text",
    "model_type": "must be a table",
    "dict_type": "must be a table",
}


class SourcesError(CallweaveError):
    """The file of sources can't be used, or the change asked for makes no sense; the text says what to do."""


def checked_name(name: str) -> str:
    """A source's or an account's name: it stands in topics' keys, headers and columns."""
    if not NAME.fullmatch(name):
        raise ValueError("must begin with a letter or digit and hold up to 64 of A-Z a-z 0-9 _ . -")
    return name


def checked_timezone(timezone: str) -> str:
    """An IANA name."""
    try:
        ZoneInfo(timezone)
    except (KeyError, ValueError, OSError):  # zoneinfo raises each of these for a name that is none
        raise ValueError("must be an IANA time zone, such as Asia/Shanghai") from None
    return timezone


def checked_country(country: str) -> str:
    """An ISO 3166 code of two letters."""
    if not COUNTRY.fullmatch(country):
        raise ValueError("must be an ISO 3166 code of two capital letters, such as CN")
    return country


Name = Annotated[str, AfterValidator(checked_name)]
Setting = Literal["timezone", "close_after_seconds", "country"]
"""What may change while a source goes on; whose callbacks they are, and in which dialect, may not."""


class Source(BaseModel):
    """One configured sender."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    name: Name
    account: Name
    """The tenant: ids of different accounts never meet."""
    dialect: Annotated[str, AfterValidator(dialects.checked)]
    timezone: Annotated[str, AfterValidator(checked_timezone)]
    """Of the times that the provider writes without one."""
    close_after_seconds: float | None = Field(default=None, ge=1, allow_inf_nan=False)
    """A call without news for so long is closed; None for `correlate.silence_seconds`."""
    country: Annotated[str, AfterValidator(checked_country)] | None = None
    """Of the phone numbers that the provider writes without a +; None where that is unknown."""
    token_sha256: str | None = Field(default=None, pattern=r"^[0-9a-f]{64}$", repr=False)
    """None for a removed source alone."""
    added_at: AwareDatetime
    removed_at: AwareDatetime | None = None

    @property
    def active(self) -> bool:
        """Whether its token is still good."""
        return self.removed_at is None


@dataclass(frozen=True)
class Sources:
    """All sources, the removed ones too, by name."""

    by_name: Mapping[str, Source]

    def __iter__(self) -> Iterator[Source]:
        return iter(self.by_name.values())

    def get(self, name: str) -> Source | None:
        """A source, removed or not."""
        return self.by_name.get(name)

    def by_token(self, token: str) -> Source | None:
        """Whose token it is; takes as long whether it is somebody's or nobody's."""
        given = digest_of(token).digest()
        found = None
        for digest, source in self._digests:
            if hmac.compare_digest(digest, given):
                found = source
        return found

    @cached_property
    def _digests(self) -> list[tuple[bytes, Source]]:
        hexes = ((source.token_sha256, source) for source in self.by_name.values())
        return [(bytes.fromhex(digest) if digest else NOBODY, source) for digest, source in hexes]


def digest_of(token: str) -> hashlib._Hash:
    """What is kept of a token. Tokens are 256 random bits: there is nothing to slow a guesser down for."""
    return hashlib.sha256(token.encode("utf-8", "replace"))


def load(path: Path) -> Sources:
    """Read the file; a missing one holds no sources; raise `SourcesError` with every mistake at once."""
    return validated(path, read_document(path))


def read_document(path: Path) -> dict[str, Any]:
    """The TOML document as it is; raise `SourcesError`."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SourcesError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise SourcesError(f"{path}: can't be read: {error.strerror}") from None


def validated(path: Path, document: Mapping[str, Any]) -> Sources:
    """The sources of a document; raise `SourcesError` with every mistake at once."""
    tables = document.get("sources", {})
    if not isinstance(tables, dict):
        raise SourcesError(f"{path}: sources must be a table of tables, as in [sources.NAME]")
    by_name: dict[str, Source] = {}
    problems: list[str] = []
    for name, table in tables.items():
        try:
            fields = {**table, "name": name} if isinstance(table, dict) else table
            by_name[name] = Source.model_validate(fields)
        except ValidationError as error:
            details = error.errors(include_url=False, include_input=False)
            problems.extend(f"sources.{name}: {sentence(detail)}" for detail in details)
    problems.extend(contradictions(by_name))
    if problems:
        raise SourcesError("\n".join(f"{path}: {problem}" for problem in problems))
    return Sources(by_name)


def sentence(detail: ErrorDetails) -> str:
    """A mistake without the value that was found: it may be a token."""
    field = ".".join(str(part) for part in detail["loc"])
    words = WORDS.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
    return f"{field} {words}".strip()


def contradictions(by_name: Mapping[str, Source]) -> Iterator[str]:
    """What is wrong with sources that are each well-formed."""
    owner: dict[str, str] = {}
    for name, source in by_name.items():
        if source.active and source.token_sha256 is None:
            yield f"sources.{name}: token_sha256 is missing"
        if not source.active and source.token_sha256 is not None:
            yield f"sources.{name}: was removed and must have no token_sha256"
        if source.token_sha256 and (other := owner.setdefault(source.token_sha256, name)) != name:
            yield f"sources.{name}: has the same token as sources.{other}"


def add(
    path: Path,
    name: str,
    account: str,
    dialect: str,
    timezone: str,
    *,
    close_after_seconds: float | None = None,
    country: str | None = None,
) -> str:
    """Add a source and return its token, which nothing can show again; raise `SourcesError`.

    A removed source may be added again, as what it was: callbacks that it sent before refer to it.
    """
    with edited(path) as tables:
        known = tables.get(name, {})
        wanted = {"account": account, "dialect": dialect, "timezone": timezone}
        if known and "removed_at" not in known:
            raise SourcesError(
                f"{path}: there is a source {name} already; choose another name, or rotate its token."
            )
        if known and any(known[key] != value for key, value in wanted.items()):
            raise SourcesError(
                f"{path}: a removed source was called {name}, with another account, dialect or time zone; "
                "choose another name, since its old callbacks still refer to it."
            )
        known.pop("removed_at", None)
        token = secrets.token_urlsafe(32)
        if close_after_seconds is not None:  # nothing refers to it: it may differ from what it was
            known["close_after_seconds"] = close_after_seconds
        if country is not None:  # the same
            known["country"] = country
        tables[name] = known | wanted | {"token_sha256": digest_of(token).hexdigest(), "added_at": now()}
        return token


def rotate(path: Path, name: str) -> str:
    """Give a source a new token and return it; the old one is void at once; raise `SourcesError`."""
    with edited(path) as tables:
        token = secrets.token_urlsafe(32)
        active(path, tables, name)["token_sha256"] = digest_of(token).hexdigest()
        return token


def change(path: Path, name: str, given: Mapping[Setting, str | float | None]) -> None:
    """Change what is given, None to unset it, and keep the rest, the token too; raise `SourcesError`."""
    with edited(path) as tables:
        table = active(path, tables, name)
        for setting, value in given.items():
            if value is None:
                table.pop(setting, None)
            else:
                table[setting] = value


def remove(path: Path, name: str) -> None:
    """Make a source's token void and keep the rest of its entry; raise `SourcesError`."""
    with edited(path) as tables:
        table = active(path, tables, name)
        del table["token_sha256"]
        table["removed_at"] = now()


def active(path: Path, tables: dict[str, Any], name: str) -> dict[str, Any]:
    """The table of a source that is not removed; raise `SourcesError`."""
    table: dict[str, Any] = tables.get(name, {})
    if not table:
        raise SourcesError(f"{path}: there is no source {name}.")
    if "removed_at" in table:
        raise SourcesError(f"{path}: the source {name} was removed already; `source add` brings it back.")
    return table


def now() -> datetime:
    """The time, to the second, as it stands in the file."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def edited(path: Path) -> Iterator[dict[str, Any]]:
    """The tables of the sources, to be changed; checked and written as a whole at the end, or not at all.

    One writer at a time, whichever process it is in; a reader sees the old file or the new one, which is
    readable by us alone.
    """
    path = path.resolve()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f"{path.name}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        document = read_document(path)
        validated(path, document)
        yield document.setdefault("sources", {})
        validated(path, document)
        replace_file(path, tomli_w.dumps(document).encode())


class SourcesFile:
    """The sources as the file says now, for a process that runs on while people change them."""

    CHECK_SECONDS = 0.5

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file; raise `SourcesError` if it can't be used."""
        self.path = path
        self.problem: str | None = None
        """Why the file can't be used now, None while it can: the sources are those of the last good one."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signature = signature(path)
        self._sources = load(path)
        self._checked = monotonic()

    def current(self) -> Sources:
        """The sources of the newest good version; looks at the file at most every half second."""
        if self._monotonic() - self._checked >= self.CHECK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._checked = self._monotonic()
                self._reload_if_changed()
            finally:
                self._lock.release()
        return self._sources

    def get(self, name: str) -> Source | None:
        """A source by its name, removed or not; one that is not known is looked for in the file at once.

        The ingress may have read the file a moment earlier than the process that asks.
        """
        found = self.current().get(name)
        if found is None:
            with self._lock:
                self._reload_if_changed()
            found = self._sources.get(name)
        return found

    def _reload_if_changed(self) -> None:
        found = signature(self.path)
        if found == self._signature:
            return
        self._signature = found
        try:
            self._sources = load(self.path)
        except SourcesError as error:
            self.problem = str(error)
            log.error("sources file is broken, going on with its last good version", problem=self.problem)  # noqa: TRY400
        else:
            self.problem = None
            active_now = sum(source.active for source in self._sources)
            log.info("sources read", path=str(self.path), active=active_now)


def signature(path: Path) -> tuple[int, int, int] | None:
    """What changes whenever a file does; None for one that is not there."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ino, stat.st_size
