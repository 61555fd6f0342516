"""What went wrong outside the console, in a sentence for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from clickhouse_driver.errors import Error, ServerException
from kafka.errors import KafkaError

from runtime import clickhouse, topics
from runtime.errors import FULL, CallweaveError

if TYPE_CHECKING:
    from runtime.settings import Settings

OUTSIDE = (CallweaveError, Error, KafkaError)
"""Errors of settings and servers; any other is a defect."""
TIMEOUT_EXCEEDED = 159


def sentence_of(settings: Settings, error: BaseException) -> str | None:
    """None for a defect."""
    if isinstance(error, CallweaveError):
        return str(error)
    if isinstance(error, ServerException):
        return refusal(error)
    if isinstance(error, Error):
        return clickhouse.trouble(settings.clickhouse, error)
    if isinstance(error, KafkaError):
        return topics.trouble(settings.kafka, error)
    return _file_trouble(error) if isinstance(error, OSError) else None


def _file_trouble(error: OSError) -> str | None:
    if error.errno in FULL:
        return f"{error.strerror}: make room where the console keeps its data."
    if error.filename is not None:
        return f"{error.filename}: {error.strerror}: check that the console's user may use it."
    return None


def refusal(error: ServerException) -> str:
    """Without the server's own words: they may repeat what was asked for."""
    if error.code == TIMEOUT_EXCEEDED:
        return "ClickHouse has not answered in time: ask for less, or see what keeps it busy."
    if error.code in clickhouse.OTHER_TABLES_CODES:
        return clickhouse.OTHER_TABLES
    return f"ClickHouse refuses what this page asks (code {error.code}): its log says why."
