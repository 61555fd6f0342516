"""Post webhooks when they are due, to the subscribed URLs, and again until somebody accepts them."""

from __future__ import annotations

import heapq
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx

from simulator.shapes import request_of

if TYPE_CHECKING:
    from simulator.model import Fields

TRIES = 20
PAUSE_SECONDS = 0.5
TIMEOUT_SECONDS = 10.0


@dataclass(order=True, slots=True)
class Post:
    due: float
    """In seconds of `time.monotonic`."""
    number: int
    url: str = field(compare=False)
    method: str = field(compare=False)
    fields: Fields = field(compare=False)
    call: str = field(compare=False)
    tries: int = field(default=0, compare=False)


class Delivery:
    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._waiting: list[Post] = []
        self._open: dict[str, int] = {}
        """By call, how many of its posts are neither accepted nor given up."""
        self._number = 0
        self._stopped = False
        self.taken: list[Post] = []
        """What was answered with 200."""
        self.given_up: list[Post] = []
        self._thread = threading.Thread(target=self._run, name="simulated-provider", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        if self._thread.is_alive():
            self._thread.join(TIMEOUT_SECONDS + 1)

    def post(self, call: str, url: str, method: str, fields: Fields, in_seconds: float) -> None:
        """Post it after this many seconds; those due together, in the order of these calls."""
        with self._changed:
            self._number += 1
            due = time.monotonic() + in_seconds
            heapq.heappush(self._waiting, Post(due, self._number, url, method, fields, call))
            self._open[call] = self._open.get(call, 0) + 1
            self._changed.notify_all()

    def wait_for(self, call: str, timeout: float) -> bool:
        """Wait until everything of the call was accepted or given up; return whether it was, in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._open.get(call), timeout)

    def _run(self) -> None:
        with httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False) as http:
            while (post := self._next()) is not None:
                self._settle(post, taken=_send(http, post))

    def _next(self) -> Post | None:
        """The next that is due; None if there will be no more."""
        with self._changed:
            while not self._stopped:
                if not self._waiting:
                    self._changed.wait()
                    continue
                left = self._waiting[0].due - time.monotonic()
                if left <= 0:
                    return heapq.heappop(self._waiting)
                self._changed.wait(left)
            return None

    def _settle(self, post: Post, *, taken: bool) -> None:
        with self._changed:
            post.tries += 1
            if not taken and post.tries < TRIES:
                post.due = time.monotonic() + PAUSE_SECONDS
                heapq.heappush(self._waiting, post)
                return
            (self.taken if taken else self.given_up).append(post)
            self._open[post.call] -= 1
            self._changed.notify_all()


def _send(http: httpx.Client, post: Post) -> bool:
    """Whether somebody accepted it. The fields travel as document 003 says for either method."""
    request = request_of(post.fields, "query" if post.method == "GET" else "urlencoded")
    url = post.url
    if request.query:
        url += ("&" if "?" in url else "?") + request.query
    headers = {"Content-Type": request.content_type} if request.content_type else {}
    try:
        answer = http.request(request.method, url, content=request.body, headers=headers)
    except (httpx.TransportError, httpx.InvalidURL):
        return False
    return answer.status_code == httpx.codes.OK
