"""Threads without which the process is of no use."""

from __future__ import annotations

import logging
import os
import threading
import traceback
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Callable

log = structlog.get_logger(__name__)


def vital(name: str, work: Callable[[], None]) -> threading.Thread:
    """A thread, not started; an error that it does not expect ends the process, so that it is started anew.

    A process that goes on without it would answer 503 for ever and call itself alive.
    """

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the work does not go on
            where = traceback.format_tb(error.__traceback__)[-3:]
            log.critical(
                "a thread has died, and the process with it",
                thread=name,
                error=type(error).__name__,
                where=where,
            )
            logging.shutdown()
            os._exit(1)

    return threading.Thread(target=run, name=name, daemon=True)
