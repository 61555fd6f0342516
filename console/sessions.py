"""Who is signed in: kept in memory, and known by a signed cookie that holds nothing but a random name."""

from __future__ import annotations

import os
import secrets
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from itsdangerous import BadSignature, Signer

from runtime.files import replace_file, writing

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from console.viewers import Viewer
    from runtime.settings import Settings

COOKIE = "callweave"
KEY_FILE = "console.key"
KEY_BYTES = 32
REFRESH_SECONDS = 60.0
"""How old what ClickHouse said of a user's rights may be."""
MOST = 10_000
"""Sessions that are kept at once: of more, those seen longest ago end."""


@dataclass
class Session:
    name: str
    ends: float
    """By the monotonic clock."""
    viewer: Viewer | None = None
    """None for a visitor who has not signed in."""
    checked: float = 0.0
    """When the viewer's rights were asked for."""
    hidden: frozenset[str] = frozenset()
    """Accounts that there are, and that the viewer may not see."""
    flash: list[str] = field(default_factory=list)
    """Sentences for the next page."""


class Sessions:
    """All of them; any thread may ask."""

    def __init__(self, key: bytes, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._signer = Signer(key, salt="callweave.console.session")
        self._tokens = Signer(key, salt="callweave.console.csrf")
        self._seconds = seconds
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._known: dict[str, Session] = {}

    def find(self, cookie: str) -> Session | None:
        """The session of a cookie's name, a visitor's if it has ended; None for a name that is not ours."""
        try:
            name = self._signer.unsign(cookie).decode()
        except (BadSignature, UnicodeDecodeError):
            return None
        with self._lock:
            found = self._known.pop(name, None)
            if found is None or found.ends < self._monotonic():
                return self._new(name)
            self._known[name] = found  # the last is the one seen last
            return found

    def visitor(self) -> Session:
        """Whoever has not signed in: their name is in their cookie, and nothing is kept of them here."""
        return self._new(secrets.token_urlsafe(32))

    def begin(self, viewer: Viewer) -> Session:
        session = self._new(secrets.token_urlsafe(32), viewer)
        self.keep(session)
        return session

    def keep(self, session: Session) -> None:
        with self._lock:
            self._known.pop(session.name, None)
            while len(self._known) >= MOST:
                del self._known[next(iter(self._known))]
            self._known[session.name] = session

    def end(self, session: Session) -> None:
        with self._lock:
            self._known.pop(session.name, None)

    def _new(self, name: str, viewer: Viewer | None = None) -> Session:
        now = self._monotonic()
        return Session(name, now + self._seconds, viewer, checked=now)

    def cookie(self, session: Session) -> str:
        return self._signer.sign(session.name).decode()

    def token(self, session: Session) -> str:
        """What a form of this session must send, which no other site can know."""
        return self._tokens.get_signature(session.name).decode()

    def is_token(self, session: Session, given: str) -> bool:
        return self._tokens.verify_signature(session.name, given.encode("utf-8", "replace"))


def key(settings: Settings) -> bytes:
    """The setting's, or else that of the file in `data`, made if there is none; raises `StartError`."""
    if settings.console.session_key is not None:
        return settings.console.session_key.get_secret_value().encode()
    path = settings.data / KEY_FILE
    with writing(path, "data (CALLWEAVE_DATA)"):
        path.parent.mkdir(parents=True, exist_ok=True)
        kept = _read(path)
        if len(kept) < KEY_BYTES:
            replace_file(path, os.urandom(KEY_BYTES))
            kept = _read(path)
    return kept


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""
