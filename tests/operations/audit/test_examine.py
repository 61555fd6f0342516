"""The audit on real servers: nothing is missing where nothing was taken away, and every hole is named."""

from __future__ import annotations

import random
from dataclasses import replace
from functools import partial
from itertools import count, pairwise
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaProducer, TopicPartition
from kafka.errors import NoError
from kafka.structs import OffsetAndMetadata

from ingest.spool import Spool
from operations.audit import log
from operations.audit.examine import examine
from operations.audit.identity import Problem, Verdict, tally, total
from operations.audit.kept import kept
from operations.audit.offsets import Range
from operations.audit.tables import Tables
from processors.correlate.bounds import bounded
from runtime import clickhouse, topics
from runtime.clock import SystemClock
from runtime.kafka import client_options
from runtime.settings import RetentionSettings
from schemas.callbacks import Callback
from schemas.legs import Tellings
from schemas.records import row_of
from schemas.times import moment
from schemas.topics import Topic
from sinks import rows
from sinks.batch import Batch
from sinks.retention import drop
from sinks.span import Span
from tests.kit.spool import append
from tests.operations.audit.traffic import assert_whole, audited, traffic
from tests.pipeline import Pipeline
from tests.rows import select
from tests.servers import eventually
from tests.sinks.flow import Flow
from tests.sinks.folded import add, insert, write
from tests.sinks.queries.telling import DAY, event

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from operations.audit.examine import Report
    from operations.audit.identity import Counts, Hole
    from operations.audit.offsets import Partition
    from runtime.settings import Settings
    from schemas.events import CallEvent
    from tests.operations.audit.traffic import Traffic

CALLS = (("ring", "old", 40), ("hangup", "old", 1), ("ring", "recent", 1))
"""Kind, leg and age in days of events."""
TAKEN = {
    "stored_callbacks": (
        "SELECT id FROM callbacks WHERE status = 'accepted' AND source = 'common'",
        "id = %(id)s",
        Problem.NOT_ARCHIVED,
    ),
    "stored_events": (
        "SELECT callback_ids[1] AS id FROM call_events WHERE length(callback_ids) = 1",
        "callback_id = %(id)s",
        Problem.NOT_NORMALIZED,
    ),
    "stored_calls": (
        "SELECT call_id AS id FROM calls",
        "call_id = %(id)s",
        Problem.NOT_IN_A_CALL,
    ),
}
"""Of a table: what to take away, and what the audit must call that."""


def run(settings: Settings, query: str, parameters: dict[str, str] | None = None) -> None:
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(query, parameters or {})


def taken_away(settings: Settings, table: str, number: int = 0) -> Iterator[str]:
    """Delete a row by hand; after the yield put it back."""
    query, which, _ = TAKEN[table]
    (row,) = select(settings, f"{query} ORDER BY id LIMIT 1 OFFSET {number}")
    columns = "*"
    run(settings, f"CREATE TABLE kept AS {table}")
    run(settings, f"INSERT INTO kept SELECT {columns} FROM {table} WHERE {which}", row)
    run(settings, f"ALTER TABLE {table} DELETE WHERE {which} SETTINGS mutations_sync = 2", row)
    yield row["id"]
    run(settings, f"INSERT INTO {table} SELECT {columns} FROM kept")
    run(settings, "DROP TABLE kept")


def problems(report: Report) -> set[Problem]:
    return {hole.problem for hole in report.holes}


def commit(settings: Settings, group: str, places: dict[Partition, int]) -> None:
    """Have a group that nobody is in go on from these offsets."""
    offsets = {TopicPartition(*place): OffsetAndMetadata(offset, "", -1) for place, offset in places.items()}
    with topics.admin(settings.kafka) as admin:
        eventually(
            lambda: set(admin.alter_group_offsets(group, offsets).values()) == {NoError},
            "the group has nobody in it",
        )


