"""The status events of a call: ring, answer, hangup of its A leg and its B legs (documents 000, 001)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from schemas.times import SECOND
from simulator import durations
from simulator.model import Webhook

if TYPE_CHECKING:
    from random import Random

    from schemas.events import Kind
    from simulator.model import Fields, Shape
    from simulator.world import Agent, Company


class Statuses:
    """The status events of one call, in order: JSON (document 000) or a form's `detail` (001)."""

    def __init__(
        self,
        company: Company,
        at: int,
        *,
        uuid: str,
        caller: str,
        callee: str,
        number: str,
        method: str,
        direction: str = "callout",
        reference: str = "",
        shape: Shape = "json",
    ) -> None:
        """`reference` is `customuuid`, which document 000 has and document 001 hasn't."""
        self.uuid = uuid
        self.webhooks: list[Webhook] = []
        self._shape = shape
        self._common: Fields = {
            "callee": callee,
            "caller": caller,
            "companycode": company.code,
            "direction": direction,
            "disnumber": number,
            "method": method,
            "starttime": str(at // SECOND),
        }
        if shape == "json":
            self._common["customuuid"] = reference

    def tell(self, kind: Kind, at: int, buuid: str, *, is_b: bool, extension: str) -> None:
        fields: Fields = {
            **self._common,
            "buuid": buuid,
            "extnumber": extension,
            "isbleg": "true" if is_b else "false",
            "status": kind,
            "type": "call",
            "uuid": self.uuid,
        }
        in_order = dict(sorted(fields.items()))  # as in the documents' samples
        self.webhooks.append(Webhook(at, kind, buuid if is_b else self.uuid, self._shape, in_order))


class Talk:
    """A leg that rings, and is answered or not."""

    def __init__(self, rng: Random, rung_at: int, *, answered: bool) -> None:
        self.rung_at = rung_at
        self.answered_at = rung_at + durations.ring(rng) if answered else None
        self.ended_at = (
            self.answered_at + durations.talk(rng) if self.answered_at else rung_at + durations.patience(rng)
        )

    @property
    def times(self) -> dict[str, int | None]:
        """As a CDR has them."""
        return {"answered_at": self.answered_at, "ended_at": self.ended_at}

    def tell(self, statuses: Statuses, buuid: str, agent: Agent, *, is_b: bool) -> None:
        statuses.tell("ring", self.rung_at, buuid, is_b=is_b, extension=agent.extension)
        if self.answered_at:
            statuses.tell("answer", self.answered_at, buuid, is_b=is_b, extension=agent.extension)
        statuses.tell("hangup", self.ended_at, buuid, is_b=is_b, extension=agent.extension)
