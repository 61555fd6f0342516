"""Reading archived callbacks with the code and the sources file of this machine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.normalize.outcome import outcome_of
from processors.normalize.step import Rejected
from runtime import sources

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.normalize.step import Normalized
    from runtime.settings import Settings
    from schemas.callbacks import Callback

    Read = Callable[[Callback], Normalized | Rejected]


def reader(settings: Settings) -> Read:
    """Give what a callback says, as its source is configured now; raises `SourcesError`."""
    configured = sources.load(settings.sources_file)
    return lambda callback: outcome_of(callback, configured.get(callback.source))


def legs(read: Read, callback: Callback) -> tuple[str, ...]:
    """The legs that a callback names; none if it is rejected."""
    outcome = read(callback)
    return (
        () if isinstance(outcome, Rejected) else tuple(leg for event in outcome.events for leg in event.ids)
    )
