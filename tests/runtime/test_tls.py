"""A certificate that nobody vouches for is named as what it is, whichever client met it."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from runtime import topics
from runtime.clickhouse import connected
from runtime.errors import StartError
from runtime.settings import ClickHouseSettings, KafkaSettings
from runtime.tls import distrust

if TYPE_CHECKING:
    from collections.abc import Iterator

UNTRUSTED = Path(__file__).with_name("untrusted.pem")  # for localhost, signed by itself


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """A server that makes TLS connections and says nothing."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(UNTRUSTED)

    def serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with contextlib.suppress(OSError), connection:
                context.wrap_socket(connection, server_side=True).close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        yield int(listener.getsockname()[1])
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def test_why_a_certificate_is_not_trusted(port: int) -> None:
    assert distrust("localhost", port, None) == "self-signed certificate"
    assert distrust("localhost", port, UNTRUSTED) is None
    assert distrust("localhost", 1, None) is None


def test_clickhouse_with_an_untrusted_certificate(port: int) -> None:
    settings = ClickHouseSettings(host="localhost", port=port, secure=True)
    with pytest.raises(StartError) as raised, connected(settings) as client:
        client.execute("SELECT 1")
    assert str(raised.value) == (
        f"ClickHouse at localhost:{port} shows a certificate that is not trusted (self-signed certificate): "
        "set clickhouse.ca_certs to the certificate of its authority, and clickhouse.host to a name that it "
        "is made for."
    )


def test_kafka_with_an_untrusted_certificate(port: int) -> None:
    settings = KafkaSettings(bootstrap_servers=f"localhost:{port}", security_protocol="SSL")
    with pytest.raises(StartError) as raised, topics.admin(settings, patience_ms=500):
        pass
    assert str(raised.value) == (
        f"Kafka at localhost:{port} shows a certificate that is not trusted (self-signed certificate): "
        "set kafka.ssl_cafile to the certificate of its authority, and kafka.bootstrap_servers to a name "
        "that it is made for."
    )
