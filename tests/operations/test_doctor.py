from __future__ import annotations

import errno
import socket
from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource, ConfigResourceType

from ingest.metrics import LIMITED
from ingest.spool import Spool
from operations.doctor import Finding, examine, limited, port_finding, topics_finding
from runtime import topics
from runtime.addresses import bind_error, reachable
from runtime.metrics import serve
from runtime.probe import is_callweave
from runtime.settings import IngestSettings, KafkaSettings, Settings
from runtime.topics import Drift, Effect, TopicReport
from schemas.topics import Topic
from tests.kit.spool import append
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path


def fine() -> tuple[bool, str]:
    return True, ""


def test_a_free_port_is_good() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    found = port_finding("ingest.port", "127.0.0.1", port, ("127.0.0.1", port))
    assert found == Finding("ingest.port", good=True, text=f"127.0.0.1:{port} is free.")


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_port_that_callweave_holds_is_good(host: str) -> None:
    with serve(0, fine, host=host) as server:
        found = port_finding("sink.metrics_port", host, server.port, (host, server.port))
    assert found.good
    assert found.text.endswith("is in use by a running callweave.")


def test_a_port_of_a_stage_whose_probes_answer_is_good() -> None:
    with serve(0, fine) as probes, socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        found = port_finding("ingest.port", "127.0.0.1", port, ("127.0.0.1", probes.port))
    text = f"127.0.0.1:{port} is in use by a running callweave."
    assert found == Finding("ingest.port", good=True, text=text)


@pytest.mark.server  # waits five seconds for one
def test_a_port_that_another_program_holds_is_bad_and_says_what_to_do() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.1)
        port: int = server.getsockname()[1]
        found = port_finding("ingest.port", "127.0.0.1", port, ("127.0.0.1", port))
    assert found.text == (
        f"127.0.0.1:{port} can't be had: another program listens there: free it, or change ingest.port."
    )
    assert not found.good


def test_a_host_that_is_not_of_this_machine_is_bad() -> None:
    assert bind_error("192.0.2.1", 0) == errno.EADDRNOTAVAIL
    assert bind_error("no.such.host.invalid", 0) == errno.EADDRNOTAVAIL
    assert not port_finding("ingest.port", "192.0.2.1", 1234, ("192.0.2.1", 1)).good


def test_nothing_that_listens_is_not_callweave() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    assert not is_callweave("127.0.0.1", port)


def test_a_server_on_every_address_is_reached_by_loopback() -> None:
    assert (reachable("0.0.0.0"), reachable("::"), reachable("10.0.0.1")) == ("127.0.0.1", "::1", "10.0.0.1")


def test_a_source_that_met_its_limit_is_named(tmp_path: Path) -> None:
    name = f"limited-{tmp_path.name}"
    with serve(0, fine) as server:
        ingest = IngestSettings(metrics_port=server.port)
        settings = Settings(ingest=ingest, data=tmp_path, sources_file=tmp_path / "sources.toml")
        assert [each for each in limited(settings) if name in each.text] == []
        LIMITED.labels(name).inc(3)
        (found,) = (each for each in limited(settings) if name in each.text)
    assert "3 requests were answered with 429" in found.text
    assert f"`callweave source change {name} --requests-per-second`" in found.text
    assert list(limited(settings)) == [], "nothing listens any more"


def test_settings_of_topics_that_lose_callbacks_are_told(kafka: KafkaSettings) -> None:
    settings = Settings(kafka=kafka)
    topics.ensure(settings)
    assert topic_finding(settings) == Finding("topics", good=True, text="all 6 are there.")
    configure(settings, Topic.EVENTS, {"unclean.leader.election.enable": "true"})
    unclean = "calls.events: unclean.leader.election.enable is true, not false"
    eventually(lambda: unclean in topic_finding(settings).text, "the difference is told")
    configure(settings, Topic.RAW, {"retention.ms": "60000"})
    shorter = "callbacks.raw: retention.ms is 60000, not 1209600000"
    eventually(lambda: shorter in topic_finding(settings).text, "messages are lost sooner")
    found = topic_finding(settings)
    assert (found.good, found.warns) == (True, True), "it may be deliberate"
    assert unclean in found.text
    configure(settings, Topic.EVENTS, {"max.message.bytes": "1000"})
    eventually(lambda: not topic_finding(settings).good, "a stage would stop")


def test_partitions_that_take_no_messages_are_bad_whatever_else_differs() -> None:
    drift = Drift("retention.ms", "1", "2", Effect.LOSES)
    reports = [
        TopicReport("a", missing=False, halted=(0, 3)),
        TopicReport("b", missing=False, drifts=(drift,)),
    ]
    found = topics_finding(reports)
    assert not found.good
    assert "(a: 0, 3)" in found.text


def topic_finding(settings: Settings) -> Finding:
    return next(finding for finding in examine(settings) if finding.subject == "topics")


def configure(settings: Settings, topic: Topic, config: dict[str, str]) -> None:
    with topics.admin(settings.kafka) as client:
        name = settings.kafka.topic(topic)
        client.alter_configs([ConfigResource(ConfigResourceType.TOPIC, name, configs=config)])


def test_what_waits_in_the_spool_is_told_and_what_is_broken_is_bad(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, sources_file=tmp_path / "sources.toml")

    def found() -> Finding:
        return next(finding for finding in examine(settings) if finding.subject != "sources")

    spool = Spool(tmp_path / "spool", 1 << 20)
    for _ in range(3):
        append(spool, "t", b"{}", [])
    assert (found().good, found().text.split(" wait ")[0]) == (True, "3 callbacks")
    spool.seal()
    (segment,) = list(spool.segments())
    segment.set_aside("it is damaged")
    assert (found().subject, found().good) == ("spool", False)
    assert ".broken" in found().text


def test_a_spool_that_can_not_be_read_is_bad(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("a file where the folder belongs")
    settings = Settings(data=tmp_path, sources_file=tmp_path / "sources.toml")
    found = next(finding for finding in examine(settings) if finding.subject == "spool")
    assert not found.good
    assert "can't be read (Not a directory)" in found.text
