"""Whether a request really is from its source: its address, its credentials, its signature.

Pure: what it is held against comes from the source's entry, the time as an argument. Every comparison of what
the sender may not know takes the same time whatever it finds.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from runtime.senders import Credentials, Sender, Signature

WITH_PORT = re.compile(r"\[([^\]]*)\](?::\d*)?|([^:]*):\d*")
"""An address as some proxies write it: 203.0.113.7:51234, [2001:db8::1]:51234, [2001:db8::1]."""

STANDARD_TOLERANCE_SECONDS = 300.0
"""How far the time of a signature of Standard Webhooks may be from now."""


def peer_of(address: str, forwarded: str, proxies: int) -> str:
    """Return the sender's address; this many proxies of our own are in front, and each adds its caller's.

    `forwarded` is X-Forwarded-For. If it has fewer entries than there are proxies, somebody has bypassed
    them: then it is the connection's own address. A port is left out.
    """
    hops = [hop.strip() for hop in forwarded.split(",") if hop.strip()]
    return without_port(hops[-proxies]) if 0 < proxies <= len(hops) else address


def without_port(address: str) -> str:
    found = WITH_PORT.fullmatch(address)
    return (found[1] or found[2] or "") if found else address


def objection(sender: Sender, peer: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    """Return why a request is not taken as the source's own, as a code to count; None if it is.

    `headers` have names in lower case; `now` is in seconds since 1970.
    """
    if sender.networks and not is_within(peer, sender.networks):
        return "network"
    if sender.credentials is not None and not are_right(sender.credentials, headers):
        return "credentials"
    if sender.signature is not None:
        return signature_objection(sender.signature, headers, body, now)
    return None


def is_within(peer: str, networks: tuple[str, ...]) -> bool:
    try:
        address = ipaddress.ip_address(peer)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return any((mapped or address) in ipaddress.ip_network(network) for network in networks)


def are_right(wanted: Credentials, headers: Mapping[str, str]) -> bool:
    """Return whether a header holds the right token, or user and password (HTTP Basic)."""
    given = headers.get(wanted.header.lower(), "")
    if wanted.username is not None:
        kind, _, encoded = given.partition(" ")
        if kind.lower() != "basic":
            return False
        try:
            given = base64.b64decode(encoded, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return False
        user, _, given = given.partition(":")
        if not hmac.compare_digest(user.encode(), wanted.username.encode()):
            return False
    else:
        given = given.removeprefix(wanted.prefix)
    digest = hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()
    return one_holds(hmac.compare_digest(digest, one) for one in wanted.sha256)


def signature_objection(wanted: Signature, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
    if wanted.scheme == "standard-webhooks":
        good = one_holds(is_standard(secret, headers, body, now) for secret in wanted.secrets)
        return None if good else "signature"
    given = headers.get(wanted.header.lower())
    if given is None:
        return "signature"
    timestamp = ""
    if wanted.timestamp_header is not None:
        timestamp = headers.get(wanted.timestamp_header.lower(), "")
        if not is_recent(timestamp, wanted.tolerance_seconds, now):
            return "time"
    signed = wanted.signed_bytes(timestamp, body)
    good = one_holds(is_signed(wanted, secret, signed, given) for secret in wanted.secrets)
    return None if good else "signature"


def is_recent(timestamp: str, tolerance_seconds: float, now: float) -> bool:
    """Return whether a time (seconds since 1970) is close to now."""
    try:
        return abs(float(timestamp) - now) <= tolerance_seconds
    except ValueError:
        return False


def is_signed(wanted: Signature, secret: bytes, signed: bytes, given: str) -> bool:
    """Return whether a generic HMAC is right; the header may hold several, separated by commas or spaces."""
    digest = hmac.new(secret, signed, wanted.algorithm).digest()
    right = digest.hex() if wanted.encoding == "hex" else base64.b64encode(digest).decode()
    found = [part.removeprefix(wanted.prefix) for part in given.replace(",", " ").split()]
    shown = [part.lower() if wanted.encoding == "hex" else part for part in found]
    return one_holds(hmac.compare_digest(right.encode(), part.encode()) for part in shown)


def one_holds(comparisons: Iterable[bool]) -> bool:
    """Return whether any is true; all are computed, so that the time taken reveals nothing."""
    made = list(comparisons)
    return any(made)


def is_standard(secret: bytes, headers: Mapping[str, str], body: bytes, now: float) -> bool:
    """Return whether a signature of Standard Webhooks is right, and at most five minutes old.

    Their own library is not asked: it refuses a body that isn't UTF-8, and reads no signature after a
    malformed one.
    """
    message, timestamp, given = (
        headers.get(f"webhook-{part}", "") for part in ("id", "timestamp", "signature")
    )
    if not (message and is_recent(timestamp, STANDARD_TOLERANCE_SECONDS, now)):
        return False
    signed = f"{message}.{timestamp}.".encode() + body
    right = b"v1," + base64.b64encode(hmac.new(secret, signed, "sha256").digest())
    return one_holds(hmac.compare_digest(right, part.encode()) for part in given.split())
