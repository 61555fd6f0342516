"""What a source's entry asks of who sends: networks, credentials, a signature.

[sources.shanghai.sender]
networks = ["203.0.113.0/24"]

[sources.shanghai.sender.credentials]
header = "X-Token"            # or username = "…", for HTTP Basic
sha256 = ["…"]                # of the token or the password; two while one is replaced

[sources.shanghai.sender.signature]
header = "X-Signature"
prefix = "sha256="
timestamp_header = "X-Timestamp"
signed = "{timestamp}.{body}"
secret_files = ["/run/secrets/shanghai"]  # two while one is replaced
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from runtime.errors import CallweaveError


class SecretError(CallweaveError):
    """A secret can't be read; the text says what to do, and never shows it."""


def checked_network(text: str) -> str:
    """Check an IPv4 or IPv6 address or network."""
    try:
        return str(ipaddress.ip_network(text))
    except ValueError:
        raise ValueError("must be a network, such as 203.0.113.0/24") from None


Network = Annotated[str, AfterValidator(checked_network)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class Part(BaseModel):
    """A table of the entry. An unknown name is an error, so that a typo leaves out no check."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Credentials(Part):
    header: str = "Authorization"
    prefix: str = "Bearer "
    """Before the token, where there is one."""
    username: str | None = None
    """Of HTTP Basic; None for a token."""
    sha256: tuple[Digest, ...] = Field(min_length=1, max_length=2, repr=False)
    """Of the token or the password."""


class Signature(Part):
    scheme: Literal["hmac", "standard-webhooks"] = "hmac"
    header: str = "X-Signature"
    prefix: str = ""
    """Before the signature, as in `sha256=`."""
    algorithm: Literal["sha1", "sha256", "sha512"] = "sha256"
    encoding: Literal["hex", "base64"] = "hex"
    signed: Literal["{body}", "{timestamp}.{body}", "{timestamp}{body}", "{timestamp}:{body}"] = "{body}"
    """What is signed."""
    timestamp_header: str | None = None
    """The header with the time, in seconds since 1970."""
    tolerance_seconds: float = Field(default=300.0, gt=0, le=86_400)
    """How far that may be from now: an old request can't be sent again by somebody else."""
    secret_files: tuple[Path, ...] = Field(min_length=1, max_length=2)
    """Each holds a secret; two, while one is replaced by another."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if "{timestamp}" in self.signed and self.timestamp_header is None:
            raise ValueError("signed names a timestamp: timestamp_header must say where it stands")
        return self

    @property
    def headers(self) -> tuple[str, ...]:
        """All headers that verify a signature, in lower case."""
        if self.scheme == "standard-webhooks":
            return ("webhook-id", "webhook-timestamp", "webhook-signature")
        return tuple(name.lower() for name in (self.header, self.timestamp_header) if name)

    @cached_property
    def secrets(self) -> tuple[bytes, ...]:
        """The secrets, read at the first request, and only by the ingress; raises `SecretError`."""
        return tuple(self._secret(path) for path in self.secret_files)

    def _secret(self, path: Path) -> bytes:
        try:
            secret = path.read_bytes().removesuffix(b"\n").removesuffix(b"\r")
            if self.scheme == "standard-webhooks":
                secret = base64.b64decode(secret.removeprefix(b"whsec_") + b"==")
        except OSError as error:
            raise SecretError(f"{path} can't be read: {error.strerror}") from None
        except binascii.Error:
            raise SecretError(f"{path} holds no secret of Standard Webhooks") from None
        if not secret:
            raise SecretError(f"{path} is empty: it must hold a secret")
        return secret

    def signed_bytes(self, timestamp: str, body: bytes) -> bytes:
        before, _, _ = self.signed.partition("{body}")
        return before.replace("{timestamp}", timestamp).encode("utf-8", "replace") + body


class Sender(Part):
    """Who may send for a source, beyond knowing its URL."""

    networks: tuple[Network, ...] = ()
    """From where; from anywhere if none is named."""
    credentials: Credentials | None = None
    signature: Signature | None = None
    archive_refused: bool = False
    """Whether what fails is kept as rejected, with the reason, for people to look at."""