def commit_past(settings: Settings, group: str, topic: Topic) -> set[tuple[str, int, int]]:
    """Have it skip the rest of a topic; the places that it skips."""
    name = settings.kafka.topic(topic)
    with log.opened(settings.kafka) as kafka:
        ends, done = kafka.ends([name]), kafka.committed(group, [name])
    commit(settings, group, ends)
    return {(*place, offset) for place, end in ends.items() for offset in range(done.get(place, 0), end)}


def forgotten(
    settings: Settings, topic: Topic, before: dict[Partition, int] | None = None
) -> dict[Partition, int]:
    """Have Kafka delete all that a topic has, as its retention would; where the partitions begin then."""
    name = settings.kafka.topic(topic)
    with log.opened(settings.kafka) as kafka, topics.admin(settings.kafka) as admin:
        ends = before or kafka.ends([name])
        admin.delete_records({TopicPartition(*place): end for place, end in ends.items() if end})
        assert kafka.firsts([name]) == ends
    return ends


def archive(settings: Settings, ids: set[str]) -> None:
    """Write these callbacks of callbacks.raw as the sink does."""
    name, batch = settings.kafka.topic(Topic.RAW), Batch()
    with log.opened(settings.kafka) as kafka:
        for place, end in kafka.ends([name]).items():
            for record in kafka.read(place, Range(0, end)):
                if Callback.from_message(record.value, list(record.headers)).id in ids:
                    batch.add(record, rows.read(Topic.RAW, record), 0.0)
    insert(settings, batch)


def places(holes: list[Hole]) -> set[tuple[str, int, int]]:
    return {(hole.topic, hole.partition, hole.offset) for hole in holes}


def test_nothing_is_missing_until_something_is_taken_away(stack_settings: Settings, tmp_path: Path) -> None:
    rng = random.Random(1)
    with traffic(stack_settings, rng) as sent, Pipeline(stack_settings, tmp_path) as pipeline:
        sent.of_every_fate(calls=5)
        report = assert_whole(stack_settings)
        assert_counts(sent, report)
        for table, (_, _, problem) in TAKEN.items():
            for taken in taken_away(stack_settings, table):
                report = audited(stack_settings)
                assert report.verdict() is Verdict.HOLE, table
                assert problems(report) == {problem}
                if problem is not Problem.NOT_IN_A_CALL:
                    (hole,) = report.holes
                    assert hole.callback_id == taken
                    assert hole.topic == stack_settings.kafka.topic(Topic.RAW)
            assert_whole(stack_settings)
        assert_what_has_come_by_the_second_look_is_no_hole(stack_settings)
        assert_what_the_sink_has_yet_to_read_is_no_hole(stack_settings, pipeline)
        assert_what_kafka_has_forgotten_is_still_checked(stack_settings)
        assert_skipped_offsets_are_found(stack_settings, sent, pipeline)
    assert_what_stands_in_the_spool_is_told(stack_settings)


def assert_what_stands_in_the_spool_is_told(settings: Settings) -> None:
    folder = settings.spool_folder()
    assert folder is not None
    append(Spool(folder, 1 << 20), "t", b"{}", [])
    assert f"1 callbacks are in the spool ({folder}), not in Kafka yet" in examine(settings, Span()).doubts
    unreadable = settings.model_copy(update={"data": settings.sources_file})
    assert any("can't be read" in doubt for doubt in examine(unreadable, Span()).doubts)


def at_the_second_look(settings: Settings, act: Callable[[], object]) -> Report:
    """Audit without waiting, and let something happen after the first look."""
    looks = count(1)

    def say(text: str) -> None:
        if text == "the stages" and next(looks) == 2:
            act()

    report = examine(settings, Span(), say=say)
    assert next(looks) > 2
    return report


def test_what_kafka_has_twice_is_no_hole(stack_settings: Settings, tmp_path: Path) -> None:
    with traffic(stack_settings, random.Random(2)) as sent, Pipeline(stack_settings, tmp_path):
        sent.of_every_fate(calls=2)
        assert_whole(stack_settings)
        assert_all_is_whole_after_every_callback_came_twice(stack_settings)


