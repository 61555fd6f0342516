"""Which version of a message can be read, and what is wrong with one that can't."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

if TYPE_CHECKING:
    from pydantic import ValidationError


class NewerVersionError(Exception):
    """A message that only a later release can read: nothing may be skipped, so the stage stops."""

    def __init__(self, what: str, found: int, known: int) -> None:
        """Say what to do."""
        super().__init__(
            f"This {what} is of version {found}, and this release reads up to {known}: start a newer release."
        )


def check_version(value: bytes, known: int, what: str) -> None:
    """Raise NewerVersionError for a JSON object that says so; ValueError for what is no JSON object."""
    try:
        read = orjson.loads(value)
    except orjson.JSONDecodeError:
        raise ValueError("not JSON") from None
    match read:
        case {"v": int(version)} if version > known:
            raise NewerVersionError(what, version, known)
        case {}:
            return
        case _:
            raise ValueError("not a JSON object")


def mistakes(error: ValidationError) -> str:
    """Each wrong field with what is wrong there; never a value, which may be a secret."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    return "; ".join(f"{'.'.join(map(str, each['loc']))}: {each['type']}" for each in found)
