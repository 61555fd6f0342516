"""Any process killed at any moment under load: what got a 200 is in `callbacks` once, and in its call."""

from __future__ import annotations

import os
import signal
import statistics
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

import httpx
import pytest

from operations.audit.identity import total
from runtime import sources
from tests.chaos.calls import TIMEZONE, common_api_call
from tests.chaos.provider import Provider
from tests.chaos.report import new_rng, say
from tests.chaos.stack import Stages, stand_still
from tests.chaos.truth import DIALECTS, differences, events_of, expected_calls, found_calls
from tests.ingest.test_outage import in_kafka
from tests.operations.audit.traffic import assert_whole
from tests.rows import count, select, work_done
from tests.scale import scaled
from tests.servers import at_rest, eventually

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from pathlib import Path

    from compose.embedded.node import Node
    from runtime.settings import Settings
    from schemas.events import CallEvent
    from tests.chaos.stack import Servers
    from tests.pipeline import StageName

pytestmark = pytest.mark.timeout(scaled(600, 4 * 3600))

ROUNDS = scaled(6, 50)
VICTIMS = ("ingest", "normalize", "correlate", "sink", "kafka", "clickhouse")
LONGEST_ANSWER = 3.0
"""Seconds: what the contract promises while the broker is away."""
REQUESTS_WHILE_AWAY = 60


def callback_url(settings: Settings, name: str) -> str:
    token = sources.add(settings.sources_file, name, name, DIALECTS[name], TIMEZONE)
    return f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"


def test_what_got_a_200_is_archived_once_and_in_its_call(chaos_servers: Servers, tmp_path: Path) -> None:
    rng = new_rng("test_what_got_a_200_is_archived_once_and_in_its_call")
    settings = chaos_servers.settings
    urls = [callback_url(settings, name) for name in DIALECTS]
    with Stages(settings, tmp_path) as stages:
        with Provider(rng, *urls) as provider:
            for number, victim in enumerate(drawn(rng), 1):
                time.sleep(rng.uniform(0.5, 3.0))
                killed = time.monotonic()
                away = kill_for_a_while(chaos_servers, stages, victim, rng.uniform(0.0, 2.0))
                call_id = provider.probe()
                eventually(partial(are_calls, settings, [call_id]), f"work goes on without {victim}")
                took = time.monotonic() - killed
                say(f"round {number}: {victim} away for {away:.1f} s, work went on after {took:.1f} s")
            provider.finish()
        say(f"{len(provider.ledger)} acknowledged; answers: {dict(provider.answers)}")
        say(f"ended by themselves, and were started again: {stages.exits()}")
        assert provider.answers.keys() - {"200", "503"} <= {
            "ConnectError",
            "ReadError",
            "WriteError",
            "RemoteProtocolError",
        }
        assert 0 not in [status for statuses in stages.exits().values() for status in statuses]
        assert_nothing_is_lost(settings, provider.ledger)
        assert_the_audit_says_so(settings, provider.ledger)


def drawn(rng: random.Random) -> Iterator[str]:
    """Victims in random order, each as often as the others."""
    for number in range(ROUNDS):
        if number % len(VICTIMS) == 0:
            deck = rng.sample(VICTIMS, len(VICTIMS))
        yield deck[number % len(VICTIMS)]


def kill_for_a_while(servers: Servers, stages: Stages, victim: str, pause: float) -> float:
    """Kill it and start it again; how long it was away, in seconds."""
    killed = time.monotonic()
    nodes: dict[str, Node] = {"kafka": servers.kafka, "clickhouse": servers.clickhouse}
    started = nodes.get(victim) or next(stage for name, stage in stages.by_name.items() if name == victim)
    started.kill()
    time.sleep(pause)
    started.start()
    return time.monotonic() - killed


def are_calls(settings: Settings, ids: list[str]) -> bool:
    query = "SELECT count() FROM calls WHERE has(%(ids)s, call_id)"
    return count(settings, query, {"ids": ids}) == len(ids)


def assert_nothing_is_lost(settings: Settings, ledger: list[str]) -> None:
    wrong: list[str] = []

    def right() -> bool:
        wrong[:] = list(what_is_wrong(settings, ledger))
        if wrong:
            time.sleep(0.5)
        return not wrong

    try:
        eventually(right, "nothing is lost", so_far=partial(work_done, settings))
    except AssertionError:
        some = "\n".join(wrong[:20])
        raise AssertionError(f"{len(wrong)} things are wrong:\n{some}") from None


def assert_the_audit_says_so(settings: Settings, ledger: list[str]) -> None:
    """Its differences are 0, and it has counted at least what got a 200; some more may have been kept."""
    report = assert_whole(settings)
    counts = total(report.counts)
    assert counts.difference() == 0
    assert counts.acknowledged >= len(ledger) > 0


