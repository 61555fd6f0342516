from __future__ import annotations

import struct
from ssl import SSLCertVerificationError

import pytest
from clickhouse_driver.errors import (
    CannotParseUuidError,
    NetworkError,
    ServerException,
    SocketTimeoutError,
    TypeMismatchError,
    UnknownTypeError,
)

from sinks.errors import Fate, fate


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ServerException("too many parts", 252), Fate.AGAIN),
        (ServerException("memory limit", 241), Fate.FEWER),
        (ServerException("no such table", 60), Fate.SOMEBODY),
        (ServerException("wrong password", 516), Fate.SOMEBODY),
        (ServerException("a code of a later release", 100_000), Fate.SOMEBODY),
        (ServerException("constraint", 469), Fate.ROW),
        (TypeMismatchError("not an integer"), Fate.UNSENT),
        (NetworkError("refused"), Fate.AGAIN),
        (SocketTimeoutError("silence"), Fate.AGAIN),
        (EOFError(), Fate.AGAIN),
        (ConnectionResetError(), Fate.AGAIN),
        (struct.error("argument out of range"), Fate.UNSENT),
        (OverflowError(), Fate.UNSENT),
        (CannotParseUuidError("no UUID"), Fate.UNSENT),
        (UnknownTypeError("Variant(String)"), Fate.UNSENT),
        (SSLCertVerificationError(), Fate.AGAIN),
    ],
)
def test_each_error_asks_for_something(error: Exception, expected: Fate) -> None:
    assert fate(error) is expected
