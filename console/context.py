"""Settings, sessions and the board, which every page may use."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, cast
from zoneinfo import ZoneInfo

from flask import current_app, g

from console import viewers
from console.board import Board
from console.clocks import Clock
from console.works import Works
from runtime.errors import StartError

if TYPE_CHECKING:
    from console.audits import Audit
    from console.redrives import Redrive
    from console.sessions import Sessions
    from console.viewers import Viewer
    from runtime.settings import Settings

NAME = "callweave.console"
OWNER_SECONDS = 10.0


@dataclass
class Console:
    settings: Settings
    sessions: Sessions
    is_open: bool
    """Whether nobody signs in."""
    redrives: Works[Redrive] = field(init=False)
    audits: Works[Audit] = field(init=False)
    zone: ZoneInfo = field(init=False)
    board: Board = field(init=False)
    _owner: tuple[float, Viewer] | None = None

    def __post_init__(self) -> None:
        asked = self.settings.console
        self.redrives = Works("redrive", self.settings)
        self.audits = Works("audit", self.settings)
        self.zone = ZoneInfo(asked.timezone)
        self.board = Board(self.settings, Clock(self.zone, asked.service_level_seconds))

    def owner(self, *, anew: bool = False) -> Viewer:
        """Who looks where nobody signs in, with what is there to read; raises `StartError`.

        While ClickHouse is away it is as it was: pages say what they can't show.
        """
        kept = self._owner
        if not anew and kept is not None and time.monotonic() - kept[0] <= OWNER_SECONDS:
            return kept[1]
        try:
            known = viewers.owner(self.settings)
        except StartError:
            if kept is None:
                raise
            known = kept[1]
        self._owner = time.monotonic(), known
        return known


def console() -> Console:
    """That of the application which answers this request."""
    return cast("Console", current_app.extensions[NAME])


def page_zone() -> ZoneInfo:
    """In which this page writes and reads times: the console's, unless it is about one account's own days."""
    found: ZoneInfo = g.get("zone") or console().zone
    return found
