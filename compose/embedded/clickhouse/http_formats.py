"""Output formats over HTTP: content types, and which results can be sent piece by piece.

The engine formats every piece of a streamed result separately. So a format streams only if its pieces can
be joined, once the column names in front are cut from all but the first.
"""

from __future__ import annotations

from compose.embedded.clickhouse.wire import Reader

DEFAULT_FORMAT = "TabSeparated"
_ALIASES = {
    "tsv": "TabSeparated",
    "tsvraw": "TabSeparatedRaw",
    "raw": "TabSeparatedRaw",
    "tsvwithnames": "TabSeparatedWithNames",
    "tsvwithnamesandtypes": "TabSeparatedWithNamesAndTypes",
    "jsonlines": "JSONEachRow",
    "ndjson": "JSONEachRow",
}
_BINARY = "application/octet-stream"
_STREAMED = {
    "text/tab-separated-values; charset=UTF-8": ("TabSeparated", "TabSeparatedRaw"),
    "text/csv; charset=UTF-8": ("CSV",),
    "application/x-ndjson; charset=UTF-8": (
        "JSONEachRow",
        "JSONStringsEachRow",
        "JSONCompactEachRow",
        "JSONCompactStringsEachRow",
    ),
    "text/plain; charset=UTF-8": ("TSKV", "LineAsString"),
    _BINARY: ("Native", "RowBinary", "MsgPack"),
}
_FAMILIES = {name: kind for kind, names in _STREAMED.items() for name in names}
_WHOLE = {
    "JSON": "application/json; charset=UTF-8",
    "XML": "application/xml; charset=UTF-8",
    **dict.fromkeys(("Parquet", "ORC", "Arrow", "Avro"), _BINARY),
}  # by how their names begin
_NAMED = ("WithNamesAndTypes", "WithNames")


def canonical(name: str) -> str:
    """A format's name as ClickHouse writes it; clients abbreviate some."""
    return _ALIASES.get(name.lower(), name)


def _family(name: str) -> tuple[str, int]:
    """The format without names in front, and how many header rows the names take."""
    for rows, ending in ((2, _NAMED[0]), (1, _NAMED[1])):
        if name.endswith(ending):
            return name.removesuffix(ending), rows
    return name, 0


def streams(name: str) -> bool:
    """Whether a result in this format can be sent piece by piece."""
    return _family(name)[0] in _FAMILIES


def content_type(name: str) -> str:
    family, header_rows = _family(name)
    if family == "CSV":
        return f"{_FAMILIES[family]}; header={'present' if header_rows else 'absent'}"
    if family in _FAMILIES:
        return _FAMILIES[family]
    return next(
        (kind for start, kind in _WHOLE.items() if name.startswith(start)), "text/plain; charset=UTF-8"
    )


def header_size(name: str, piece: bytes) -> int:
    """How many bytes of column names, and types, precede the data in a piece of a streaming format."""
    family, rows = _family(name)
    if rows == 0:
        return 0
    if family == "RowBinary":
        return _binary_header(piece, rows)
    end = 0
    for _ in range(rows):
        end = _csv_line_end(piece, end) if family == "CSV" else piece.index(b"\n", end) + 1
    return end


def _binary_header(piece: bytes, rows: int) -> int:
    source = Reader(lambda: b"", len(piece) + 1)
    source.data += piece
    for _ in range(source.varint() * rows):
        source.binary()
    return source.position


def _csv_line_end(piece: bytes, start: int) -> int:
    """After the first line break outside of quotes: a name may contain line breaks."""
    quoted = False
    for at in range(start, len(piece)):
        if piece[at] == ord('"'):
            quoted = not quoted
        elif piece[at] == ord("\n") and not quoted:
            return at + 1
    return len(piece)
