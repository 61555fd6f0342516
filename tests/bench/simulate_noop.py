"""The measure for the simulator: a server that acknowledges whatever it is sent, and does nothing else."""

from __future__ import annotations

import asyncio
import sys

BODY = b'{"status":"accepted","id":"00000000-0000-4000-8000-000000000000"}'
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
    len(BODY),
    BODY,
)


class Noop(asyncio.Protocol):
    """One keep-alive connection, with one request under way."""

    def __init__(self) -> None:
        """Nothing has come yet."""
        self._read = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where answers go."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer once all of a request is there."""
        self._read += data
        head, end, body = self._read.partition(b"\r\n\r\n")
        if not end or len(body) < length_of(head):
            return
        self._read = b""
        assert self._transport is not None
        self._transport.write(ANSWER)


def length_of(head: bytes) -> int:
    """Of the body."""
    at = head.lower().find(b"content-length:")
    return 0 if at < 0 else int(head[at + 15 :].split(b"\r\n", 1)[0])


async def main(port: int) -> None:
    """Serve until SIGTERM."""
    server = await asyncio.get_running_loop().create_server(Noop, "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
