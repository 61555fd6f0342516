"""The verdict on a payload of which nothing can be read."""

from __future__ import annotations

from schemas.callbacks import Reason


class Undecodable(Exception):
    """The payload can't be read; `reasons` says why, and holds no value of the payload."""

    def __init__(self, *reasons: Reason) -> None:
        """At least one reason."""
        super().__init__("; ".join(reason.message for reason in reasons))
        self.reasons = reasons


def undecodable(code: str, message: str, field: str = "") -> Undecodable:
    return Undecodable(Reason(field=field, code=code, message=message))