def assert_all_is_whole_after_every_callback_came_twice(settings: Settings) -> None:
    """The ingress publishes again what was acknowledged too late."""
    raw = settings.kafka.topic(Topic.RAW)
    with log.opened(settings.kafka) as kafka:
        ends = kafka.ends([raw])
        place = max(ends, key=lambda each: ends[each])
        records = list(kafka.read(place, Range(0, ends[place])))
    producer = KafkaProducer(**client_options(settings.kafka))
    for record in records:
        producer.send(raw, record.value, headers=list(record.headers))
    producer.close()
    assert_whole(settings)
    run(settings, "OPTIMIZE TABLE stored_callbacks FINAL")  # which leaves one offset of the two
    forgotten(settings, Topic.RAW, ends)
    assert_whole(settings)
    forgotten(settings, Topic.RAW)
    assert_whole(settings)


def give_back_and_take(taken: Iterator[str], other: Iterator[str]) -> None:
    list(taken)
    next(other)


def assert_what_has_come_by_the_second_look_is_no_hole(settings: Settings) -> None:
    """As a call that was just being merged; and one that is merged later was there at the first look."""
    for table in ("stored_events", "stored_calls"):
        first, other = taken_away(settings, table), taken_away(settings, table, 1)
        next(first)
        report = at_the_second_look(settings, partial(give_back_and_take, first, other))
        assert (report.verdict(), report.holes) == (Verdict.WHOLE, []), table
        assert list(other) == []
        assert_whole(settings)


def assert_what_the_sink_has_yet_to_read_is_no_hole(settings: Settings, pipeline: Pipeline) -> None:
    """An event is archived, and the callback that it names is not yet."""
    sink = pipeline.workers["sink"]
    for _ in taken_away(settings, "stored_callbacks"):
        (row,) = select(settings, "SELECT topic, partition, offset FROM kept")
        sink.stop()
        commit(settings, settings.kafka.group("sink"), {(row["topic"], row["partition"]): row["offset"]})
        report = audited(settings, patience=0)
        assert {(lag.group, lag.topic) for lag in report.lags} == {
            (settings.kafka.group("sink"), row["topic"])
        }
        assert (report.verdict(), report.holes) == (Verdict.UNTOLD, [])

        def catch_up() -> None:
            sink.start()
            assert_whole(settings)

        # there is more by now than was looked at
        report = at_the_second_look(settings, catch_up)
        assert (report.verdict(), report.holes) == (Verdict.UNTOLD, [])


def assert_what_kafka_has_forgotten_is_still_checked(settings: Settings) -> None:
    """Retention has taken every message; the archive and the events still know of each other."""
    forgotten(settings, Topic.RAW)
    assert_whole(settings)
    for taken in taken_away(settings, "stored_callbacks"):
        report = audited(settings)
        assert report.verdict() is Verdict.HOLE
        (hole,) = [hole for hole in report.holes if hole.callback_id]
        assert (hole.problem, hole.callback_id, hole.source) == (Problem.NOT_ARCHIVED, taken, "common")
        assert total(report.counts).missing == 1
    assert_whole(settings)


def test_what_kafka_forgot_before_the_sink_came_to_it_is_missing(stack_settings: Settings) -> None:
    """No stage is at work; retention has taken all, and nothing has come since."""
    with Flow(stack_settings) as flow:
        for _ in range(30):
            flow.accept(flow.callback(b"x"))
    ends = forgotten(stack_settings, Topic.RAW)
    report = audited(stack_settings, patience=0)
    assert report.lags == []
    assert report.verdict() is Verdict.HOLE
    assert total(report.counts).missing == 30
    lost = {(*place, offset) for place, end in ends.items() for offset in range(end)}
    assert len(places(report.holes) & lost) == len(report.holes) == 20


