"""Has everything been processed? Hop by hop, in the direction in which messages flow.

Where a topic ends is noted first, and then how far its readers have come: so what they make of it stands
before the end of the next topic. Traffic may go on meanwhile; it lies behind the lines drawn here.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from operations.audit.offsets import behind
from schemas.topics import Topic

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from operations.audit.log import Log
    from operations.audit.offsets import Lag, Partition
    from runtime.settings import KafkaSettings

STAGES = ("normalize", "correlate", "sink")
LOOK_SECONDS = 0.2
ROUNDS = 8
"""A link may call for another one, each to a smaller leg, and a new leg for what the tables know of it, which
comes as links too: so often is looked whether more have come."""


@dataclass
class Settled:
    """The offsets that were waited for, and what did not reach them."""

    ends: dict[Partition, int] = field(default_factory=dict)
    """Of each partition, the end up to which was looked."""
    lags: list[Lag] = field(default_factory=list)


def settle(
    log: Log,
    kafka: KafkaSettings,
    patience: float,
    waiting: Callable[[int], None] = lambda _: None,
    *,
    only: Collection[Topic] = tuple(Topic),
    stages: Collection[str] = STAGES,
) -> Settled:
    """Look at every hop, and wait at most `patience` seconds for all of them together.

    `waiting` is called now and then with the number of messages not yet processed; topics that are not in
    `only`, and stages that are not in `stages`, are passed over.
    """
    deadline = time.monotonic() + patience
    settled = Settled()

    def through(topic: Topic, *readers: str) -> None:
        if topic in only:
            groups = [kafka.group(stage) for stage in readers if stage in stages]
            ends, lags = _through(log, kafka.topic(topic), groups, deadline, waiting)
            settled.ends |= ends
            settled.lags += lags

    through(Topic.RAW, "normalize", "sink")
    through(Topic.REPLAY, "normalize")
    through(Topic.EVENTS, "correlate", "sink")
    through(Topic.REJECTED, "sink")
    looping = [kafka.topic(topic) for topic in (Topic.LINKS, Topic.RECORDS) if topic in only]
    for _ in range(ROUNDS):
        through(Topic.LINKS, "correlate")
        through(Topic.RECORDS, "sink")
        if all(settled.ends[place] == end for place, end in log.ends(looping).items()):
            break
    return settled


def _through(
    log: Log, topic: str, groups: Collection[str], deadline: float, waiting: Callable[[int], None]
) -> tuple[dict[Partition, int], list[Lag]]:
    """Wait until the groups have read what is in a topic now; return its ends and what was not read."""
    ends = log.ends([topic])
    while True:
        first = log.firsts([topic])
        lags = [lag for group in groups for lag in behind(group, first, ends, log.committed(group, [topic]))]
        if not lags or time.monotonic() >= deadline:
            return ends, lags
        waiting(sum(lag.messages for lag in lags))
        time.sleep(LOOK_SECONDS)
