"""`callweave run watch`: every check in a thread of its own, and one thread that tells."""

from __future__ import annotations

import http.client
import threading
import time
from typing import TYPE_CHECKING

import structlog
from clickhouse_driver.errors import Error
from kafka.errors import KafkaError

from operations.watch import archive, metrics
from operations.watch.alerts import Kind
from operations.watch.board import Board
from operations.watch.checks import (
    AuditCheck,
    LagCheck,
    ShareCheck,
    SilenceCheck,
    SpoolCheck,
    Untold,
    Watch,
)
from operations.watch.freshness import FreshnessCheck, callback_url
from operations.watch.webhook import Post
from runtime.clock import SystemClock
from runtime.errors import CallweaveError

if TYPE_CHECKING:
    from operations.watch.checks import Check
    from runtime.metrics import Ready
    from runtime.settings import Settings
    from runtime.stage import StageProcess

log = structlog.get_logger(__name__)

FAILURES = (CallweaveError, Error, KafkaError, OSError, EOFError, http.client.HTTPException)
"""What a server that is away, or not up to date, brings about."""
PATIENCE_SECONDS = 600.0
"""How long one look may take: an audit of a busy archive, or the first reading of it."""
DELIVER_SECONDS = 5.0


def run(stage: StageProcess) -> None:
    """Look and tell until the stage is stopped; raises `CallweaveError`."""
    watch = stage.settings.watch
    url, secret = watch.webhook_url, watch.webhook_secret
    post = Post(url, secret) if url and secret else None
    board = Board(stage.settings.clickhouse, post, SystemClock())
    loaded = threading.Event()
    stage.when_stopping(board.news.set)

    def ready() -> Ready:
        return loaded.is_set(), "" if loaded.is_set() else "the alerts can't be read from ClickHouse"

    stage.started(ready)
    _load(stage, board)
    if stage.stopping.is_set():
        return
    loaded.set()
    threads = [
        threading.Thread(target=_watch, args=(stage, board, check), name=check.name)
        for check in checks(stage.settings, board)
    ]
    for thread in threads:
        thread.start()
    while not stage.stopping.is_set():
        board.deliver()
        stage.heart.beat("deliver", PATIENCE_SECONDS)
        board.news.wait(DELIVER_SECONDS)
        board.news.clear()
    board.deliver()


def checks(settings: Settings, board: Board) -> list[Check]:
    """All that these settings ask for."""
    watch = Watch(settings, SystemClock(), board.is_open)
    found: list[Check] = [
        LagCheck(watch),
        SilenceCheck(watch),
        ShareCheck(watch, Kind.REJECTIONS, question=archive.REJECTED, gauge=metrics.REJECTED),
        ShareCheck(watch, Kind.DOUBTS, question=archive.DOUBTFUL, gauge=metrics.DOUBTFUL),
        AuditCheck(watch),
        SpoolCheck(watch),
    ]
    url = callback_url(settings)
    if url is not None:
        found.append(FreshnessCheck(watch, url))
    return found


def _load(stage: StageProcess, board: Board) -> None:
    """Wait for ClickHouse and its tables."""
    while not stage.stopping.is_set():
        try:
            board.load()
        except FAILURES as error:
            log.warning("the alerts can't be read; trying again", error=type(error).__name__)
            stage.stopping.wait(DELIVER_SECONDS)
        else:
            return


def _watch(stage: StageProcess, board: Board, check: Check) -> None:
    while not stage.stopping.is_set():
        stage.heart.beat(check.name, PATIENCE_SECONDS)
        begin = time.monotonic()
        try:
            board.report(check.kinds, check.look())
        except Untold:
            log.debug("nothing can be told now", check=check.name)
        except FAILURES as error:
            metrics.FAILED.labels(check.name).inc()
            log.warning("a check came to no result", check=check.name, error=type(error).__name__)
        else:
            metrics.CHECKED.labels(check.name).set(time.time())
        stage.stopping.wait(max(0.0, check.every - (time.monotonic() - begin)))
    check.close()