def test_while_a_stage_is_behind_only_what_the_sink_passed_over_is_a_hole(stack_settings: Settings) -> None:
    """Of two callbacks the sink has archived one; normalize has read neither."""
    with Flow(stack_settings) as flow:
        lost, archived = flow.callback(b"x"), flow.callback(b"y")
        flow.accept(lost)
        flow.accept(archived)
    archive(stack_settings, {archived.id})
    commit_past(stack_settings, stack_settings.kafka.group("sink"), Topic.RAW)
    report = audited(stack_settings, patience=0)
    assert {lag.group for lag in report.lags} == {stack_settings.kafka.group("normalize")}
    assert report.verdict() is Verdict.HOLE
    assert [(hole.problem, hole.callback_id) for hole in report.holes] == [(Problem.NOT_ARCHIVED, lost.id)]
    commit_past(stack_settings, stack_settings.kafka.group("normalize"), Topic.RAW)
    assert problems(audited(stack_settings, patience=0)) == {Problem.NOT_ARCHIVED, Problem.NOT_NORMALIZED}


@pytest.mark.parametrize(
    "retention",
    [
        RetentionSettings(callbacks_days=30),
        RetentionSettings(events_days=30),
        RetentionSettings(calls_days=30),
        RetentionSettings(callbacks_days=30, events_days=30, calls_days=30),
    ],
    ids=["callbacks", "events", "calls", "all"],
)
def test_what_retention_has_dropped_is_no_hole(
    stack_settings: Settings, retention: RetentionSettings
) -> None:
    """A call of long ago, one of yesterday, and late news of yesterday about the first."""
    settings = stack_settings.model_copy(update={"retention": retention})
    now = SystemClock().now()
    told = [
        event(kind, leg, now - days * DAY, account="acme", source="shop", ids=(leg,))
        for kind, leg, days in CALLS
    ]
    with Flow(settings) as flow:
        told = [replace(each, callback_id=reported(flow, each)) for each in told]
    archive(settings, {each.callback_id for each in told})
    for group in ("normalize", "sink"):
        commit_past(settings, settings.kafka.group(group), Topic.RAW)
    write(settings, told[:2], told[2:])
    assert_whole(stack_settings)
    with clickhouse.connected(settings.clickhouse) as client:
        assert drop(client, retention, moment(now).date())
    (note,) = assert_whole(settings).notes
    assert "not looked at" in note
    forgotten(settings, Topic.RAW)
    assert_whole(settings)
    list(zip(range(1), taken_away(settings, "stored_calls"), strict=False))
    assert problems(audited(settings)) == {Problem.NOT_IN_A_CALL}


def chain(ids: Sequence[str], account: str = "acme") -> list[CallEvent]:
    """A ring of each id that names the next one too, and its hangup."""
    times = count(SystemClock().now() - DAY)
    return [
        event(kind, leg, next(times), account=account, source="shop", ids=named)
        for leg, following in pairwise(ids)
        for kind, named in (("ring", (leg, following)), ("hangup", (leg,)))
    ]


def archived(settings: Settings, told: Iterable[CallEvent]) -> list[CallEvent]:
    """Archive a callback for each event, and write the events; no stage lags."""
    with Flow(settings) as flow:
        told = [replace(each, callback_id=reported(flow, each)) for each in told]
    archive(settings, {each.callback_id for each in told})
    for group in ("normalize", "sink"):
        commit_past(settings, settings.kafka.group(group), Topic.RAW)
    batch = Batch()
    for each in told:
        add(batch, Topic.EVENTS, each.to_json())
    insert(settings, batch)
    return told


def truncate(settings: Settings, call_id: str, told: Iterable[CallEvent]) -> None:
    """Write the row of a call that keeps four of its events one by one."""
    call = bounded(call_id, {each.event_id: each for each in told}, 4)
    batch = Batch()
    add(batch, Topic.RECORDS, row_of("acme", call_id, Tellings(tuple(call.values()))).to_json())
    insert(settings, batch)


def suspect(settings: Settings, ids: Iterable[str], since: int, last_at: int) -> None:
    """Write that these ids tied too many calls; times are in microseconds."""
    rows = [("acme", name, "shop", moment(since), moment(last_at)) for name in ids]
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute("INSERT INTO stored_suspects (account, id, source, since, last_at) VALUES", rows)


