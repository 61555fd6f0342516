"""The source of the watch's own callbacks, which `make run` adds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from operations.watch.freshness import ACCOUNT, DIALECT, SOURCE, callback_url, url_file
from provider.subscriptions import token_of
from runtime import sources
from runtime.files import replace_file

if TYPE_CHECKING:
    from runtime.settings import Settings


def ensure(settings: Settings) -> None:
    """Have the watch know a callback URL of its own source, unless its settings name one."""
    if settings.watch.callback_url is not None:
        return
    file, kept = settings.sources_file, callback_url(settings)
    known = sources.load(file)
    owner = known.by_token(token_of(kept)) if kept else None
    if owner is not None and owner.name == SOURCE:
        token = token_of(kept or "")
    elif (own := known.get(SOURCE)) is not None and own.active:
        token = sources.rotate(file, SOURCE)
    else:
        token = sources.add(file, SOURCE, ACCOUNT, DIALECT, "UTC")
    replace_file(url_file(settings), f"{settings.ingest.callback_url(token)}\n".encode())
