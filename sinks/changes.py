"""Makes the views of what changed in calls, and of calls as they were, from `call_versions`. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from sinks.masked import COLUMNS as SHOWN
from sinks.masked import KEYED, SECRET, UNFILTERED, Column, How, columns

TIME = "DateTime64(6, 'UTC')"

UNSEEN = frozenset(
    "account day call_id began_at revision first_received_at last_received_at events version "  # changed by each event
    "sources dialects kinds cdr_received_at reached_at connected_at post_dial_seconds leg_count truncated".split()
)
"""Columns of `calls` of which no change is listed; nor of those that say what events alone say, or the CDR alone."""

HEAD = (
    Column("account", "LowCardinality(String)", "The tenant"),
    Column("call_id", "String", "The call"),
    Column("revision", "UInt64", "How many events the call is made of since this change"),
    Column("received_at", TIME, "When the last of these events was received"),
    Column("visible_at", TIME, "Since when the change is visible, by the clock of ClickHouse"),
    Column("event_ids", "Array(String)", "The events that the call had not been made of before"),
    Column("field", "String", "Which column of calls changed"),
    Column("before", "Nullable(String)", "Its value before, as text; NULL for what was not known"),
    Column("after", "Nullable(String)", "Its value since, as text; NULL for what is not known"),
)


@dataclass(frozen=True)
class View:
    """What a view of changes is of."""

    chosen: str
    """Which rows of call_versions: a condition."""
    comment: str


VIEWS = {
    "call_changes": View(
        "1",
        "What changed in the row of each call, field by field, from one visible version to the next, for as long as "
        "call_versions are kept. It works through every call: for one, or for some time, ask changes_of_call or "
        "late_changes",
    ),
    "changes_of_call": View(
        "account = {account:String} AND call_id = {call_id:String}",
        "call_changes of one call, in no time: SELECT * FROM changes_of_call(account = …, call_id = …)",
    ),
    "late_changes": View(
        "(account, call_id) IN (\n"
        "                    SELECT account, call_id\n"
        "                    FROM stored_calls FINAL\n"
        f"                    WHERE is_gone = 0 AND last_received_at >= {{since:{TIME}}} "
        f"AND first_received_at < {{until:{TIME}}}\n"
        "                )",
        "call_changes of calls of which something was received in this time: "
        "SELECT * FROM late_changes(since = …, until = …) WHERE received_at …",
    ),
}
"""By name."""

CHANGES = """-- Made by sinks/changes.py.
CREATE OR REPLACE VIEW {name}
(
{head}
)
AS SELECT
    account,
    call_id,
    revision,
    received_at,
    visible_at,
    event_ids,
    change.1 AS field,
    nullIf(change.2, '') AS before,
    nullIf(change.3, '') AS after
