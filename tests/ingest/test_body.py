"""A body is read whole, or not at all."""

from __future__ import annotations

import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.body import BodyTooLargeError, BrokenOffError, read_body


class Trickle(io.BytesIO):
    """Gives less than it is asked for, as sockets do."""

    def read(self, size: int | None = -1, /) -> bytes:
        return super().read(3 if size is None or size < 0 else min(3, size))


def environ(body: bytes, length: str | None = None, *, ends: bool = False) -> dict[str, Any]:
    named = {} if length is None else {"CONTENT_LENGTH": length}
    return {"wsgi.input": Trickle(body), "wsgi.input_terminated": ends, **named}


@given(st.binary(max_size=50))
def test_the_exact_bytes(body: bytes) -> None:
    assert read_body(environ(body, str(len(body))), 50) == body
    assert read_body(environ(body, ends=True), 50) == body


def test_no_more_than_announced() -> None:
    assert read_body(environ(b"abcdef", "3"), 50) == b"abc"


@pytest.mark.parametrize("length", [None, "", "x"])
def test_without_a_length_there_is_no_body_unless_the_server_ends_it(length: str | None) -> None:
    assert read_body(environ(b"", length), 50) == b""


def test_too_large() -> None:
    assert read_body(environ(b"x" * 50, "50"), 50) == b"x" * 50
    with pytest.raises(BodyTooLargeError):
        read_body(environ(b"", "51"), 50)
    with pytest.raises(BodyTooLargeError):
        read_body(environ(b"x" * 1000, ends=True), 50)


def test_broken_off() -> None:
    with pytest.raises(BrokenOffError):
        read_body(environ(b"abc", "4"), 50)
