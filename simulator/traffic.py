"""The calls of several senders over a span of time, one after the other, from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from schemas.dialects import COMMON_API, EXTENSION_EVENTS
from simulator.common_api import CallCentre
from simulator.durations import arrivals
from simulator.extension_events import Office
from simulator.identifiers import Identifiers

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from simulator.model import SimulatedCall

MODELS: Mapping[str, Callable[[Random, Identifiers, ZoneInfo], CallCentre | Office]] = {
    COMMON_API.name: CallCentre,
    EXTENSION_EVENTS.name: lambda rng, ids, _: Office(rng, ids),
}
"""Who makes calls in a dialect."""

CALLBACKS_A_CALL = 4.1
"""On average, over both dialects; the model's weights make it."""


@dataclass(frozen=True, slots=True)
class Sender:
    """A customer of a provider, whose webhooks go to one source."""

    source: str
    account: str
    dialect: str
    timezone: str


def calls(
    seed: int, senders: Sequence[Sender], count: int, begin: int, end: int
) -> Iterator[tuple[int, Sender, SimulatedCall]]:
    """This many calls that begin between two times (µs), in order, each with its beginning and its sender.

    The beginning may be earlier than anything that is told of the call, and never is later.

    Pure: the same arguments give the same calls. Nothing is kept, so a million of them take no memory.
    """
    rng = Random(f"calls {seed}")
    models = [
        (each, MODELS[each.dialect](rng, Identifiers(rng), ZoneInfo(each.timezone))) for each in senders
    ]
    for at in arrivals(rng, count, begin, end, ZoneInfo(senders[0].timezone)):
        sender, model = rng.choice(models)
        yield at, sender, model.call(at)