def test_what_a_truncated_call_has_summed_up_is_in_it_over_any_number_of_steps(
    stack_settings: Settings,
) -> None:
    settings, names = stack_settings, [f"{number:02}" for number in range(20)]
    told = archived(settings, chain(names))
    truncate(settings, "00", told)
    (row,) = select(settings, "SELECT truncated, length(events) AS named, revision FROM calls")
    assert (row["truncated"], row["named"] < 6, row["revision"]) == (True, True, len(told))
    report = assert_whole(settings)
    assert report.counts["shop"].in_calls == len(told)
    lost = archived(settings, chain(["x", "y", "z"]) + chain(["05", "06"], account="other"))
    report = audited(settings)
    assert (report.verdict(), report.counts["shop"].difference()) == (Verdict.HOLE, len(lost))
    assert problems(report) == {Problem.NOT_IN_A_CALL}
    assert {hole.callback_id for hole in report.holes} == {each.callback_id for each in lost}
    assert_each_callback_is_judged_however_few_are_named(settings, len(told), len(lost))
    assert_once_enough_are_missing_no_more_are_followed(settings, len(told), len(lost))
    assert_nothing_is_followed_while_a_stage_is_behind(settings)


def looked_at(settings: Settings, enough: int) -> tuple[Counts, int, set[str]]:
    """Look at callbacks in two slices, naming one a group: the counts, what is not followed, names."""
    with log.opened(settings.kafka) as kafka, clickhouse.connected(settings.clickhouse) as client:
        lines = kafka.ends([settings.kafka.topic(topic) for topic in (Topic.RAW, Topic.REJECTED)])
        tables = Tables(client, settings.kafka, kept(Span(), settings.retention, SystemClock().now()))
        groups = list(tables.groups(lines, 2, 1, enough))
    named = {callback_id for group in groups for _, callback_id in group.short}
    return tally(groups)["shop"], tables.unfollowed, named


def assert_each_callback_is_judged_however_few_are_named(settings: Settings, held: int, lost: int) -> None:
    counts, unfollowed, named = looked_at(settings, lost + 1)
    assert (counts.in_calls, counts.difference(), unfollowed) == (held, lost, 0)
    assert 0 < len(named) <= lost


def assert_once_enough_are_missing_no_more_are_followed(settings: Settings, held: int, lost: int) -> None:
    """What is missing is missing all the same, and nothing is named that was not followed."""
    for enough in (0, 1):
        counts, unfollowed, named = looked_at(settings, enough)
        assert counts.archived == held + lost
        assert counts.difference() - lost == held - counts.in_calls
        assert 0 < unfollowed <= counts.difference()
        assert len(named) <= enough


def assert_nothing_is_followed_while_a_stage_is_behind(settings: Settings) -> None:
    followed = audited(settings).counts["shop"]
    with Flow(settings) as flow:
        flow.accept(flow.callback(b"x"))
    report = audited(settings, patience=0)
    assert (report.verdict(), report.holes) == (Verdict.UNTOLD, [])
    assert report.counts["shop"].archived == followed.archived
    assert report.counts["shop"].in_calls < followed.in_calls


def test_what_a_suspect_id_may_have_tied_is_no_hole_but_counted(stack_settings: Settings) -> None:
    settings, start = stack_settings, SystemClock().now() - DAY

    def told(at: int, *ids: str, kind: str = "ring") -> CallEvent:
        return event(kind, ids[-1], start + at, account="acme", source="shop", ids=tuple(sorted(ids)))

    legs = [f"leg{number:02}" for number in range(20)]
    rings = [told(number, "hot", leg) for number, leg in enumerate(legs)]
    hangups = [told(100 + number, leg, kind="hangup") for number, leg in enumerate(legs)]
    call = archived(settings, rings + hangups)
    truncate(settings, "hot", call)
    assert assert_whole(settings).notes == []
    suspect(settings, ["hot"], start + 1_000, start + 2_000)
    later = archived(settings, [told(1_000, "hot", "new"), told(1_001, "new", "newer"), told(1_002, "newer")])
    alone = archived(settings, [told(1_003, "hot")])
    report = assert_whole(settings)
    assert report.counts["shop"].in_calls == len(call) + len(later) + len(alone)
    unsure, of_suspects = report.notes
    assert int(unsure.split()[0]) >= len(later)
    assert "may be missing" in unsure
    assert of_suspects.startswith("hot of shop")
    lost = archived(settings, [told(1_004, "x", "y"), told(1_005, "y")])
    report = audited(settings)
    assert problems(report) == {Problem.NOT_IN_A_CALL}
    assert {hole.callback_id for hole in report.holes} == {each.callback_id for each in lost}


