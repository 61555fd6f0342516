"""Answers to callbacks that are about to be published: those that arrived together are published together.

A thread that waits for its one callback alone costs as much in waking up as all else that it does. So ours
takes all requests that have come, asks the application for each, and waits once for all.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from flask import Response

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

    from ingest.groups import Message

TOGETHER = "callweave.together"
"""In a request's environment: the list for its answer, if that is to follow later."""


class Later(Response):
    """The answer to a callback, once that is kept or can't be; any other server just waits for it."""

    def __init__(
        self, message: Message, keep: Callable[[list[Message]], None], then: Callable[[], Response]
    ) -> None:  # what werkzeug keeps of a response, this one has not
        """`keep` gives each message that it does not keep its `error`, and raises nothing."""
        self.message = message
        self.keep = keep
        self.then = then
        self.environ: WSGIEnvironment = {}

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        together: list[Later] | None = environ.get(TOGETHER)
        if together is not None:
            self.environ = environ
            together.append(self)
            return []
        self.keep([self.message])
        return self.then()(environ, start_response)