FROM
(
    SELECT
        account,
        call_id,
        revision,
        received_at,
        visible_at,
        arraySort(arrayFilter(each -> NOT has(events_before, each), events)) AS event_ids,
        arrayJoin(arrayFilter(each -> each.2 != each.3, arrayZip(
            [{names}],
            if(nth = 1, [{first}], known_before),
            known
        ))) AS change
    FROM
    (
        SELECT
            account,
            call_id,
            revision,
            received_at,
            visible_at,
            events,
            known,
            row_number() OVER (PARTITION BY account, call_id ORDER BY version) AS nth,
            lagInFrame(known) OVER (
                PARTITION BY account, call_id ORDER BY version ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS known_before,
            lagInFrame(events) OVER (
                PARTITION BY account, call_id ORDER BY version ROWS BETWEEN 1 PRECEDING AND CURRENT ROW
            ) AS events_before
        FROM
        (
            SELECT
                account,
                call_id,
                version,
                revision,
                last_received_at AS received_at,
                visible_at,
                events,
                -- a row that came again, or came late, was never what people saw
                max(version) OVER (
                    PARTITION BY account, call_id ORDER BY visible_at, version
                    ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
                ) AS seen,
                [
{values}
                ] AS known
            FROM
            (
                SELECT *
                FROM call_versions
                WHERE is_gone = 0 AND {chosen}
            ) AS version_of_call
        ) AS told
        WHERE version > seen
    ) AS in_order
) AS compared
COMMENT '{comment}';
"""

MASKED = """-- Made by sinks/changes.py.
CREATE OR REPLACE VIEW {name}_masked
(
{head}
)
DEFINER = CURRENT_USER SQL SECURITY DEFINER
AS WITH
{keyed},
    value -> multiIf(
        isNull(value), NULL,
{shown},
        value
    ) AS masked
SELECT
    known.account AS account,
    known.call_id AS call_id,
    known.revision AS revision,
    known.received_at AS received_at,
    known.visible_at AS visible_at,
    known.event_ids AS event_ids,
    known.field AS field,
    masked(known.before) AS before,
    masked(known.after) AS after
FROM {passed} AS known
{secret}
WHERE known.field IN ({fields})
{unfiltered}
COMMENT '{name} for people who may not see phone numbers: pseudonyms that still join; nothing of recordings or variables';
"""

AS_OF = """-- Made of calls.sql by sinks/changes.py. A row that changed last before call_versions begin is in stored_calls still.
CREATE OR REPLACE VIEW calls_as_of
(
{head}
)
AS WITH versions AS
(
    SELECT *
    FROM call_versions
    WHERE visible_at <= {{at:{time}}}
    UNION ALL
    SELECT *
    FROM stored_calls
    WHERE visible_at <= {{at:{time}}}
)
SELECT
{names}
FROM versions
WHERE (account, day, call_id, version) IN (
    SELECT account, day, call_id, max(version)
    FROM versions
    GROUP BY account, day, call_id
)
    AND is_gone = 0
LIMIT 1 BY account, day, call_id
COMMENT 'calls as they were at a time: SELECT * FROM calls_as_of(at = …)';
"""


def render(calls: str) -> dict[str, str]:
    """The statements of the views and of their masked twins, by name, out of the text of `calls.sql`."""
    known = columns(calls)
    seen = [each for each in known if each.name not in UNSEEN and not each.name.startswith(("event_", "cdr_"))]
    made = {name: _changes(name, view, seen) for name, view in VIEWS.items()}
    made |= {f"{name}_masked": _masked(name, view, seen) for name, view in VIEWS.items()}
    return made | {"calls_as_of": _as_of(known)}


def _changes(name: str, view: View, seen: list[Column]) -> str:
    return CHANGES.format(
        name=name,
        head=_head(HEAD),
        names=", ".join(f"'{each.name}'" for each in seen),
        first=", ".join("'false'" if each.type == "Bool" else "''" for each in seen),
        values=",\n".join(f"                    {_text(each)}" for each in seen),
        chosen=view.chosen,
        comment=view.comment,
    )


def _masked(name: str, view: View, seen: list[Column]) -> str:
    from_view = {"call_changes": "", "changes_of_call": "account = {account:String}, call_id = {call_id:String}"}
    given = from_view.get(name, f"since = {{since:{TIME}}}, until = {{until:{TIME}}}")
    shown = {each.name: SHOWN[each.name] for each in seen if each.name in SHOWN}
    del view
    return MASKED.format(
        name=name,
        head=_head(HEAD),
        keyed=KEYED,
        shown=",\n".join(
            f"        known.field IN ({_texts(field for field in shown if shown[field] is how)}), "
            f"{how.name.lower()}(assumeNotNull(value))"
            for how in (How.PSEUDONYM, How.REFERENCE, How.BLANKED)
        ),
        passed=f"{name}({given})" if given else name,
        secret=SECRET,
        fields=_texts(shown),
        unfiltered=UNFILTERED,
    )


def _as_of(known: list[Column]) -> str:
    return AS_OF.format(head=_head(known), time=TIME, names=",\n".join(f"    {each.name}" for each in known))


def _head(each_column: tuple[Column, ...] | list[Column]) -> str:
    return ",\n".join(each.declared() for each in each_column)


def _texts(values: object) -> str:
    return ", ".join(f"'{each}'" for each in values)  # type: ignore[attr-defined]


def _text(column: Column) -> str:
    """A column of `calls` as text, '' for what is unknown."""
    if column.type.startswith("Array"):
        return f"arrayStringConcat({column.name}, ', ')"
    if column.type.startswith("Map"):
        pairs = f"arrayMap((k, v) -> concat(k, '=', v), mapKeys({column.name}), mapValues({column.name}))"
        return f"arrayStringConcat(arraySort({pairs}), ', ')"
    if column.type == "Bool":
        return f"if({column.name}, 'true', 'false')"
    return f"ifNull(toString({column.name}), '')"