def reported(flow: Flow, event: CallEvent) -> str:
    """Publish the callback of an event; its id."""
    callback = replace(flow.callback(b"x"), received_at=event.received_at, account=event.account)
    flow.accept(callback)
    return callback.id


def rejected_twice(settings: Settings) -> str:
    """Have Kafka hold a callback and its rejection twice, all of it passed over by the stages; its id."""
    with Flow(settings) as flow:
        callback = flow.callback(b"x")
        flow.reject(callback)
        flow.reject(callback)
    for topic in (Topic.RAW, Topic.REJECTED):
        commit_past(settings, settings.kafka.group("sink"), topic)
    commit_past(settings, settings.kafka.group("normalize"), Topic.RAW)
    return callback.id


def test_a_callback_that_was_not_archived_and_is_rejected_twice_is_one_hole(stack_settings: Settings) -> None:
    rejected_twice(stack_settings)
    report = audited(stack_settings, patience=0)
    assert (report.lags, report.verdict()) == ([], Verdict.HOLE)
    assert report.certain() == {"shop": 1}
    assert [hole.problem for hole in report.holes] == [Problem.NOT_ARCHIVED]


def test_a_decision_that_is_not_archived_is_one_hole_however_often_kafka_has_it(
    stack_settings: Settings,
) -> None:
    archive(stack_settings, {rejected_twice(stack_settings)})
    report = audited(stack_settings, patience=0)
    assert report.certain() == {"shop": 1}
    assert [hole.problem for hole in report.holes] == [Problem.NOT_DECIDED]


def test_rejections_that_kafka_forgot_before_the_sink_came_to_them_are_a_doubt(
    stack_settings: Settings,
) -> None:
    with Flow(stack_settings) as flow:
        flow.reject(flow.callback(b"x"))
    commit_past(stack_settings, stack_settings.kafka.group("normalize"), Topic.RAW)
    forgotten(stack_settings, Topic.RAW)
    commit_past(stack_settings, stack_settings.kafka.group("sink"), Topic.RAW)
    forgotten(stack_settings, Topic.REJECTED)
    report = audited(stack_settings, patience=0)
    assert (report.lags, report.verdict()) == ([], Verdict.UNTOLD)
    (doubt,) = report.doubts
    assert "begins at 1, but the sink has read only up to 0" in doubt
    commit_past(stack_settings, stack_settings.kafka.group("sink"), Topic.REJECTED)
    assert audited(stack_settings, patience=0).doubts == []


def assert_counts(sent: Traffic, report: Report) -> None:
    assert {source: counts.acknowledged for source, counts in report.counts.items()} == sent.acknowledged
    for counts in report.counts.values():
        assert counts.rejected["malformed-json"] == 1
        assert counts.rejected.total() == 2
        assert counts.difference() == 0
    assert {source: counts.not_calls for source, counts in report.counts.items()} == {
        "common": 0,
        "extension": 1,
    }


def assert_skipped_offsets_are_found(settings: Settings, sent: Traffic, pipeline: Pipeline) -> None:
    sink = pipeline.workers["sink"]
    sink.stop()
    for source in ("common", "extension"):
        sent.call(source)
    skipped = commit_past(settings, settings.kafka.group("sink"), Topic.RAW)
    assert skipped
    sink.start()
    report = audited(settings)
    assert report.verdict() is Verdict.HOLE
    assert problems(report) == {Problem.NOT_ARCHIVED}
    assert places(report.holes) == skipped
    assert {source: counts.acknowledged for source, counts in report.counts.items()} == sent.acknowledged
