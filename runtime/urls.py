"""URLs that settings hold."""

from __future__ import annotations

from urllib.parse import urlsplit


def checked_base(text: str, example: str) -> str:
    """Return a URL to which a path can be added, without a slash at its end; raise `ValueError`."""
    try:
        parts = urlsplit(text)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:  # from its port, or a bracket that is not closed
        usable = False
    if not usable or parts.query or parts.fragment or parts.username or parts.password:
        raise ValueError(f"must be as in {example}, without query, fragment or user")
    return text.rstrip("/")
