"""The length of a column in ClickHouse's Native format, measured from its type without reading its values.

So a block can be cut out of a stream and passed on byte for byte. Layouts: ClickHouse's `NativeReader`
and the serializations of its data types, at revisions below 54454 (no custom serializations).
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from compose.embedded.clickhouse.wire import CONTINUES, ProtocolError

if TYPE_CHECKING:
    from collections.abc import Callable

    from compose.embedded.clickhouse.wire import Reader

MAX_TYPE_DEPTH = 64
_OFFSET = 8  # bytes of an array's end, and of a count

_WIDTHS = {
    "Bool": 1, "Nothing": 1, "Enum8": 1, "Int8": 1, "UInt8": 1,
    "Date": 2, "Enum16": 2, "Int16": 2, "UInt16": 2, "BFloat16": 2,
    "Date32": 4, "DateTime": 4, "Decimal32": 4, "Float32": 4, "IPv4": 4, "Int32": 4, "Time": 4, "UInt32": 4,
    "DateTime64": 8, "Decimal64": 8, "Float64": 8, "Int64": 8, "Time64": 8, "UInt64": 8,
    "Decimal128": 16, "IPv6": 16, "Int128": 16, "UInt128": 16, "UUID": 16,
    "Decimal256": 32, "Int256": 32, "UInt256": 32,
}  # fmt: skip
_DECIMALS = ((9, 4), (18, 8), (38, 16), (76, 32))  # digits up to which, bytes
_GEOMETRY = {
    "Point": "Tuple(Float64, Float64)",
    "Ring": "Array(Point)",
    "LineString": "Array(Point)",
    "MultiLineString": "Array(LineString)",
    "Polygon": "Array(Ring)",
    "MultiPolygon": "Array(Polygon)",
}


class Layout(ABC):
    def prefix(self, source: Reader) -> None:
        """Skip what precedes the column's data: mostly nothing."""

    @abstractmethod
    def skip(self, source: Reader, rows: int) -> None:
        """Skip the data of `rows` values."""


@dataclass(frozen=True)
class Fixed(Layout):
    """Every value has the same width in bytes."""

    width: int

    def skip(self, source: Reader, rows: int) -> None:
        source.skip(self.width * rows)


@dataclass(frozen=True)
class Strings(Layout):
    """Each value is preceded by its length."""

    def skip(self, source: Reader, rows: int) -> None:
        """Length by length. This is the only loop over values, so it works on the bare buffer."""
        data, position, done = source.data, source.position, 0
        while done < rows:
            try:
                while done < rows:
                    length = data[position]
                    if length < CONTINUES:
                        position += 1 + length
                    else:
                        length, size = _long_length(data, position)
                        position += size + length
                    done += 1
            except IndexError:
                source.more()
        source.skip(position - source.position)


def _long_length(data: bytearray, position: int) -> tuple[int, int]:
    """A varint of more than one byte and its size; IndexError where the data ends."""
    value = 0
    for place in range(10):
        byte = data[position + place]
        value |= (byte & 0x7F) << (7 * place)
        if byte < CONTINUES:
            return value, place + 1
    raise ProtocolError("a number is longer than ten bytes")


@dataclass(frozen=True)
class Nullable(Layout):
    """A byte for each value, NULL or not; then all values."""

    inner: Layout

    def prefix(self, source: Reader) -> None:
        self.inner.prefix(source)

    def skip(self, source: Reader, rows: int) -> None:
        source.skip(rows)
        self.inner.skip(source, rows)


@dataclass(frozen=True)
class Array(Layout):
    """The end of each value's elements; then all elements."""

    inner: Layout

    def prefix(self, source: Reader) -> None:
        self.inner.prefix(source)

    def skip(self, source: Reader, rows: int) -> None:
        if rows == 0:
            return
        source.skip((rows - 1) * _OFFSET)
        self.inner.skip(source, source.integer(_OFFSET))


@dataclass(frozen=True)
class Tuple(Layout):
    """A column for each element."""

    items: tuple[Layout, ...]

    def prefix(self, source: Reader) -> None:
        for item in self.items:
            item.prefix(source)

    def skip(self, source: Reader, rows: int) -> None:
        for item in self.items:
            item.skip(source, rows)


