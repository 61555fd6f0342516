"""Start a call through the API, and record that it was requested, and by whom.

The answer names the call, and arrives only once. So it is written to the spool before it is published, and
leaves the spool once Kafka has acknowledged it. Whatever happens in between, `callweave dial --resend`
publishes it again, as the same callback.
"""

from __future__ import annotations

import tempfile
import uuid
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import orjson

from provider.rest.errors import UnansweredError
from runtime.errors import CallweaveError
from runtime.files import replace_file
from runtime.producer import UnpublishedError
from schemas.callbacks import Callback

if TYPE_CHECKING:
    from pathlib import Path

    from provider.publishing import Publish
    from provider.rest.client import Client
    from provider.rest.models import CallbackRequest, Dialled
    from runtime.clock import Clock
    from runtime.interrupts import Interrupts
    from runtime.sources import Source

VERSION = 1
SUFFIX = ".json"
HEADERS, PAYLOAD = "headers", "payload"


class SpoolError(CallweaveError):
    """The spool can't be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Outcome:
    dialled: Dialled
    published: bool
    """Whether Kafka has acknowledged it."""
    kept: bool = True
    """Whether an unpublished one waits in the spool."""
    problem: str = ""
    """Why it is not published."""


def payload_of(extension: str, requested_at: int, request: CallbackRequest, answer: Dialled) -> bytes:
    """Return a `dial` callback's payload; `requested_at` is in microseconds since 1970 UTC."""
    return orjson.dumps(
        {
            "v": VERSION,
            "extension": extension,
            "requested_at": requested_at,
            "request": request.fields(),
            "answer": answer.model_dump(),
        }
    )


def answered(kind: Literal["dial", "history"], source: Source, received_at: int, payload: bytes) -> Callback:
    """Turn an answer of the API into a callback of the source."""
    return Callback(
        id=str(uuid.uuid4()),
        source=source.name,
        account=source.account,
        received_at=received_at,
        method="POST",
        content_type="application/json",
        peer="",
        payload=payload,
        kind=kind,
    )


@dataclass(frozen=True, slots=True)
class Dialler:
    """What is needed to start calls of one source."""

    client: Client
    publish: Publish
    spool: Spool
    source: Source
    clock: Clock
    interrupts: Interrupts
    """The caller holds Ctrl-C until the outcome is printed."""

    def dial(self, extension: str, request: CallbackRequest) -> Outcome:
        """Start the call, keep the answer and publish it; raise `ProviderError` if no call was started.

        Only `UnansweredError` means that one may have been. Ctrl-C ends each wait, and loses no answer.
        """
        with self.interrupts.let_through():
            self.spool.prepare()  # before anybody's phone rings
        requested_at = self.clock.now()
        try:
            with self.interrupts.let_through():
                dialled = self.client.callback(extension, request)
        except KeyboardInterrupt:
            raise UnansweredError("starting the call: you did not wait for the answer.") from None
        payload = payload_of(extension, requested_at, request, dialled)
        callback = answered("dial", self.source, self.clock.now(), payload)
        kept, not_kept = self._keep(callback)
        if (problem := self._publish(callback)) is not None:
            return Outcome(
                dialled, published=False, kept=kept is not None, problem=f"{problem} {not_kept}".strip()
            )
        if kept is not None:
            with suppress(OSError):  # left there it is published again, which changes nothing
                kept.unlink(missing_ok=True)
        return Outcome(dialled, published=True)

    def _publish(self, callback: Callback) -> str | None:
        """Return why Kafka has not acknowledged it, None if it has."""
        try:
            with self.interrupts.let_through():
                self.publish(callback)
        except UnpublishedError as error:
            return str(error)
        except KeyboardInterrupt:
            return "You did not wait for Kafka."
        return None

    def _keep(self, callback: Callback) -> tuple[Path | None, str]:
        """Keep it in the spool. A full disk does not prevent publishing."""
        try:
            return self.spool.keep(callback), ""
        except OSError as error:
            return None, f"Nor could it be kept in {self.spool.folder}: {error.strerror}."


class Spool:
    """Callbacks that wait to be published, a file each.

    They hold phone numbers: only this user can read them.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def prepare(self) -> None:
        """Make sure that a callback can be kept; raise `SpoolError`."""
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise SpoolError(f"{self.folder} can't be written: {error.strerror}.") from None

    def keep(self, callback: Callback) -> Path:
        """Write the callback so that a crash leaves it whole or not at all; raise OSError."""
        headers = [[name, value.decode()] for name, value in callback.headers()]
        document = {HEADERS: headers, PAYLOAD: callback.payload.decode()}
        path = self.folder / f"{callback.id}{SUFFIX}"
        replace_file(path, orjson.dumps(document))
        return path

    def waiting(self) -> list[Path]:
        """Return the waiting callbacks, the oldest first. Whoever dialled may publish and remove them."""
        found = []
        try:
            for path in self.folder.glob(f"*{SUFFIX}"):
                with suppress(FileNotFoundError):
                    found.append((path.stat().st_mtime_ns, path))
        except OSError as error:
            raise SpoolError(f"{self.folder} can't be read: {error.strerror}.") from None
        return [path for _, path in sorted(found)]


def read(path: Path) -> Callback:
    """Read a callback; raise `SpoolError` for any other file, FileNotFoundError for one that is gone."""
    try:
        document: dict[str, Any] = orjson.loads(path.read_bytes())
        headers = [(name, value.encode()) for name, value in document[HEADERS]]
        return Callback.from_message(document[PAYLOAD].encode(), headers)
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise SpoolError(f"{path} is no call that was started ({type(error).__name__}).") from None


def resend(publish: Publish, spool: Spool) -> tuple[int, list[str]]:
    """Publish what waits; return how many, and a sentence for each file that is no callback.

    Raise `UnpublishedError` at the first that Kafka doesn't take; it and the rest stay.
    """
    sent, broken = 0, []
    for path in spool.waiting():
        try:
            callback = read(path)
        except FileNotFoundError:  # published meanwhile by the run that started the call
            continue
        except SpoolError as error:
            broken.append(str(error))
            continue
        publish(callback)
        path.unlink(missing_ok=True)
        sent += 1
    return sent, broken
