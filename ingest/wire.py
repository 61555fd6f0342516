"""One blocking connection to one broker, in kafka-python's protocol: ask, and wait for the answer."""

from __future__ import annotations

import contextlib
import socket
import ssl
import time
from typing import TYPE_CHECKING, Any

from kafka.errors import KafkaConnectionError, KafkaTimeoutError, SaslAuthenticationFailedError, for_code
from kafka.net.sasl import get_sasl_mechanism
from kafka.protocol.metadata import MetadataRequest
from kafka.protocol.parser import KafkaProtocol
from kafka.protocol.sasl import SaslAuthenticateRequest, SaslHandshakeRequest

if TYPE_CHECKING:
    from collections.abc import Iterable

Options = dict[str, Any]
"""As `runtime.kafka.client_options` gives them."""
Address = tuple[str, int]

CLIENT_ID = "callweave-ingest"
RECEIVE_BYTES = 65536
IDLE_SECONDS = 1.0
"""A connection that was not used for so long is looked at before it is used: brokers close idle ones."""

# Versions that every broker from 2.4 on speaks, 4.x included; so nothing has to be negotiated.
PRODUCE_VERSION = 9
METADATA_VERSION = 9
SASL_HANDSHAKE_VERSION = 1
SASL_AUTHENTICATE_VERSION = 2


class Wire:
    """A connection, authenticated. For one thread at a time; any error leaves it unusable."""

    def __init__(self, address: Address, options: Options, deadline: float) -> None:
        """Connect by `deadline` (monotonic seconds); raise `KafkaError` or OSError."""
        self._protocol = KafkaProtocol(client_id=CLIENT_ID)
        self._used = time.monotonic()
        self._socket = socket.create_connection(address, timeout=remaining(deadline))
        try:
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if options["security_protocol"].endswith("SSL"):
                self._socket = options["ssl_context"].wrap_socket(self._socket, server_hostname=address[0])
            if options["security_protocol"].startswith("SASL"):
                self._authenticate(address[0], options, deadline)
        except BaseException:
            self._socket.close()
            raise

    def ask(self, request: Any, deadline: float) -> Any:
        """The broker's answer to a request; raise `KafkaError` or OSError, `KafkaTimeoutError` when late."""
        self._protocol.send_request(request)
        self._socket.settimeout(remaining(deadline))
        try:
            self._socket.sendall(self._protocol.send_bytes())
            while True:
                self._socket.settimeout(remaining(deadline))
                data = self._socket.recv(RECEIVE_BYTES)
                if not data:
                    raise KafkaConnectionError("the broker closed the connection")
                for _, answer in self._protocol.receive_bytes(data):
                    self._used = time.monotonic()
                    return answer
        except TimeoutError:
            raise KafkaTimeoutError("the broker did not answer in time") from None

    def usable(self) -> bool:
        """Whether the broker has left it open, as far as can be told without asking."""
        if time.monotonic() - self._used < IDLE_SECONDS:
            return True
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True  # open, and nothing to read: as it should be between two requests
        except OSError:
            return False
        return False

    def close(self) -> None:
        """Close it, under the hands of a thread that waits for an answer too."""
        with contextlib.suppress(OSError):  # it is closed already
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()

    def _authenticate(self, host: str, options: Options, deadline: float) -> None:
        name = options["sasl_mechanism"]
        answer = self.ask(SaslHandshakeRequest(mechanism=name, version=SASL_HANDSHAKE_VERSION), deadline)
        raise_for(answer.error_code)
        mechanism = get_sasl_mechanism(name)(host=host, **options)
        while not mechanism.is_done():
            token = mechanism.auth_bytes()
            request = SaslAuthenticateRequest(auth_bytes=token, version=SASL_AUTHENTICATE_VERSION)
            answer = self.ask(request, deadline)
            raise_for(answer.error_code)
            mechanism.receive(answer.auth_bytes)
        if not mechanism.is_authenticated():
            raise SaslAuthenticationFailedError


def bootstrap(options: Options, deadline: float) -> Wire:
    """A connection to the first bootstrap server that takes it; raise what the last of them raised."""
    addresses = [address_of(server) for server in options["bootstrap_servers"]]
    for number, address in enumerate(addresses):
        share = time.monotonic() + remaining(deadline) / (len(addresses) - number)
        try:
            return Wire(address, options, share)
        except OSError:
            if number == len(addresses) - 1:
                raise
    raise KafkaConnectionError("there is no bootstrap server")


def metadata(wire: Wire, topics: Iterable[str], deadline: float) -> Any:
    """What the broker knows of the cluster and of some topics; raise `KafkaError` or OSError."""
    return wire.ask(
        MetadataRequest(
            topics=[MetadataRequest.MetadataRequestTopic(name=topic) for topic in topics],
            allow_auto_topic_creation=False,
            version=METADATA_VERSION,
        ),
        deadline,
    )


def address_of(server: str) -> Address:
    """Of HOST:PORT, [HOST]:PORT or HOST."""
    host, colon, port = server.rpartition(":")
    if not colon or not port.isdecimal():
        return server.strip("[]"), 9092
    return host.strip("[]"), int(port)


def raise_for(error_code: int) -> None:
    """Raise what an answer's error code stands for."""
    if error_code:
        raise for_code(error_code)


def remaining(deadline: float) -> float:
    """Seconds until a deadline; raise `KafkaTimeoutError` when it is past."""
    seconds = deadline - time.monotonic()
    if seconds <= 0:
        raise KafkaTimeoutError("no time is left")
    return seconds
