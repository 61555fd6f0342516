"""Cut values into pieces that are small enough for whoever takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Value = TypeVar("Value")


def pieces(
    values: Iterable[Value], size: Callable[[Value], int], *, most_bytes: int, most: int | None = None
) -> Iterator[tuple[Value, ...]]:
    """Return all values in order, none of the pieces empty.

    A piece has at most `most` values, and by their sizes at most `most_bytes`, unless one value is larger.
    """
    piece: list[Value] = []
    taken = 0
    for value in values:
        more = size(value)
        if piece and (len(piece) == most or taken + more > most_bytes):
            yield tuple(piece)
            piece, taken = [], 0
        piece.append(value)
        taken += more
    if piece:
        yield tuple(piece)
