"""The view `agents_between`: `agents` of some hours, which reads only the days of their calls. Pure."""

from __future__ import annotations

REPLACED = {
    "CREATE OR REPLACE VIEW agents\n": """\
-- Calls that began up to two days before or after the hours count, under whichever days they are kept.
-- Parameters: since and until, UTC: hours from the one up to, but not at, the other.
CREATE OR REPLACE VIEW agents_between
""",
    "WHERE spell.busy != ''\n": """\
WHERE spell.busy != ''
                    AND spell.day IN (
                        SELECT day
                        FROM call_days
                        WHERE began_on >= toDate32({since:DateTime64(6, 'UTC')}) - 2
                            AND began_on <= toDate32({until:DateTime64(6, 'UTC')}) + 2
                    )
                    AND spell.busy_until >= {since:DateTime64(6, 'UTC')} - toIntervalHour(2)
                    AND spell.busy_begin < toUnixTimestamp64Micro({until:DateTime64(6, 'UTC')}) + 7200000000
""",
    "WHERE talk_seconds + ring_seconds + idle_seconds > 0\n": """\
WHERE talk_seconds + ring_seconds + idle_seconds > 0
    AND hour >= {since:DateTime64(6, 'UTC')} AND hour < {until:DateTime64(6, 'UTC')}
""",
    "; overlapping legs count once'": "; overlapping legs count once; without calls whose start nobody says "
    "and that were first heard of more than two days later. Parameters: since, until'",
}
"""What differs from `agents`: there, a caller's condition on the hour does not reach the legs."""


def render(agents: str) -> str:
    for there, here in REPLACED.items():
        if agents.count(there) != 1:
            raise ValueError(f"agents.sql has changed: {there!r} must be in it once")
        agents = agents.replace(there, here)
    return agents
