"""Repeat what is safe to repeat, with growing pauses, and never sooner than the provider asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tenacity import Retrying, retry_if_exception, stop_after_attempt
from tenacity.wait import wait_random_exponential

from provider.rest.errors import LaterError, ProviderError, UnansweredError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import RetryCallState

FIRST_PAUSE_SECONDS = 0.5

WHEN_ASKING = (LaterError,)
"""Errors after which nothing was done."""
WHEN_LOOKED_FOR = (*WHEN_ASKING, UnansweredError)
"""For a caller that checks whether it was done before trying again."""
WHEN_NOTHING_SENT = (UnavailableError,)
"""For a request that must not be carried out twice: there was no connection to send it on."""


def retrying(
    attempts: int,
    longest_pause: float,
    sleep: Callable[[float], None],
    *,
    on: tuple[type[ProviderError], ...] = WHEN_ASKING,
) -> Retrying:
    """Repeat on these errors, and raise the last of them itself; pauses are in seconds."""
    backoff = wait_random_exponential(multiplier=FIRST_PAUSE_SECONDS, max=longest_pause)

    def again(error: BaseException) -> bool:
        return isinstance(error, on) and (getattr(error, "retry_after", None) or 0.0) <= longest_pause

    def pause(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = getattr(error, "retry_after", None) or 0.0
        return max(asked, backoff(state))

    return Retrying(
        stop=stop_after_attempt(attempts),
        wait=pause,
        retry=retry_if_exception(again),
        sleep=sleep,
        reraise=True,
    )
