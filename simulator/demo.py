"""The demo sources' callback URLs, as `make run` keeps them: a name and its URL a line."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings


def urls_file(settings: Settings) -> Path:
    """Where they are kept, readable by this user only: tokens are shown only once."""
    return settings.data / "demo-urls"


def kept_urls(settings: Settings) -> dict[str, str]:
    """The URLs by source; none if `make run` never ran; raises `OSError` if we may not read them.

    A line without a name and a URL is skipped.
    """
    try:
        lines = urls_file(settings).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split() for line in lines if len(line.split()) == 2)
    return dict(pairs)
