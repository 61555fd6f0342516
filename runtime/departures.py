"""Where we depart from kafka-python 3.0.12.

It leaves sockets and threads behind, reads closed sockets, and answers for partitions that nobody leads.

A broker that refuses costs it one each time. A client that is closed loses those that connect, shake hands or
have something to write at that moment; its #3097 closes only what is connected and idle.

A task that waits for bytes may wake up when its connection has been closed, and then logs a traceback.

A producer that still has something to send when it is closed goes on for good.

A question where a log begins, ends or reaches a time does not wait for a partition without a leader.
"""

from __future__ import annotations

from contextlib import suppress
from functools import wraps
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary, WeakSet

from kafka.consumer.fetcher import Fetcher
from kafka.errors import KafkaConnectionError, KafkaTimeoutError
from kafka.net.inet import KafkaNetSocket
from kafka.net.selector import NetworkSelector
from kafka.net.transport import KafkaSSLTransport, KafkaTCPTransport

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from kafka import KafkaProducer, TopicPartition

    Received = tuple[bytes, Exception | None]
    Offsets = tuple[dict[TopicPartition, Any], set[TopicPartition]]

FORCED_SECONDS = 5.0
"""In which a producer's thread ends once it need not send any more; else it ends later."""


def closing_refused(connect: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    """Make `KafkaNetSocket.sock_connect` close a socket that does not become a connection."""

    @wraps(connect)
    async def closes(self: Any, net: Any, sock: Any, *args: Any, **options: Any) -> Any:
        try:
            return await connect(self, net, sock, *args, **options)
        except BaseException:  # GeneratorExit too: so a client that is closed ends its tasks
            sock.close()
            raise

    return closes


class Sockets:
    """Those that each client ever waited for."""

    def __init__(self) -> None:
        self._of: WeakKeyDictionary[Any, WeakSet[Any]] = WeakKeyDictionary()

    def noting(self, register: Callable[..., None]) -> Callable[..., None]:
        """Make `NetworkSelector.register_event` note a socket."""

        @wraps(register)
        def notes(net: Any, sock: Any, *args: Any) -> None:
            self._of.setdefault(net, WeakSet()).add(sock)
            register(net, sock, *args)

        return notes

    def closing(self, close: Callable[..., None]) -> Callable[..., None]:
        """Make `NetworkSelector.close` close all of them."""

        @wraps(close)
        def closes(net: Any) -> None:
            close(net)
            for sock in list(self._of.pop(net, ())):
                sock.close()

        return closes


def knowing_the_end(receive: Callable[..., Received]) -> Callable[..., Received]:
    """Make `_sock_recv` tell that the connection was closed meanwhile, as `_sock_send` does."""

    @wraps(receive)
    def knows(transport: Any) -> Received:
        if transport._sock is None:
            return b"", KafkaConnectionError("Connection closed during receive")
        return receive(transport)

    return knows


def waiting_for_leaders(send: Callable[..., Awaitable[Offsets]]) -> Callable[..., Awaitable[Offsets]]:
    """Make `Fetcher._send_list_offsets_requests` ask again for partitions that nobody leads now.

    `_group_list_offset_requests` (consumer/fetcher.py, line 823) leaves them out, and nobody notices:
    `beginning_offsets` and `end_offsets` then raise KeyError, and `offsets_for_times` returns None, as if
    nothing later were there. Java's client asks again, until its time is over.
    """

    @wraps(send)
    async def waits(fetcher: Any, timestamps: dict[TopicPartition, int]) -> Offsets:
        cluster = fetcher._manager.cluster
        leaderless = {each for each in timestamps if cluster.leader_for_partition(each) in {None, -1}}
        found, again = await send(fetcher, timestamps)
        return found, again | leaderless

    return waits


def close_producer(producer: KafkaProducer, seconds: float) -> None:
    """Close a producer; what is not acknowledged within these seconds fails, and raises nothing here.

    `KafkaProducer.close` begins with `self.flush(timeout)` (producer/kafka.py, line 695): it waits that long
    for each batch, and raises KafkaTimeoutError before the sender is told. Its thread, its sockets and the
    futures of its messages would stay for good: without an id from the broker, no batch of it ever expires.
    """
    sender = producer._sender
    sender.initiate_close()
    sender.join(seconds)
    if sender.is_alive():
        sender.force_close()
        sender.join(FORCED_SECONDS)
    if not sender.is_alive():
        producer._accumulator.abort_incomplete_batches()
    with suppress(KafkaTimeoutError):
        producer.close(timeout=0)


def depart() -> None:
    """Once a process, before there is a client."""
    for transport in (KafkaTCPTransport, KafkaSSLTransport):
        transport._sock_recv = knowing_the_end(transport._sock_recv)
    sockets = Sockets()
    KafkaNetSocket.sock_connect = closing_refused(KafkaNetSocket.sock_connect)
    NetworkSelector.register_event = sockets.noting(NetworkSelector.register_event)
    NetworkSelector.close = sockets.closing(NetworkSelector.close)
    Fetcher._send_list_offsets_requests = waiting_for_leaders(Fetcher._send_list_offsets_requests)
