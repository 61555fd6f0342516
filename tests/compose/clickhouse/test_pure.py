"""The parts without I/O: statements, errors, primitives, frames, formats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose.embedded.clickhouse import frames, http_formats, wire
from compose.embedded.clickhouse.errors import parse_error
from compose.embedded.clickhouse.http_request import credentials, parse_parameters
from compose.embedded.clickhouse.sql import column_names, cut_format, first_word, parse_insert, quote, tokens


def _reader(data: bytes, step: int = 7) -> wire.Reader:
    pieces = iter(data[at : at + step] for at in range(0, len(data), step))
    return wire.Reader(lambda: next(pieces, b""), len(data) + step)


@pytest.mark.parametrize(
    ("sql", "parts"),
    [
        ("INSERT INTO t VALUES", ("INSERT INTO t ", "", None, "Values", "")),
        ("insert t values (1)", ("insert t ", "", None, "Values", "(1)")),
        ("INSERT INTO t VALUES ;", ("INSERT INTO t ", "", None, "Values", "")),
        (
            "INSERT INTO a.`b c` (x, `y`) FORMAT CSV\n1",
            ("INSERT INTO a.`b c` (x, `y`) ", "", "x, `y`", "CSV", "1"),
        ),
        ("INSERT INTO t (a) SETTINGS b=1 VALUES", ("INSERT INTO t (a) ", "SETTINGS b=1 ", "a", "Values", "")),
        (
            "INSERT INTO FUNCTION f('(', g()) VALUES",
            ("INSERT INTO FUNCTION f('(', g()) ", "", None, "Values", ""),
        ),
        (
            "/* VALUES */ INSERT INTO t -- FORMAT X",
            ("/* VALUES */ INSERT INTO t -- FORMAT X", "", None, None, ""),
        ),
        ("INSERT INTO values FORMAT Native", ("INSERT INTO values ", "", None, "Native", "")),
        ("INSERT INTO t FORMAT TSV \n \tx", ("INSERT INTO t ", "", None, "TSV", " \tx")),
        (
            "INSERT INTO t (* EXCEPT(a)) VALUES",
            ("INSERT INTO t (* EXCEPT(a)) ", "", "* EXCEPT(a)", "Values", ""),
        ),
    ],
)
def test_inserts_with_data(sql: str, parts: tuple[str, str, str | None, str | None, str]) -> None:
    insert = parse_insert(sql)
    assert insert is not None
    assert (insert.head, insert.settings, insert.columns, insert.format, sql[insert.data_at :]) == parts


@pytest.mark.parametrize(
    "sql",
    [
        *("SELECT 1", "", "INSERT", "INSERT INTO t SELECT 1", "INSERT INTO t (a) SELECT 1"),
        *("INSERT INTO t (a) (SELECT 1)", "INSERT INTO t (SELECT 1)", "INSERT INTO t WITH 1 AS x SELECT x"),
        *("WITH 1 AS x INSERT INTO t SELECT x", "INSERT INTO t FROM INFILE 'x' FORMAT CSV"),
    ],
)
def test_statements_without_data(sql: str) -> None:
    assert parse_insert(sql) is None


@pytest.mark.parametrize(
    ("sql", "rest", "form"),
    [
        ("SELECT 1 FORMAT JSON", "SELECT 1 ", "JSON"),
        ("SELECT 1 FORMAT JSON SETTINGS a = 1;", "SELECT 1  SETTINGS a = 1", "JSON"),
        ("SELECT * FORMAT Null;;", "SELECT * ", "Null"),
        ("SELECT 'FORMAT JSON'", "SELECT 'FORMAT JSON'", None),
        ("SELECT a AS format", "SELECT a AS format", None),
        ("SELECT * FROM t ORDER BY format DESC", "SELECT * FROM t ORDER BY format DESC", None),
        ("SELECT * FROM (SELECT 1 FORMAT x)", "SELECT * FROM (SELECT 1 FORMAT x)", None),
    ],
)
def test_formats_are_cut(sql: str, rest: str, form: str | None) -> None:
    formatted = cut_format(sql)
    assert (formatted.sql, formatted.format) == (rest, form)


def test_column_names() -> None:
    assert column_names('a, `b c`, n.`x`, "q""q"') == ["a", "b c", "n.x", 'q"q']
    assert column_names("* EXCEPT(a)") is None
    assert column_names("") is None


def test_first_word() -> None:
    assert first_word("-- c\n ((select 1))") == "SELECT"
    assert first_word("/* x") == ""


@given(st.text())
def test_any_text_is_tokens_without_gaps_but_space(sql: str) -> None:
    end = 0
    for token in tokens(sql):
        assert token.start >= end
        assert sql[token.start : token.end] == token.text
        end = token.end
    parse_insert(sql)
    cut_format(sql)


@given(st.text())
def test_a_quoted_text_is_one_token(value: str) -> None:
    literal = quote(value)
    assert [token.text for token in tokens(f"SELECT {literal} FORMAT X")][1] == literal
    assert cut_format(f"SELECT {literal} FORMAT X").format == "X"


@pytest.mark.parametrize(
    ("said", "code", "name", "text"),
    [
        (
            "Code: 47. DB::Exception: Unknown `a`. (UNKNOWN_IDENTIFIER)",
            47,
            "UNKNOWN_IDENTIFIER",
            "Unknown `a`.",
        ),
        (
            "Code: 115. DB::Exception: Code: 115. DB::Exception: Unknown. (AB_C) (version 26.9). (AB_C)",
            *(115, "AB_C", "Unknown."),
        ),
        ("Code: 33. DB::Exception: Cut: While Native. (version 26.9.2.1)", 33, "", "Cut: While Native."),
        (
            "x: Code: 36. DB::Exception: Bad (so). (AB_C) (version 26.9 (official build))",
            36,
            "AB_C",
            "Bad (so).",
        ),
        ("Code: 241. DB::Exception: two\nlines (X). (MEMORY)", 241, "MEMORY", "two\nlines (X)."),
    ],
)
def test_errors_are_taken_apart(said: str, code: int, name: str, text: str) -> None:
    error = parse_error(said)
    assert error is not None
    assert (error.code, error.name, error.text) == (code, name, text)


def test_what_is_no_exception() -> None:
    assert parse_error("Segmentation fault") is None


@given(st.integers(0, 2**64 - 1), st.integers(1, 9))
def test_varints_come_back(value: int, step: int) -> None:
    source = _reader(wire.varint(value), step)
    assert source.varint() == value
    assert source.waiting == 0


@given(st.text(), st.integers(1, 9))
def test_texts_come_back(value: str, step: int) -> None:
    assert _reader(wire.text(value), step).text() == value


def test_an_endless_varint() -> None:
    with pytest.raises(wire.ProtocolError):
        _reader(b"\xff" * 11).varint()


def test_a_reader_keeps_to_its_limit() -> None:
    source = wire.Reader(lambda: b"x" * 10, 100)
    with pytest.raises(wire.ProtocolError):
        source.take(101)
    source.take(90)
    with pytest.raises(wire.ProtocolError):
        source.take(20)
    source.compact()
    assert source.take(20) == b"x" * 20


@given(st.binary(max_size=5000), st.integers(1, 100))
def test_frames_come_back(data: bytes, step: int) -> None:
    packed = b"".join(frames.compress(data))
    source = _reader(packed, step)
    plain = b""
    while len(plain) < len(data):
        plain += frames.read_frame(source)
    assert plain == data


@given(st.data())
def test_a_changed_frame_is_noticed(data: st.DataObject) -> None:
    packed = bytearray(b"".join(frames.compress(b"callweave" * 20)))
    at = data.draw(st.integers(0, len(packed) - 1))
    packed[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises((wire.ProtocolError, EOFError)):
        frames.read_frame(_reader(bytes(packed)))


def test_header_sizes() -> None:
    assert http_formats.header_size("CSV", b"1,2\n") == 0
    assert http_formats.header_size("CSVWithNames", b'"a\n""b"\n1\n') == 8
    assert http_formats.header_size("TabSeparatedWithNamesAndTypes", b'a"\nInt8\n1\n') == 8
    assert http_formats.header_size("RowBinaryWithNames", b"\x01\x01a\x07") == 3


def test_which_formats_stream() -> None:
    assert all(
        http_formats.streams(name) for name in ("TabSeparated", "CSVWithNames", "Native", "JSONEachRow")
    )
    assert not any(http_formats.streams(name) for name in ("JSON", "Pretty", "Parquet", "Values", "Nothing"))


def test_parameters_are_sorted() -> None:
    parameters = parse_parameters("query=SELECT+1&param_a=%C3%A4&max_threads=1&user=u", may_change=True)
    assert parameters.own == {"query": "SELECT 1", "user": "u"}
    assert parameters.substitutions == {"a": "ä"}
    assert parameters.settings == {"max_threads": "1"}


def test_a_get_is_readonly_unless_stricter() -> None:
    assert parse_parameters("readonly=0&max_threads=1", may_change=False).settings == {
        "max_threads": "1",
        "readonly": "2",
    }
    assert parse_parameters("readonly=1", may_change=False).settings == {"readonly": "1"}


def test_credentials_come_from_the_first_place_that_names_any() -> None:
    assert credentials({}, {}) == ("default", "")
    assert credentials({"user": "u", "password": "p"}, {}) == ("u", "p")
    assert credentials({"user": "u"}, {"authorization": "Basic YTpiOmM="}) == ("a", "b:c")
    assert credentials({"user": "u"}, {"authorization": "Basic %"}) == ("", "")
    assert credentials({"user": "u"}, {"x-clickhouse-user": "x", "x-clickhouse-key": "k"}) == ("x", "k")
