"""Whether a browser sends a request for some other page. Pure.

A page from anywhere may have the browser post to this machine: a query that needs no password would run. Such
a request names the page's origin. A page whose own name was made to lead here names that as `Host`: so only
addresses, and names that nobody can register, are taken for ours.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_PRIVATE = ("localhost", "local", "internal", "lan", "test", "home.arpa")
"""Ends of names that the public DNS does not have."""
_PORT = re.compile(r":\d+$")
_OWN_SITES = ("same-origin", "none")


def is_foreign(headers: Mapping[str, str], own_name: str) -> bool:
    """Whether another page is behind a request; `own_name` is this machine's, names are in lower case."""
    host = headers.get("host", "").lower()
    origin = headers.get("origin")
    if headers.get("sec-fetch-site", "none") not in _OWN_SITES:
        return True
    if origin is not None and origin.lower().partition("://")[2] != host:
        return True
    return bool(host) and not _is_ours(_PORT.sub("", host).strip("[]"), own_name.lower())


def _is_ours(name: str, own_name: str) -> bool:
    if "." not in name or name == own_name or name.endswith(tuple(f".{end}" for end in _PRIVATE)):
        return True
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True
