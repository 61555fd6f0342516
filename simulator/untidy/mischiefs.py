"""Everything that untidy senders do to a webhook, and the choice of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.untidy import doubtful, several, values, wrapping

if TYPE_CHECKING:
    from random import Random
    from zoneinfo import ZoneInfo

    from simulator.model import Webhook
    from simulator.untidy.told import Mischief, Told

MISCHIEFS: tuple[Mischief, ...] = (
    wrapping.compressed,
    wrapping.mislabelled,
    wrapping.as_json,
    wrapping.twice_in_one,
    wrapping.in_another_case,
    wrapping.by_another_url,
    wrapping.by_a_strange_query,
    wrapping.elsewhere,
    values.nothing,
    values.never,
    values.times,
    values.durations,
    values.ids,
    doubtful.words_for_codes,
    doubtful.absurd_durations,
    doubtful.statuses_beside_the_bill,
    doubtful.garbled,
    several.recording_told_apart,
    several.bill_with_a_status,
    several.tried_first,
)


def untidied(rng: Random, webhook: Webhook, zone: ZoneInfo) -> tuple[str, Told]:
    """Choose one that applies to this webhook, and name it; some apply to every webhook."""
    while True:
        mischief = rng.choice(MISCHIEFS)
        told = mischief(rng, webhook, zone)
        if told is not None:
            return mischief.__name__, told
