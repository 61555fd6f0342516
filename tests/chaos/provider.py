"""A provider: threads that post callbacks, try again what got no 200, and keep a ledger of what did."""

from __future__ import annotations

import threading
from collections import Counter
from typing import TYPE_CHECKING, Self

import httpx

from tests.chaos.calls import common_api_call, extension_events_call
from tests.samples import SHAPES, Request, in_shape

if TYPE_CHECKING:
    import random

    from tests.chaos.calls import Payload

THREADS = 3
PAUSE_SECONDS = 0.03
"""Of a thread, between two callbacks: a third of what one core can take, so that the stages get the rest."""
RETRY_SECONDS = 0.5
CALLS_AT_ONCE = 40
"""So many calls tell of themselves at the same time."""
AGAIN = 0.05
"""So many callbacks are sent once more though they got their 200."""


class Provider:
    """Posts the callbacks of ever new calls until it is told to stop."""

    def __init__(self, rng: random.Random, common_api: str, extension_events: str) -> None:
        """The two are callback URLs."""
        self._rng = rng
        self._urls = (common_api, extension_events)
        self._lock = threading.Lock()
        self._waiting: list[tuple[str, Request]] = []
        self._over = threading.Event()
        self._given_up = threading.Event()
        self._threads = [threading.Thread(target=self._work, daemon=True) for _ in range(THREADS)]
        self._client = httpx.Client(timeout=30)
        self.ledger: list[str] = []
        """The ids that got 200."""
        self.answers: Counter[str] = Counter()
        """By status, or by the name of the error."""

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def finish(self) -> None:
        """Begin nothing new; return when all that was begun has its 200."""
        self._over.set()
        for thread in self._threads:
            thread.join()

    def __exit__(self, *_: object) -> None:
        self._given_up.set()  # nothing is tried again
        self.finish()
        self._client.close()

    def probe(self) -> str:
        """A call of a single callback: its id, once the callback has its 200."""
        with self._lock:
            payload = common_api_call(self._rng)[-1]
        self.send(self._urls[0], in_shape(payload, "json"))
        return str(payload["uuid"])

    def send(self, url: str, request: Request) -> None:
        """Post it until it gets its 200."""
        while not self._given_up.is_set():
            said = self._post(url, request)
            with self._lock:
                if said.startswith("id "):
                    self.ledger.append(said.removeprefix("id "))
                    self.answers["200"] += 1
                    return
                self.answers[said] += 1
            self._given_up.wait(RETRY_SECONDS)

    def _post(self, url: str, request: Request) -> str:
        in_url = request.method == "GET"
        try:
            answer = self._client.request(
                request.method,
                f"{url}?{request.payload.decode()}" if in_url else url,
                content=None if in_url else request.payload,
                headers={"Content-Type": request.content_type} if request.content_type else {},
            )
        except httpx.TransportError as error:
            return type(error).__name__
        return (
            f"id {answer.json()['id']}" if answer.status_code == httpx.codes.OK else str(answer.status_code)
        )

    def _work(self) -> None:
        while not self._over.wait(PAUSE_SECONDS):
            with self._lock:
                url, request = self._next()
                times = 2 if self._rng.random() < AGAIN else 1
            for _ in range(times):
                self.send(url, request)

    def _next(self) -> tuple[str, Request]:
        """Any callback of any call that is under way."""
        while len(self._waiting) < CALLS_AT_ONCE * 5:
            which = self._rng.randrange(2)
            payloads: list[Payload] = (common_api_call, extension_events_call)[which](self._rng)
            self._waiting += [
                (self._urls[which], in_shape(each, self._rng.choice(SHAPES))) for each in payloads
            ]
        place = self._rng.randrange(len(self._waiting))
        self._waiting[place], self._waiting[-1] = self._waiting[-1], self._waiting[place]
        return self._waiting.pop()
