"""What can go wrong between us and the provider, a type for each.

The texts never hold a token, a phone number or anything else from a request. Of a provider's own message,
words with a digit and words that are too long are left out.
"""

from __future__ import annotations

from runtime.errors import CallweaveError

LONGEST_WORD = 32
LONGEST_MESSAGE = 200


class ProviderError(CallweaveError): ...


class NotAuthorisedError(ProviderError):
    """The provider does not authorise us, or not for this."""


class NotFoundError(ProviderError):
    """The extension, client or call does not exist."""


class RefusedError(ProviderError):
    """The provider did not do it, and blames the request."""


class LimitReachedError(RefusedError):
    """A limit of the client or the extension is reached, such as the number of events."""


class CallbackRateLimitExceededError(LimitReachedError):
    """`callback_rate_limit_exceeded`: too many calls are in progress for another one (document 004)."""


class LaterError(ProviderError):
    """Nothing was done; it may be tried again."""

    def __init__(self, text: str, retry_after: float | None = None) -> None:
        """`retry_after` is in seconds, None if the provider gives none."""
        super().__init__(text)
        self.retry_after = retry_after


class TooManyRequestsError(LaterError):
    """We ask too fast."""


class UnavailableError(LaterError):
    """There is no usable answer: nothing was sent, or it was only a question."""


class UnansweredError(ProviderError):
    """The request may have been carried out; this can't be known. It must not be repeated blindly."""


class UnreadableError(ProviderError):
    """The answer is not what the documents say."""


def shown(message: object) -> str:
    """A provider's message without what may be a secret, or ''."""
    if not isinstance(message, str):
        return ""
    words = [
        "…"
        if len(word) > LONGEST_WORD or not word.isprintable() or any(char.isdigit() for char in word)
        else word
        for word in message.split()
    ]
    return " ".join(words)[:LONGEST_MESSAGE]
