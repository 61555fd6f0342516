"""Structured logs on standard error: one line an entry, JSON or for people, secrets masked.

Callers never log tokens, phone numbers or recording links. The masks are the last line of defence: for a
field given by mistake, and for messages of libraries.
"""

from __future__ import annotations

import json
import logging
import re
import sys
import time
from typing import TYPE_CHECKING, Any

import orjson
import structlog

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, MutableMapping

    from structlog.typing import EventDict, Processor, WrappedLogger

    from runtime.settings import LogSettings

MASK = "***"
SECRET_NAME = re.compile(
    r"token|secret|passw|authorization|cookie|caller|callee|called|number|phone|recording|recid|payload"
    r"|callback_url",
    re.IGNORECASE,
)
SECRET_TEXT = re.compile(r"(/callbacks/)[^\s/?#\"'\\]+")
"""The callback URL's path holds the token: it appears in access logs and in messages of HTTP clients."""

CHATTY = ("faust", "mode", "aiokafka", "kafka", "werkzeug", "asyncio", "rocksdict")
"""Libraries' loggers. Faust spends a seventh of its time on debug records unless its level forbids them."""
MOST_WORDS = 1_000
QUIET_SECONDS = 10.0
"""How long a library's repeated message is suppressed: aiokafka logs a hundred lines a second while a broker
is away."""


class Repetition(logging.Filter):
    """Passes a library's message only once in a while.

    Messages that differ only in their arguments are the same.
    """

    def __init__(self, monotonic: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._monotonic = monotonic
        self._heard: dict[tuple[str, str], float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if record.name.split(".")[0] not in CHATTY:
            return True
        words, now = (record.name, str(record.msg)), self._monotonic()
        if now - self._heard.get(words, -QUIET_SECONDS) < QUIET_SECONDS:
            return False
        if len(self._heard) > MOST_WORDS:  # some libraries format their messages before they log them
            self._heard.clear()
        self._heard[words] = now
        return True


def configure(settings: LogSettings, stage: str) -> None:
    """Send all logs of this process, libraries included, to standard error. May be called again."""
    shared = _shared(stage)
    console = settings.format == "console" or (settings.format == "auto" and sys.stderr.isatty())
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(Repetition())
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                mask,
                _console() if console else structlog.processors.JSONRenderer(serializer=_json),
            ],
        )
    )
    level = logging.getLevelNamesMapping()[settings.level.upper()]
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in CHATTY:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
        logger.setLevel(max(logging.WARNING, level))
    logging.captureWarnings(capture=True)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # loggers made before follow when this is called again
    )


def mask(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
    """Mask values of secret fields at any depth, and tokens inside texts."""
    masked: EventDict = _masked(entry)
    return masked


def _masked(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _masked_field(key, content) for key, content in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [_masked(content) for content in value]
    if isinstance(value, bytes):
        value = value.decode("utf-8", "backslashreplace")
    if isinstance(value, str):
        return SECRET_TEXT.sub(rf"\1{MASK}", value)
    return value if isinstance(value, int | float | None) else SECRET_TEXT.sub(rf"\1{MASK}", str(value))


def _masked_field(key: Any, content: Any) -> Any:
    secret = SECRET_NAME.search(str(key)) and not isinstance(content, bool | None)
    return MASK if secret else _masked(content)


def _shared(stage: str) -> list[Processor]:
    def add_stage(_logger: WrappedLogger, _method: str, entry: EventDict) -> EventDict:
        entry.setdefault("stage", stage)
        return entry

    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="time"),
        add_stage,
    ]


def _console() -> Processor:
    return structlog.dev.ConsoleRenderer(
        colors=sys.stderr.isatty(),
        timestamp_key="time",
        exception_formatter=structlog.dev.plain_traceback,  # rich's shows local variables: payloads
    )


def _json(entry: MutableMapping[str, Any], **_: Any) -> str:
    """Write one line of JSON, with the most wanted fields first."""
    first: Mapping[str, Any] = {
        key: entry.pop(key) for key in ("time", "level", "stage", "event") if key in entry
    }
    ordered = {**first, **entry}
    try:
        return orjson.dumps(ordered, default=str).decode()
    except orjson.JSONEncodeError:  # an integer beyond 64 bits, half a surrogate pair
        return json.dumps(ordered, default=str)
