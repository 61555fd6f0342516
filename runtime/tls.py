"""Why a server's certificate is not trusted: the errors of Kafka's and ClickHouse's clients don't say."""

from __future__ import annotations

import socket
import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

HANDSHAKE_SECONDS = 5.0


def distrust(host: str, port: int, authority: Path | None) -> str | None:
    """Return why the certificate at this address is not trusted, in OpenSSL's words; None if it is.

    `authority` is a file of certificates to trust instead of the system's. This connects to the server.
    """
    try:
        context = ssl.create_default_context(cafile=authority)
        with (
            socket.create_connection((host, port), HANDSHAKE_SECONDS) as plain,
            context.wrap_socket(plain, server_hostname=host),
        ):
            return None
    except ssl.SSLCertVerificationError as error:
        return error.verify_message.rstrip(".")
    except OSError:  # nobody listens, or no TLS there: another sentence says so
        return None
