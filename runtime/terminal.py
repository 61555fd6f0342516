"""Text of others, safe to show: a provider must not move our reader's cursor."""

from __future__ import annotations


def visible(text: str, *, lines: bool = False) -> str:
    """With control characters as escapes. With `lines` the text may have several."""
    return "".join(
        char if char.isprintable() or (lines and char == "\n") else char.encode("unicode_escape").decode()
        for char in text
    )
