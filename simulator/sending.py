"""Send what is due when it is due, on keep-alive connections, and again if the ingress asks for it."""

from __future__ import annotations

import asyncio
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import orjson

from simulator.connection import Connection, NoAnswerError
from simulator.ledger import Attempt

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from simulator.connection import Answer, Endpoint
    from simulator.schedule import Sending

    Queue = asyncio.Queue[tuple[Sending, int]]  # what to send, and which attempt it is

SERVER_ERROR = 500
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
"""Seconds between two attempts, doubled each time."""
ASLEEP = 0.002
"""Shorter sleeps (s) cost more than they gain."""
BACKLOG = 8
"""Requests queued for each connection before the schedule waits."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Manner:
    speedup: float = 1.0
    """How many seconds of the calls' clock pass in one of ours."""
    connections: int = 16
    """To each server: no more requests are under way at once."""
    retries: int = 3
    """After a 5xx or no answer; what is answered with a 4xx is never sent again."""
    patience: float = 10.0
    """Seconds for one request."""


@dataclass(slots=True)
class Tally:
    latencies: array[float] = field(default_factory=lambda: array("d"))
    """Of each answered request, in seconds."""
    statuses: Counter[int | None] = field(default_factory=Counter)
    retried: int = 0
    planned: int = 0
    through: int = 0
    """Webhooks with nothing left to do."""
    behind: float = 0.0
    """How many seconds the schedule was late, at most."""
    seconds: float = 0.0


class Postman:
    """Sends a sequence of webhooks, in order of time; `noted` gets each attempt."""

    def __init__(
        self,
        endpoints: Mapping[str, Endpoint],
        manner: Manner,
        tally: Tally,
        noted: Callable[[Sending, Attempt], None],
    ) -> None:
        """`endpoints` are by source."""
        self._endpoints = endpoints
        self._manner = manner
        self._tally = tally
        self._noted = noted
        self._queues: dict[tuple[str, int, bool], Queue] = {
            endpoint.server: asyncio.Queue() for endpoint in endpoints.values()
        }
        self._room = asyncio.Semaphore(BACKLOG * manner.connections * len(self._queues))
        self._later: set[asyncio.TimerHandle] = set()
        self._all_through = asyncio.Event()
        self._all_queued = False

    async def deliver(self, sendings: Iterator[Sending], origin: int) -> None:
        """Send them all, until each is answered or given up. `origin` (µs) is now by the calls' clock."""
        begin = time.perf_counter()
        try:
            async with asyncio.TaskGroup() as tasks:
                workers = [
                    tasks.create_task(self._work(server))
                    for server in self._queues
                    for _ in range(self._manner.connections)
                ]
                await self._queue(sendings, origin)
                self._all_queued = True
                self._check()
                await self._all_through.wait()
                for worker in workers:
                    worker.cancel()
        finally:
            for handle in self._later:
                handle.cancel()
            self._tally.seconds = time.perf_counter() - begin

    async def _queue(self, sendings: Iterator[Sending], origin: int) -> None:
        """Put each into its server's queue when it is due."""
        tally, speedup = self._tally, self._manner.speedup
        begin = time.perf_counter()
        for sending in sendings:
            due = begin + (sending.delivery.due - origin) / speedup / 1e6
            wait = due - time.perf_counter()
            if wait > ASLEEP:
                await asyncio.sleep(wait)
            await self._room.acquire()
            tally.behind = max(tally.behind, time.perf_counter() - due)
            tally.planned += 1
            self._queues[self._endpoints[sending.planned.sender.source].server].put_nowait((sending, 1))

    async def _work(self, server: tuple[str, int, bool]) -> None:
        """One connection: a request at a time."""
        queue, connection = self._queues[server], Connection(server)
        try:
            while True:
                sending, number = await queue.get()
                if number == 1:
                    self._room.release()
                await self._attempt(connection, queue, sending, number)
        finally:
            connection.close()

    async def _attempt(self, connection: Connection, queue: Queue, sending: Sending, number: int) -> None:
        endpoint = self._endpoints[sending.planned.sender.source]
        text = endpoint.request(sending.delivery.request)
        sent_at, begin = time.time_ns() // 1000, time.perf_counter()
        answer: Answer | None
        try:
            answer = await connection.exchange(text, self._manner.patience)
        except NoAnswerError:
            answer = None
        else:
            self._tally.latencies.append(time.perf_counter() - begin)
        self._tally.statuses[answer.status if answer else None] += 1
        failed = answer is None or answer.status >= SERVER_ERROR
        again = failed and number <= self._manner.retries
        attempt = Attempt(
            number=number,
            sent_at=sent_at,
            answered_at=time.time_ns() // 1000 if answer else None,
            status=answer.status if answer else None,
            id=callback_id(answer.body) if answer else None,
            final=not again,
        )
        self._noted(sending, attempt)
        if again:
            self._send_later(queue, sending, number, answer)
        else:
            self._tally.through += 1
            self._check()

    def _send_later(self, queue: Queue, sending: Sending, number: int, answer: Answer | None) -> None:
        self._tally.retried += 1
        pause = min(FIRST_PAUSE * 2 ** (number - 1), LONGEST_PAUSE)
        if answer is not None and answer.retry_after is not None:
            pause = min(answer.retry_after, LONGEST_PAUSE)

        def put() -> None:
            self._later.discard(handle)
            queue.put_nowait((sending, number + 1))

        handle = asyncio.get_running_loop().call_later(pause, put)
        self._later.add(handle)

    def _check(self) -> None:
        if self._all_queued and self._tally.through == self._tally.planned:
            self._all_through.set()


def callback_id(body: bytes) -> str | None:
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    found = answer.get("id") if isinstance(answer, dict) else None
    return found if isinstance(found, str) else None
