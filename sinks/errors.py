"""What an error of ClickHouse asks for: try again, take fewer rows, put the row aside, call somebody. Pure.

Codes are those of ClickHouse's ErrorCodes.cpp.
"""

from __future__ import annotations

from enum import Enum, auto

from clickhouse_driver.errors import Error, ServerException

from runtime.clickhouse import is_about_a_value


class Fate(Enum):
    """What becomes of rows that were not written."""

    AGAIN = auto()
    """It passes by itself."""
    FEWER = auto()
    """It may pass by itself, and sooner with fewer rows at once."""
    ROW = auto()
    """Some row can never be taken, whoever sends it, and when."""
    UNSENT = auto()
    """Some value does not fit its column, and nothing was sent: the row is wrong, or the table."""
    SOMEBODY = auto()
    """No row can be taken before somebody has put something right."""


VIOLATED_CONSTRAINT = 469
_AGAIN = frozenset(
    {
        159,  # TIMEOUT_EXCEEDED
        160,  # TOO_SLOW
        202,  # TOO_MANY_SIMULTANEOUS_QUERIES
        203,  # NO_FREE_CONNECTION
        209,  # SOCKET_TIMEOUT
        210,  # NETWORK_ERROR
        225,  # NO_ZOOKEEPER
        236,  # ABORTED
        242,  # TABLE_IS_READ_ONLY
        243,  # NOT_ENOUGH_SPACE
        252,  # TOO_MANY_PARTS
        285,  # TOO_FEW_LIVE_REPLICAS
        319,  # UNKNOWN_STATUS_OF_INSERT
        394,  # QUERY_WAS_CANCELLED
        999,  # KEEPER_EXCEPTION
    }
)
_FEWER = frozenset(
    {
        173,  # CANNOT_ALLOCATE_MEMORY
        241,  # MEMORY_LIMIT_EXCEEDED
    }
)
_ROW = frozenset(
    {
        6,  # CANNOT_PARSE_TEXT
        27,  # CANNOT_PARSE_INPUT_ASSERTION_FAILED
        38,  # CANNOT_PARSE_DATE
        41,  # CANNOT_PARSE_DATETIME
        53,  # TYPE_MISMATCH
        69,  # ARGUMENT_OUT_OF_BOUND
        70,  # CANNOT_CONVERT_TYPE
        72,  # CANNOT_PARSE_NUMBER
        117,  # INCORRECT_DATA
        128,  # TOO_LARGE_ARRAY_SIZE
        131,  # TOO_LARGE_STRING_SIZE
        321,  # VALUE_IS_OUT_OF_RANGE_OF_DATA_TYPE
        349,  # CANNOT_INSERT_NULL_IN_ORDINARY_COLUMN
        407,  # DECIMAL_OVERFLOW
        VIOLATED_CONSTRAINT,
    }
)


def is_about_types(error: Exception) -> bool:
    """Return whether ClickHouse could not turn a value into a column's type.

    The driver has sent only values that fit, so it is a column of a table that a view fills.
    """
    return isinstance(error, ServerException) and error.code in _ROW - {VIOLATED_CONSTRAINT}


def fate(error: Exception) -> Fate:
    """Decide what an error asks for; a lost connection recovers by itself."""
    if is_about_a_value(error):
        return Fate.UNSENT
    if isinstance(error, ServerException | Error):
        code = error.code
        if code in _ROW:
            return Fate.ROW
        if code in _FEWER:
            return Fate.FEWER
        passes = code in _AGAIN or not isinstance(error, ServerException)
        return Fate.AGAIN if passes else Fate.SOMEBODY
    return Fate.AGAIN
