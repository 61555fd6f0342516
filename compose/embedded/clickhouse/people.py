"""People beside the owner, each with roles that the engine holds them to, as a ClickHouse cluster would.

The engine knows one user. It has every role, and a person's session gives up all but their own: so the roles
of `compose/access.sql` can be tried without a cluster.
"""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

OWNER = "owner"
"""The role of the user whose the server is."""

_ROLE = re.compile(r"^CREATE ROLE IF NOT EXISTS (\w+);$", re.MULTILINE)
_GRANT = re.compile(r"^((?:GRANT|REVOKE) [^;]+) (?:TO|FROM) (\w+);$", re.MULTILINE)


@dataclass(frozen=True)
class Person:
    password: str
    roles: tuple[str, ...]


def read_people(path: Path) -> dict[str, Person]:
    """Read a TOML file: a table for each person, with `password` and `roles`."""
    tables = tomllib.loads(path.read_text("utf-8"))
    return {name: Person(table["password"], tuple(table["roles"])) for name, table in tables.items()}


def read_roles(path: Path) -> dict[str, list[str]]:
    """Return the grants, and what is revoked of them, of each role that a file of SQL makes."""
    text = path.read_text("utf-8")
    grants: dict[str, list[str]] = {name: [] for name in _ROLE.findall(text)}
    for grant, role in _GRANT.findall(text):
        grants[role].append(grant)
    return grants


def users_xml(roles: Mapping[str, list[str]]) -> str:
    """Return what the engine reads: its one user has only the rights of the roles."""
    every = {OWNER: ["GRANT ALL ON *.* WITH GRANT OPTION"], **roles}
    made = "".join(f"<{name}>{_grants(queries)}</{name}>" for name, queries in every.items())
    own = _grants([f"GRANT {name}" for name in every])
    return (
        "<clickhouse><profiles><default/></profiles><quotas><default/></quotas>"
        f"<roles>{made}</roles><users><default><password/><networks><ip>::/0</ip></networks>"
        f"<profile>default</profile><quota>default</quota>{own}</default></users></clickhouse>"
    )


def _grants(queries: list[str]) -> str:
    return f"<grants>{''.join(f'<query>{escape(each)}</query>' for each in queries)}</grants>"
