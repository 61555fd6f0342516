"""A light HTTP load generator: prepared bytes on keep-alive sockets, one thread, epoll.

Closed loop: every connection sends its next request as soon as it has its answer. Open loop: requests are
due at a fixed rate whatever the answers do, and a request's time counts from when it was due, so that a
server that stalls is not flattered. Costs about 15 µs of processor a request.
"""

from __future__ import annotations

import select
import socket
import time
from collections import Counter, deque
from dataclasses import dataclass, field


@dataclass
class Result:
    """What a run of load came to."""

    seconds: float
    latencies: list[float] = field(repr=False)
    """Of each answered request, seconds."""
    statuses: Counter[int]
    processor_seconds: float
    """That the generator itself used."""

    @property
    def rate(self) -> float:
        """Answers per second."""
        return len(self.latencies) / self.seconds

    def quantile(self, share: float) -> float:
        """Latency, in seconds, that `share` of the requests stayed within."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def whole(answer: bytes) -> bool:
    """Whether all of an answer has come: its headers, and the body that they announce."""
    head, end, body = answer.partition(b"\r\n\r\n")
    at = head.lower().find(b"content-length:")
    return bool(end) and len(body) >= int(head[at + 15 :].split(b"\r\n", 1)[0])


class Connections:
    """Keep-alive connections to one server, each with at most one request under way."""

    def __init__(self, host: str, port: int, count: int) -> None:
        """Open them all."""
        self._poll = select.epoll()
        self._sockets: dict[int, socket.socket] = {}
        self._sent_at: dict[int, float] = {}
        self._read: dict[int, bytes] = {}
        self.idle: deque[int] = deque()
        for _ in range(count):
            connection = socket.create_connection((host, port), timeout=10)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.settimeout(0)
            self._sockets[connection.fileno()] = connection
            self._poll.register(connection.fileno(), select.EPOLLIN)
            self.idle.append(connection.fileno())

    def send(self, request: bytes, due: float) -> None:
        """Send on an idle connection; `due` is when its time begins. Requests fit into a socket's buffer."""
        number = self.idle.popleft()
        self._sent_at[number] = due
        self._sockets[number].send(request)

    def answers(self, timeout: float) -> list[tuple[int, float]]:
        """Status and latency of what has been answered; waits up to `timeout` seconds for the first."""
        found = []
        for number, _ in self._poll.poll(timeout):
            more = self._sockets[number].recv(65536)
            if not more:
                raise ConnectionError("the server closed a connection")
            answer = self._read[number] = self._read.get(number, b"") + more
            if whole(answer):
                del self._read[number]
                found.append((int(answer[9:12]), time.perf_counter() - self._sent_at.pop(number)))
                self.idle.append(number)
        return found

    @property
    def under_way(self) -> int:
        """Requests without an answer."""
        return len(self._sent_at)

    def close(self) -> None:
        """Close them all."""
        self._poll.close()
        for connection in self._sockets.values():
            connection.close()


def closed_loop(host: str, port: int, requests: list[bytes], connections: int, seconds: float) -> Result:
    """As many requests as `connections` clients get answered."""
    lines = Connections(host, port, connections)
    result = Result(seconds, [], Counter(), time.process_time())
    start = time.perf_counter()
    sent = 0
    while time.perf_counter() - start < seconds:
        while lines.idle:
            lines.send(requests[sent % len(requests)], time.perf_counter())
            sent += 1
        for status, latency in lines.answers(1.0):
            result.statuses[status] += 1
            result.latencies.append(latency)
    return finished(lines, result, start)


def open_loop(
    host: str, port: int, requests: list[bytes], connections: int, *, seconds: float, rate: float
) -> Result:
    """`rate` requests a second, evenly; late ones are sent as soon as a connection is free."""
    lines = Connections(host, port, connections)
    result = Result(seconds, [], Counter(), time.process_time())
    start = time.perf_counter()
    sent, total = 0, int(rate * seconds)
    while sent < total or lines.under_way:
        now = time.perf_counter()
        while lines.idle and sent < total and start + sent / rate <= now:
            lines.send(requests[sent % len(requests)], start + sent / rate)
            sent += 1
        wait = start + sent / rate - time.perf_counter() if sent < total and lines.idle else 1.0
        for status, latency in lines.answers(max(wait, 0.0)):
            result.statuses[status] += 1
            result.latencies.append(latency)
    return finished(lines, result, start)


def finished(lines: Connections, result: Result, start: float) -> Result:
    """Close and tell what it took."""
    result.seconds = time.perf_counter() - start
    result.processor_seconds = time.process_time() - result.processor_seconds
    lines.close()
    return result
