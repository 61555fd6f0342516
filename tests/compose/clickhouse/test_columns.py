"""The measured length of columns, against the engine's own bytes for random values of each type."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from compose.embedded.clickhouse.blocks import header, read_block, split
from compose.embedded.clickhouse.columns import layout
from compose.embedded.clickhouse.wire import ProtocolError, Reader

if TYPE_CHECKING:
    import httpx

TYPES = [
    *("Int8", "UInt16", "Int32", "UInt64", "Int128", "UInt256", "Float32", "Float64", "Bool", "UUID"),
    *(
        "String",
        "FixedString(7)",
        "Date",
        "Date32",
        "DateTime",
        "DateTime('Asia/Tokyo')",
        "DateTime64(6, 'UTC')",
    ),
    *("Decimal(9, 2)", "Decimal(18, 2)", "Decimal(38, 5)", "Decimal(76, 5)", "IPv4", "IPv6"),
    *("Enum8('a' = 1, 'b, (' = 2)", "Enum16('a\\'' = -1, 'b' = 2)", "Nullable(String)", "Nullable(Int32)"),
    *("Array(String)", "Array(Array(Nullable(UInt8)))", "Map(String, Int64)", "Map(String, Array(String))"),
    *(
        "Tuple(UInt8, String)",
        "Tuple(a Nullable(String), `b c` Array(UInt8))",
        "Array(Tuple(x Int8, y String))",
    ),
    *("LowCardinality(String)", "LowCardinality(Nullable(String))", "Array(LowCardinality(String))"),
    *("Tuple(LowCardinality(String), Array(LowCardinality(FixedString(2))))", "Point", "Polygon"),
]


def _reader(data: bytes, step: int) -> Reader:
    """`data` that comes in pieces of `step` bytes."""
    pieces = iter(data[at : at + step] for at in range(0, len(data), step))
    return Reader(lambda: next(pieces, b""), 1 << 20)


@pytest.mark.parametrize("kind", TYPES)
@pytest.mark.parametrize("rows", [1, 1000])
def test_every_type_ends_where_its_bytes_end(http: httpx.Client, kind: str, rows: int) -> None:
    structure = f"a {kind}, last UInt8".replace("\\", "\\\\").replace("'", "\\'")
    query = f"SELECT * FROM generateRandom('{structure}', 1, 300, 5) LIMIT {rows} FORMAT Native"
    settings = {"max_block_size": "2000", "allow_suspicious_low_cardinality_types": "1"}
    answer = http.post("/", params=settings, content=query)
    assert answer.status_code == 200, answer.text
    data = answer.content
    for step in (1 if rows == 1 else 37, 1 << 20):
        source = _reader(data, step)
        block = read_block(source)
        assert (block.rows, block.data, block.columns[1]) == (rows, data, ("last", "UInt8"))
        assert source.waiting == 0


def test_every_cut_is_noticed(http: httpx.Client) -> None:
    query = "SELECT 'abc' AS a, [1, 2] AS b, toLowCardinality('x') AS c, tuple(1, NULL) AS d FORMAT Native"
    data = http.post("/", content=query).content
    for length in range(len(data)):
        with pytest.raises(EOFError):
            read_block(_reader(data[:length], 5))


def test_blocks_that_follow_each_other() -> None:
    one = b"\x01\x02\x01a\x05UInt8\x07\x08"
    assert [block.data for block in split(one + one)] == [one, one]


def test_a_header_is_a_block_without_rows() -> None:
    columns = [("a", "AggregateFunction(sum, UInt64)"), ("b", "String")]
    block = read_block(_reader(header(columns), 3))
    assert (block.columns, block.rows) == (tuple(columns), 0)


@pytest.mark.parametrize(
    "kind",
    [
        *("AggregateFunction(sum, UInt64)", "JSON", "Dynamic", "Variant(UInt8, String)", "Object('json')"),
        *("Array", "", "Array(", "Tuple(a", "FixedString(x)", "Nullable(String))"),
        "Array(" * 500 + "UInt8" + ")" * 500,
    ],
)
def test_types_that_cannot_be_measured(kind: str) -> None:
    with pytest.raises(ProtocolError):
        layout(kind)
