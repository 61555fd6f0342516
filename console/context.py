"""Settings, sessions and the board, which every page may use."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from flask import current_app

from console import viewers
from console.board import Board

if TYPE_CHECKING:
    from console.audits import Audits
    from console.redrives import Redrives
    from console.sessions import Sessions
    from console.viewers import Viewer
    from runtime.settings import Settings

NAME = "callweave.console"
OWNER_SECONDS = 10.0


@dataclass
class Console:
    settings: Settings
    sessions: Sessions
    redrives: Redrives
    audits: Audits
    is_open: bool
    """Whether nobody signs in."""
    zone: ZoneInfo = field(init=False)
    board: Board = field(init=False)
    _owner: tuple[float, Viewer] | None = None

    def __post_init__(self) -> None:
        asked = self.settings.console
        self.zone = ZoneInfo(asked.timezone)
        self.board = Board(self.settings.clickhouse, self.zone, asked.service_level_seconds)

    def owner(self, *, anew: bool = False) -> Viewer:
        """Who looks where nobody signs in, with what is there to read; raises `StartError`."""
        if anew or self._owner is None or time.monotonic() - self._owner[0] > OWNER_SECONDS:
            self._owner = time.monotonic(), viewers.owner(self.settings)
        return self._owner[1]


def console() -> Console:
    """That of the application which answers this request."""
    return cast("Console", current_app.extensions[NAME])