def what_is_wrong(settings: Settings, ledger: list[str]) -> Iterator[str]:
    """Sentences, none if every identity holds."""
    archive = select(settings, "SELECT *, toUnixTimestamp64Micro(received_at) AS received_us FROM callbacks")
    ids = [row["id"] for row in archive]
    if len(ids) != len(set(ids)):
        yield f"{len(ids)} rows of {len(set(ids))} callbacks"
    if missing := set(ledger) - set(ids):
        yield f"{len(missing)} of {len(ledger)} acknowledged callbacks are not archived"
    if rejected := [row["reasons"] for row in archive if row["status"] != "accepted"]:
        yield f"rejected: {rejected[:3]}"
    if missing := in_kafka(settings).keys() - set(ids):
        yield f"{len(missing)} callbacks that Kafka has are not archived"
    events = [event for row in archive for event in events_of(row)]
    yield from wrong_events(settings, events)
    yield from differences(expected_calls(events), found_calls(settings, DIALECTS))


def wrong_events(settings: Settings, events: list[CallEvent]) -> Iterator[str]:
    expected: dict[str, set[str]] = defaultdict(set)
    for event in events:
        expected[event.event_id].add(event.callback_id)
    found = {
        row["event_id"]: set(row["callback_ids"])
        for row in select(settings, "SELECT event_id, callback_ids FROM call_events")
    }
    if wrong := [
        event for event in expected.keys() | found.keys() if expected.get(event) != found.get(event)
    ]:
        yield f"{len(wrong)} of {len(expected)} events have not the callbacks that said them"


def test_while_the_broker_is_away_every_answer_is_a_prompt_200(
    chaos_servers: Servers, tmp_path: Path
) -> None:
    """Killed, and then standing still with its connections open."""
    rng = new_rng("test_while_the_broker_is_away_every_answer_is_a_prompt_200")
    settings, kafka = chaos_servers.settings, chaos_servers.kafka
    url = callback_url(settings, "common")
    with Stages(settings, tmp_path, ("ingest",)) as stages, httpx.Client(timeout=60) as client:

        def post(_: int) -> tuple[int, float]:
            began = time.monotonic()
            answer = client.post(url, json=common_api_call(rng)[0])
            return answer.status_code, time.monotonic() - began

        def answers_while_away(how: str) -> None:
            with ThreadPoolExecutor(8) as pool:
                answers = list(pool.map(post, range(REQUESTS_WHILE_AWAY)))
            seconds = [took for _, took in answers]
            say(f"{how}: median {statistics.median(seconds):.3f} s, longest {max(seconds):.2f} s")
            assert {status for status, _ in answers} == {httpx.codes.OK}
            assert max(seconds) < at_rest(LONGEST_ANSWER)

        assert post(0)[0] == httpx.codes.OK
        kafka.kill()
        answers_while_away("killed")
        kafka.start()
        eventually(lambda: post(0)[0] == httpx.codes.OK, "callbacks are accepted again")
        stand_still(kafka.pid)
        try:
            answers_while_away("standing still")
        finally:
            os.kill(kafka.pid, signal.SIGCONT)
        eventually(lambda: post(0)[0] == httpx.codes.OK, "callbacks are accepted again")
        assert stages.exits() == {}


def test_a_killed_workers_work_goes_on_elsewhere(chaos_servers: Servers, tmp_path: Path) -> None:
    """With a second worker of each stage the first is killed, and stays away."""
    rng = new_rng("test_a_killed_workers_work_goes_on_elsewhere")
    settings = chaos_servers.settings
    urls = [callback_url(settings, name) for name in DIALECTS]
    inner: tuple[StageName, ...] = ("normalize", "correlate", "sink")
    with Stages(settings, tmp_path) as stages, Provider(rng, *urls) as provider:
        others = [stages.another(name, "-second") for name in inner]
        try:
            for other in others:
                other.start()
            for other in others:
                eventually(other.answers, f"the second {other.stage} is ready")
            for name in inner:
                time.sleep(rng.uniform(0.5, 1.5))
                stages.by_name[name].kill()
                killed = time.monotonic()
                # several callbacks a partition: those of the killed worker are among them
                ids = [provider.probe() for _ in range(4 * settings.kafka.partitions)]
                eventually(partial(are_calls, settings, ids), f"{name} goes on elsewhere")
                say(f"{name} killed: all work went on elsewhere within {time.monotonic() - killed:.1f} s")
            provider.finish()
            assert_nothing_is_lost(settings, provider.ledger)
            assert_the_audit_says_so(settings, provider.ledger)
        finally:
            for other in others:
                other.kill()
