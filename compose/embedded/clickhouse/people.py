"""People beside the owner, each with roles that the engine holds them to, as a ClickHouse cluster would.

The engine knows one user. It has every role, and a person's session gives up all but their own: so the roles
of `compose/access.sql` can be tried without a cluster.

This is for trying roles, and no protection against somebody who looks for a way around them. The engine lets
everybody read every file that its process can read, the tables' own too; what is known to do so is refused
here by name. It runs everybody's statements as one user's, too, and would show them to each other.
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

_REFUSED = re.compile(
    r"""
      \b(?:in|out)?file\b | _file_ | format_(?:schema|template)  # read or write files
    | \beval\b                                                   # makes a statement of a text
    | \b(?:errors|asynchronous_inserts|query_cache|processlist|(?:user_)?processes)\b  # what others ask
    | \bmerge\b                                                  # reads tables that it does not name
    """,
    re.IGNORECASE | re.VERBOSE,
)
_ESCAPED = re.compile(r"\\(?:x([0-9a-f]{2})|(.))", re.IGNORECASE | re.DOTALL)
_BLANKS = "abefnrtv0"
"""Letters that a backslash makes white space or a control character."""

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


def is_refused(text: str) -> bool:
    """Whether a statement, or a setting's or a parameter's value, names what people may not use.

    Escapes don't hide a name, nor do escapes in a text within a text.
    """
    while not _REFUSED.search(text):
        plain = _ESCAPED.sub(_unescaped, text)
        if plain == text:
            return False
        text = plain
    return True


def _unescaped(found: re.Match[str]) -> str:
    code, letter = found.groups()
    if code:
        return chr(int(code, 16))
    if letter == "N":  # nothing
        return ""
    return " " if letter in _BLANKS else letter


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
