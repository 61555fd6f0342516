"""Sources: who may send us callbacks, with whose account, dialect and time zone; one TOML file holds them.

    [sources.shanghai]
    account = "104026"
    dialect = "common-api"
    timezone = "Asia/Shanghai"
    charset = "gb18030"           # of texts that are not UTF-8 and name no charset
    country = "CN"                # of phone numbers without a +; unknown otherwise
    close_after_seconds = 600     # a call without news for so long is closed; else correlate.silence_seconds
    token_sha256 = "…"            # the token itself is written nowhere
    added_at = 2026-01-31T12:00:00Z
    paused_at = 2026-02-01T12:00:00Z  # providers are asked to come again, until it is resumed
    requests_per_second = 50.0    # more are answered with 429
    burst = 200                   # but so many may come at once
    revision = 2                  # counts the changes of what its callbacks are read with

    [[sources.shanghai.former_tokens]]  # of a rotation: good until then
    token_sha256 = "…"
    until = 2026-02-03T12:00:00Z

    [[sources.shanghai.former_settings]]  # as they were: callbacks that came then are read with them
    revision = 1
    timezone = "UTC"

Who may send for it, beyond knowing its URL, stands in `[sources.shanghai.sender]` (`runtime/senders.py`).

A removed source keeps its entry, without a token, since callbacks that it sent before must stay readable.
Keys that are not known here, as a provider's own settings, are kept when the file is rewritten; comments and
the order of the keys are not.
"""

from __future__ import annotations

import codecs
import fcntl
import hashlib
import re
import secrets
import threading
import time
import tomllib
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Annotated, Any, Literal

import structlog
import tomli_w
from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from runtime.errors import CallweaveError
from runtime.files import replace_file
from runtime.mistakes import words
from runtime.senders import Sender
from runtime.settings import LONGEST_WAIT_SECONDS, checked_timezone
from schemas import dialects

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pydantic_core import ErrorDetails

log = structlog.get_logger(__name__)

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
COUNTRY = re.compile(r"[A-Z]{2}")
OVERLAP = timedelta(hours=48)
"""How long a token is good beyond its rotation: longer than any provider repeats."""


class SourcesError(CallweaveError):
    """The sources file can't be used, or a change makes no sense; the text says what to do."""


class UnreadError(SourcesError):
    """The sources file could not be read this time, whatever it holds."""


def checked_name(name: str) -> str:
    """Check the name of a source or an account, which topics' keys, headers and columns contain."""
    if not NAME.fullmatch(name):
        raise ValueError("must begin with a letter or digit and hold up to 64 of A-Z a-z 0-9 _ . -")
    return name


def checked_country(country: str) -> str:
    """Check an ISO 3166 code of two letters."""
    if not COUNTRY.fullmatch(country):
        raise ValueError("must be an ISO 3166 code of two capital letters, such as CN")
    return country


def checked_charset(charset: str) -> str:
    """Check that Python knows a text encoding."""
    try:
        str(b"text", codecs.lookup(charset).name, "replace")
    except (LookupError, ValueError):  # ValueError: a NUL in the name
        raise ValueError("must be a text encoding, such as gb18030 or windows-1251") from None
    return charset


