"""The demo sources' callback URLs, as `make run` keeps them: a line each, a name and its URL."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings


def urls_file(settings: Settings) -> Path:
    """Where they are kept, readable by us alone: tokens are shown only once."""
    return settings.data / "demo-urls"


def kept_urls(settings: Settings) -> dict[str, str]:
    """Them by the source's name, none where `make run` never ran; raises `OSError` where we may not read.

    A line that is no name and URL is passed over.
    """
    try:
        lines = urls_file(settings).read_text("utf-8").splitlines()
    except FileNotFoundError:
        return {}
    pairs = (line.split() for line in lines if len(line.split()) == 2)  # noqa: PLR2004 - a name and a URL
    return dict(pairs)
