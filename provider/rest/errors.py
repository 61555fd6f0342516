"""What can go wrong between us and the provider, each as a type of its own.

The texts never hold a token, a phone number or anything else out of a request: a provider's own message is
shown without its words that hold a digit or are too long to be words.
"""

from __future__ import annotations

from runtime.errors import CallweaveError

LONGEST_WORD = 32
LONGEST_MESSAGE = 200


class ProviderError(CallweaveError):
    """Base of them all."""


class NotAuthorisedError(ProviderError):
    """The provider doesn't let us in, or not to this."""


class NotFoundError(ProviderError):
    """There is no such extension, client or call."""


class RefusedError(ProviderError):
    """The provider did not do it, and says that the request is to blame."""


class LimitReachedError(RefusedError):
    """A limit of the client or the extension is reached, as of its events."""


class CallbackRateLimitExceededError(LimitReachedError):
    """`callback_rate_limit_exceeded`: the calls in progress leave no room for one more (document 004)."""


class TooManyRequestsError(ProviderError):
    """We ask too fast; nothing was done."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        """`retry_after` is in seconds, None where the provider doesn't say."""
        super().__init__(text)
        self.retry_after = retry_after


class UnavailableError(ProviderError):
    """There is no usable answer, and asking again does no harm: nothing was sent, or it only asked."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        """`retry_after` is in seconds, None where the provider doesn't say."""
        super().__init__(text)
        self.retry_after = retry_after


class UnansweredError(ProviderError):
    """The request may have been carried out, but we can't know: it must not be repeated blindly."""


class UnreadableError(ProviderError):
    """The answer is not what the documents say."""


def shown(message: object) -> str:
    """A provider's message without what may be a secret; '' for what is none."""
    if not isinstance(message, str):
        return ""
    words = [
        "…"
        if len(word) > LONGEST_WORD or not word.isprintable() or any(char.isdigit() for char in word)
        else word
        for word in message.split()
    ]
    return " ".join(words)[:LONGEST_MESSAGE]
