"""Reading archived callbacks with the code and the sources file of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.normalize.outcome import outcome_of
from runtime import sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.normalize.step import Normalized, Rejected
    from runtime.settings import Settings
    from schemas.callbacks import Callback

    Read = Callable[[Callback], Normalized | Rejected]


def reader(settings: Settings) -> Read:
    """Return a function that reads callbacks as their sources are configured now; raises `SourcesError`."""
    configured = sources.load(settings.sources_file)
    return lambda callback: outcome_of(callback, configured.get(callback.source))