@dataclass(frozen=True)
class LowCardinality(Layout):
    """A dictionary; then an index into it for each value."""

    keys: Layout

    def prefix(self, source: Reader) -> None:
        source.skip(_OFFSET)

    def skip(self, source: Reader, rows: int) -> None:
        """Flags (the low byte is the width of an index), the dictionary, the indexes."""
        if rows == 0:
            return
        flags = source.integer(_OFFSET)
        if flags & 0xFF > 3 or not flags & 0x200:  # 3: eight bytes; 0x200: the dictionary is here
            raise ProtocolError("a LowCardinality column has no dictionary of its own")
        self.keys.skip(source, source.integer(_OFFSET))
        source.skip(source.integer(_OFFSET) << (flags & 0xFF))


_TOKEN = re.compile(
    r"\s*(?:'((?:[^'\\]|\\.|'')*)'|`((?:[^`\\]|\\.)*)`|([A-Za-z_0-9.+-]+)|([(),=]))", re.DOTALL
)


@dataclass(frozen=True)
class _Name:
    """A type as written: its name, the element's name before it, and its arguments."""

    name: str
    arguments: tuple[_Name, ...]


def _parse(text: str) -> _Name:
    tokens: list[str] = []
    position = 0
    while position < len(text.rstrip()):
        found = _TOKEN.match(text, position)
        if found is None:
            raise ProtocolError("a column's type can't be read")
        quoted = found[1] is not None or found[2] is not None
        tokens.append("''" if quoted else found[3] or found[4])
        position = found.end()
    name, rest = _parse_one(tokens, 0, 0)
    if rest != len(tokens):
        raise ProtocolError("a column's type can't be read")
    return name


def _parse_one(tokens: list[str], at: int, depth: int) -> tuple[_Name, int]:
    """Parse one argument: its last word is the type, words before it are the element's name."""
    if depth > MAX_TYPE_DEPTH:
        raise ProtocolError("a column's type is nested too deeply")
    name, arguments = "", []
    while at < len(tokens) and tokens[at] not in ("(", ",", ")"):
        name = tokens[at]
        at += 1
    if at < len(tokens) and tokens[at] == "(":
        closed = tokens[at + 1 : at + 2] == [")"]
        at += 2 if closed else 0
        while not closed:
            argument, at = _parse_one(tokens, at + 1, depth + 1)
            arguments.append(argument)
            if at >= len(tokens):
                raise ProtocolError("a column's type is cut off")
            closed = tokens[at] == ")"
            at += 1 if closed else 0
    return _Name(name, tuple(arguments)), at


def _number(argument: _Name) -> int:
    try:
        return int(argument.name)
    except ValueError:
        raise ProtocolError("a column's type lacks a number") from None


def _build(written: _Name) -> Layout:
    name, arguments = written.name, written.arguments
    if name in _WIDTHS:
        return Fixed(_WIDTHS[name])
    if name == "String":
        return Strings()
    if name in _GEOMETRY:
        return layout(_GEOMETRY[name])
    if name.startswith("Interval"):
        return Fixed(_WIDTHS["Int64"])
    if name not in _COMPOSED or not arguments:
        raise ProtocolError(f"columns of type {name} can't be transferred")
    return _COMPOSED[name](arguments)


def _decimal(arguments: tuple[_Name, ...]) -> Layout:
    digits = _number(arguments[0])
    return Fixed(next((width for most, width in _DECIMALS if digits <= most), 32))


def _tuple(arguments: tuple[_Name, ...]) -> Layout:
    return Tuple(tuple(_build(item) for item in arguments))


def _low_cardinality(arguments: tuple[_Name, ...]) -> Layout:
    keys = arguments[0]  # NULL is one of the keys: there are no marks
    return LowCardinality(_build(keys.arguments[0] if keys.name == "Nullable" and keys.arguments else keys))


_COMPOSED: dict[str, Callable[[tuple[_Name, ...]], Layout]] = {
    "FixedString": lambda arguments: Fixed(_number(arguments[0])),
    "Decimal": _decimal,
    "Nullable": lambda arguments: Nullable(_build(arguments[0])),
    "Array": lambda arguments: Array(_build(arguments[0])),
    "Tuple": _tuple,
    "Nested": lambda arguments: Array(_tuple(arguments)),
    "Map": lambda arguments: Array(_tuple(arguments)),
    "SimpleAggregateFunction": lambda arguments: _build(arguments[-1]),  # the function, then its type
    "LowCardinality": _low_cardinality,
}


@lru_cache(maxsize=4096)
def layout(type_name: str) -> Layout:
    """The layout of a type as ClickHouse writes it; ProtocolError for one that can't be measured here.

    That is: AggregateFunction, Variant, Dynamic, JSON and Object.
    """
    return _build(_parse(type_name))