Name = Annotated[str, AfterValidator(checked_name)]
Zone = Annotated[str, AfterValidator(checked_timezone)]
Country = Annotated[str, AfterValidator(checked_country)]
Charset = Annotated[str, AfterValidator(checked_charset)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Setting = Literal["timezone", "close_after_seconds", "charset", "country", "requests_per_second", "burst"]
"""What may change while a source goes on; whose callbacks they are, and in which dialect, may not."""
READ_WITH: tuple[Setting, ...] = ("timezone", "charset", "country")
"""Of these, what a callback is read with: a revision is a change of one of them."""


class FormerToken(BaseModel):
    """A rotated token that is still valid for a while."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    token_sha256: Digest = Field(repr=False)
    until: AwareDatetime


class FormerSettings(BaseModel):
    """What callbacks were read with before a change."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    revision: int = Field(ge=1)
    timezone: Zone
    charset: Charset | None = None
    country: Country | None = None


class Source(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)

    name: Name
    account: Name
    """The tenant: ids of different accounts never meet."""
    dialect: Annotated[str, AfterValidator(dialects.checked)]
    timezone: Zone
    """Of the times that the provider writes without one."""
    close_after_seconds: float | None = Field(
        default=None, ge=1, le=LONGEST_WAIT_SECONDS, allow_inf_nan=False
    )
    """A call without news for so long is closed; None for `correlate.silence_seconds`."""
    charset: Charset | None = None
    """Of texts that are not UTF-8 and name no charset; None where that is unknown."""
    country: Country | None = None
    """Of the phone numbers that the provider writes without a +; None where that is unknown."""
    token_sha256: Digest | None = Field(default=None, repr=False)
    """None only for a removed source."""
    former_tokens: tuple[FormerToken, ...] = Field(default=(), repr=False)
    added_at: AwareDatetime
    removed_at: AwareDatetime | None = None
    paused_at: AwareDatetime | None = None
    """Since when its callbacks are not taken; None while they are."""
    revision: int = Field(default=1, ge=1)
    """Of what its callbacks are read with; travels with each."""
    former_settings: tuple[FormerSettings, ...] = ()
    requests_per_second: float | None = Field(default=None, gt=0, allow_inf_nan=False)
    """How many callbacks it may send, on average; more are answered with 429. None for any number."""
    burst: int | None = Field(default=None, ge=1)
    """How many it may send at once; what it may in a second otherwise."""
    sender: Sender | None = None
    """What is asked of who sends, beyond the URL."""

    @property
    def active(self) -> bool:
        return self.removed_at is None

    def as_of(self, revision: int) -> Source:
        """Return the source as it was at a revision; as it is now if that is not known."""
        for former in self.former_settings:
            if former.revision == revision:
                return self.model_copy(update=former.model_dump())
        return self


@dataclass(frozen=True)
class Sources:
    """All sources by name, including removed ones."""

    by_name: Mapping[str, Source]

    def __iter__(self) -> Iterator[Source]:
        return iter(self.by_name.values())

    def get(self, name: str) -> Source | None:
        """Return a source, removed or not."""
        return self.by_name.get(name)

    def by_token(self, token: str) -> Source | None:
        """Return whose token it is. Looked up by its digest, so that the time taken reveals nothing."""
        source, until = self._by_digest.get(digest_of(token).digest(), (None, 0.0))
        return None if until and until <= time.time() else source

    @cached_property
    def _by_digest(self) -> dict[bytes, tuple[Source, float]]:
        """Each source by its digests, and until when each is valid: seconds since 1970, 0 for ever."""
        found: dict[bytes, tuple[Source, float]] = {}
        for source in self.by_name.values():
            for former in source.former_tokens:
                found[bytes.fromhex(former.token_sha256)] = (source, former.until.timestamp())
            if source.token_sha256:
                found[bytes.fromhex(source.token_sha256)] = (source, 0.0)
        return found


def digest_of(token: str) -> hashlib._Hash:
    """Return what is kept of a token. Tokens are 256 random bits, so a slow hash would gain nothing."""
    return hashlib.sha256(token.encode("utf-8", "replace"))


def load(path: Path) -> Sources:
    """Read the file; a missing one holds no sources; raise `SourcesError` with every mistake at once."""
    return validated(path, read_document(path))


def read_document(path: Path) -> dict[str, Any]:
    """The TOML document as it is; raise `SourcesError`, and of these `UnreadError` if it can't be read."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (ValueError, RecursionError) as error:  # ValueError: bad TOML, no UTF-8, a number without end
        raise SourcesError(f"{path}: not valid TOML: {error}") from None
    except OSError as error:
        raise UnreadError(f"{path}: can't be read: {error.strerror}") from None


def validated(path: Path, document: Mapping[str, Any]) -> Sources:
    """Return the sources of a document; raise `SourcesError` with every mistake at once."""
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
    """Describe a mistake without the value that was found: it may be a token."""
    return f"{'.'.join(map(str, detail['loc']))} {words(detail)}".strip()


def contradictions(by_name: Mapping[str, Source]) -> Iterator[str]:
    """Return mistakes in sources that are each well-formed."""
    owner: dict[str, str] = {}
    for name, source in by_name.items():
        if source.active and source.token_sha256 is None:
            yield f"sources.{name}: token_sha256 is missing"
        if not source.active and (source.token_sha256 is not None or source.former_tokens):
            yield f"sources.{name}: was removed and must have no token_sha256"
        for digest in [source.token_sha256, *(former.token_sha256 for former in source.former_tokens)]:
            if digest and (other := owner.setdefault(digest, name)) != name:
                yield f"sources.{name}: has the same token as sources.{other}"


def add(
    path: Path,
    name: str,
    account: str,
    dialect: str,
    timezone: str,
    *,
    close_after_seconds: float | None = None,
    charset: str | None = None,
    country: str | None = None,
) -> str:
    """Add a source and return its token, which nothing can show again; raise `SourcesError`.

    A removed source may be added again with what it had: callbacks that it sent before refer to it.
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
        # nothing refers to these, and a replay reads with what is set now: they may have changed
        more = {"close_after_seconds": close_after_seconds, "charset": charset, "country": country}
        known |= {setting: value for setting, value in more.items() if value is not None}
        tables[name] = known | wanted | {"token_sha256": digest_of(token).hexdigest(), "added_at": now()}
        return token


def rotate(path: Path, name: str, overlap: timedelta = OVERLAP) -> str:
    """Give a source a new token and return it; the old one stays valid for the overlap; raise `SourcesError`.

    Tokens of earlier rotations do too. Without an overlap only the new token is valid, at once.
    """
    with edited(path) as tables:
        table = active(path, tables, name)
        token, time_now = secrets.token_urlsafe(32), now()
        former = [item for item in table.pop("former_tokens", []) if overlap and _until(item) > time_now]
        if overlap:
            former.append({"token_sha256": table["token_sha256"], "until": time_now + overlap})
            table["former_tokens"] = former
        table["token_sha256"] = digest_of(token).hexdigest()
        return token


def _until(former_token: Mapping[str, Any]) -> datetime:
    """Until when a token of a checked file is good; some write the time as a text."""
    return FormerToken.model_validate(former_token).until


def change(path: Path, name: str, given: Mapping[Setting, str | float | None]) -> None:
    """Change what is given, None to unset it; the rest and the token stay; raise `SourcesError`."""
    with edited(path) as tables:
        table = active(path, tables, name)
        before = read_with(table)
        for setting, value in given.items():
            if value is None:
                table.pop(setting, None)
            else:
                table[setting] = value
        if read_with(table) != before:
            revision = int(table.get("revision", 1))
            table["former_settings"] = [*table.get("former_settings", []), {"revision": revision} | before]
            table["revision"] = revision + 1


def read_with(table: Mapping[str, Any]) -> dict[str, Any]:
    """Return what callbacks are read with, as far as it is set."""
    return {setting: table[setting] for setting in READ_WITH if setting in table}


def pause(path: Path, name: str) -> None:
    """Have a source's callbacks refused until `resume`: providers are asked to send them again."""
    with edited(path) as tables:
        active(path, tables, name).setdefault("paused_at", now())


def resume(path: Path, name: str) -> None:
    """Take a paused source's callbacks again."""
    with edited(path) as tables:
        active(path, tables, name).pop("paused_at", None)


def remove(path: Path, name: str) -> None:
    """Make a source's token void and keep the rest of its entry; raise `SourcesError`."""
    with edited(path) as tables:
        table = active(path, tables, name)
        for key in ("token_sha256", "former_tokens", "paused_at"):
            table.pop(key, None)
        table["removed_at"] = now()


def active(path: Path, tables: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the table of a source that is not removed; raise `SourcesError`."""
    table: dict[str, Any] = tables.get(name, {})
    if not table:
        raise SourcesError(f"{path}: there is no source {name}.")
    if "removed_at" in table:
        raise SourcesError(f"{path}: the source {name} was removed already; `source add` brings it back.")
    return table


def now() -> datetime:
    """Return the time to the second, as the file has it."""
    return datetime.now(UTC).replace(microsecond=0)


@contextmanager
def edited(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the sources' tables to be changed; they are checked and written at the end, whole or not at all.

    One process writes at a time. A reader sees the old file or the new one, which only this user can
    read.
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
    """The sources in the file at present, for a process that runs while people change them.

    A file is in trouble if it is missing, is empty, can't be read, or has lost an active source without a
    trace: a disk that is not mounted, a copy that was cut short. Then the last good version counts.
    """

    CHECK_SECONDS = 0.5

    def __init__(self, path: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        """Read the file; raise `SourcesError` if it can't be used. A missing one may appear later."""
        self.path = path
        self.problem: str | None = None
        """Why the file can't be used now, None while it can: the sources are those of the last good one."""
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._signature = signature(path)
        self._sources = load(path)
        self.problem = loss(path, self._sources, self._sources)
        self._checked = monotonic()

    def current(self) -> Sources:
        """Return the sources of the newest good version; look at the file at most every half second."""
        if self._monotonic() - self._checked >= self.CHECK_SECONDS and self._lock.acquire(blocking=False):
            try:
                self._checked = self._monotonic()
                self._reload_if_changed()
            finally:
                self._lock.release()
        return self._sources

    def get(self, name: str, revision: int = 0) -> Source | None:
        """Return a source by its name, removed or not, as it was at a known revision of it.

        An unknown one is looked for in the file at once: the ingress may have read the file a moment
        before the process that asks.
        """
        found = self.current().get(name)
        if found is None or found.revision < revision:
            found = self.newest().get(name)
        return found.as_of(revision) if found is not None and 0 < revision < found.revision else found

    def by_token(self, token: str) -> Source | None:
        """Return whose token it is; an unknown one is looked for in the file at once.

        Raises `SourcesError` if the file is in trouble and its last good version does not have the
        token.
        """
        found = self.current().by_token(token) or self.newest().by_token(token)
        if found is None and self.problem is not None:
            raise SourcesError(self.problem)
        return found

    def newest(self) -> Sources:
        """Return the sources in the file at this moment; whoever asks while it is read waits.

        One that was read is read again only when it has changed: whoever guesses tokens makes us look
        at its date, no more.
        """
        with self._lock:
            self._reload_if_changed()
            return self._sources

    def _reload_if_changed(self) -> None:
        found = signature(self.path)
        if found is not None and found == self._signature:
            return
        before, self._signature = self.problem, found
        try:
            sources = load(self.path)
            self.problem = loss(self.path, self._sources, sources)
        except SourcesError as error:
            self.problem = str(error)
            if isinstance(error, UnreadError):
                self._signature = None
        if self.problem is not None:
            if self.problem != before:
                log.error("sources file is broken, going on with its last good version", problem=self.problem)
            return
        self._sources = sources
        log.info("sources read", path=str(self.path), active=sum(source.active for source in sources))


def loss(path: Path, before: Sources, after: Sources) -> str | None:
    """Say what a file has lost since its last good version; None for nothing."""
    if not after.by_name:
        return f"{path}: holds no sources, or is not there"
    lost = [source.name for source in before if source.active and after.get(source.name) is None]
    if lost:
        return (
            f"{path}: active sources are gone: {', '.join(lost)}. Put them back, or use `callweave source "
            "remove`; a restart of the ingress takes the file as it is."
        )
    return None


def signature(path: Path) -> tuple[int, ...] | None:
    """Return what changes whenever a file does; None for a missing one, of which nothing was read."""
    try:
        stat = path.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino, stat.st_size
