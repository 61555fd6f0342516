"""`callweave source provider`, `subscribe` and `dial`, as people run them; no pipeline is needed."""

from __future__ import annotations

import signal
import stat
from typing import TYPE_CHECKING

import orjson
import pytest
from kafka import KafkaConsumer, KafkaProducer
from kafka.admin import ConfigResource, ConfigResourceType

from provider.dialling import Spool
from runtime import producer, topics
from runtime.kafka import client_options
from schemas.callbacks import Callback
from schemas.topics import Topic
from simulator.api.faults import Fault
from tests.kit.commands import ran
from tests.provider.commands import SOURCE, add_source
from tests.servers import eventually, new_settings
from tests.simulator.api.providers import TOKEN

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from tests.simulator.api.providers import RunningProvider

NUMBER = "+79817654321"
DIAL = ("dial", "--source", SOURCE, "--extension", "175", "--to", NUMBER, "--from", "102")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings whose servers are nowhere."""
    return new_settings("127.0.0.1:9", "127.0.0.1:9", tmp_path)


def longest_message(settings: Settings, size: int) -> None:
    """Have Kafka refuse whatever is longer."""
    topic = settings.kafka.topic(Topic.RAW)
    changed = ConfigResource(ConfigResourceType.TOPIC, topic, {"max.message.bytes": str(size)})
    with topics.admin(settings.kafka) as client:
        client.alter_configs([changed])


def published(settings: Settings) -> list[Callback]:
    consumer = KafkaConsumer(
        settings.kafka.topic(Topic.RAW), **client_options(settings.kafka), auto_offset_reset="earliest"
    )
    found: list[Callback] = []

    def there() -> bool:
        for records in consumer.poll(timeout_ms=500).values():
            found.extend(Callback.from_message(each.value, list(each.headers)) for each in records)
        return bool(found)

    try:
        eventually(there, "a callback is published")
    finally:
        consumer.close()
    return found


class TestSourceProvider:
    """How a source's provider is set."""

    def test_it_is_set_and_shown_without_the_secret(
        self, settings: Settings, provider: RunningProvider, tmp_path: Path
    ) -> None:
        add_source(settings, provider)
        secret = tmp_path / "another"
        secret.write_text("another-secret")
        set_ = ran(
            settings, "source", "provider", SOURCE, "--base-url", "https://a.example.com/x/",
            "--token-file", str(secret),
        )  # fmt: skip
        shown = ran(settings, "source", "provider", SOURCE)
        assert (set_.returncode, set_.stdout) == (0, shown.stdout)
        assert "base_url = https://a.example.com/x\n" in shown.stdout
        assert f"token_file = {secret}\n" in shown.stdout
        for text in (shown.stdout, shown.stderr, settings.sources_file.read_text()):
            assert "another-secret" not in text
        assert stat.S_IMODE(settings.sources_file.stat().st_mode) == 0o600
        assert ran(settings, "source", "provider", SOURCE, "--remove").returncode == 0
        gone = ran(settings, "source", "provider", SOURCE)
        assert gone.returncode == 1
        assert gone.stderr.startswith(f"callweave: the source {SOURCE} has no provider settings")


class TestSubscribe:
    """`callweave subscribe`."""

    def test_twice_changes_nothing_and_the_url_is_never_shown(
        self, settings: Settings, provider: RunningProvider
    ) -> None:
        url = add_source(settings, provider)
        command = ("subscribe", "--source", SOURCE, "--extension", "175", "--extension", "@102", "--url", url)
        check = ran(settings, *command, "--check")
        assert (check.returncode, provider.exchange.subscriptions) == (1, [])
        first = ran(settings, *command)
        there = list(provider.exchange.subscriptions)
        second = ran(settings, *command)
        assert (first.returncode, second.returncode, len(there)) == (0, 0, 10)
        assert provider.exchange.subscriptions == there
        assert {each.url for each in there} == {url}
        assert (first.stdout.count("added"), second.stdout.count("there")) == (10, 10)
        assert ran(settings, *command, "--check").returncode == 0
        token = url.rpartition("/")[2]
        for result in (check, first, second):
            assert token not in result.stdout + result.stderr

    def test_a_limit_is_a_clear_sentence(self, settings: Settings, provider: RunningProvider) -> None:
        url = add_source(settings, provider)
        provider.exchange.extension_events = 3
        result = ran(
            settings, "subscribe", "--source", SOURCE, "--extension", "175", "--url", "-", given=f"{url}\n"
        )
        assert result.returncode == 1
        assert len(provider.exchange.subscriptions) == 3
        assert result.stderr.splitlines() == [
            "callweave: 2 events are more than the provider's limit allows: remove others at the provider, "
            "have the limit raised, or ask for fewer with --events."
        ]

    def test_a_demo_sources_url_is_known(self, settings: Settings, provider: RunningProvider) -> None:
        url = add_source(settings, provider)
        (settings.data / "demo-urls").write_text(f"demo http://127.0.0.1/callbacks/x\n{SOURCE} {url}\n")
        result = ran(
            settings, "subscribe", "--source", SOURCE, "--extension", "175", "--events", "hangup",
            "--method", "GET",
        )  # fmt: skip
        assert result.returncode == 0
        (there,) = provider.exchange.subscriptions
        assert (there.url, there.method, there.event_type) == (url, "GET", "hangup")

    @pytest.mark.parametrize(
        ("arguments", "status", "sentence"),
        [
            ((), 1, "the callback URL of pbx is needed"),
            (("--url", "http://127.0.0.1/callbacks/guessed"), 1, "is no callback URL of pbx"),
            (("--events", "dial-in,nonsense"), 2, "must be some of dial-in,dial-out"),
        ],
    )
    def test_what_can_not_be_done(
        self,
        settings: Settings,
        provider: RunningProvider,
        arguments: tuple[str, ...],
        status: int,
        sentence: str,
    ) -> None:
        add_source(settings, provider)
        result = ran(settings, "subscribe", "--source", SOURCE, "--extension", "175", *arguments)
        assert result.returncode == status
        assert sentence in result.stderr
        assert "guessed" not in result.stderr
        assert provider.exchange.requests.total() == 0


class TestDial:
    """`callweave dial`."""

    def test_a_call_is_started_and_published(
        self, topics_settings: Settings, provider: RunningProvider
    ) -> None:
        add_source(topics_settings, provider)
        command = (
            "dial", "--source", SOURCE, "--extension", "@{who}", "--to", "$cv({to})",
            "--from", "102", "--from", NUMBER, "--tag", "spring", "--variable", "autoanswer=4",
            "--wait-for-pickup", "30", "--allow-public-transfer", "false", "--src-ani", "+78123092800",
        )  # fmt: skip
        result = ran(topics_settings, *command)
        assert result.returncode == 1  # the client has set no such variables
        assert provider.exchange.started == []
        provider.exchange.variables = {"who": "176", "to": NUMBER}
        result = ran(topics_settings, *command)
        (started,) = provider.exchange.started
        assert (result.returncode, result.stdout) == (0, f"{started.call_id}\n")
        assert (started.extension, started.request["dst_num"]) == ("176", NUMBER)
        (callback,) = published(topics_settings)
        said = orjson.loads(callback.payload)
        assert (callback.kind, said["extension"], said["answer"]["call_id"]) == (
            "dial",
            "@{who}",
            started.call_id,
        )
        assert said["request"] == {
            "dst_num": "$cv({to})",
            "src_num": ["102", NUMBER],
            "allow_public_transfer": False,
            "src_ani": "+78123092800",
            "wait_for_pickup": 30,
            "variables": {"autoanswer": "4", "tag": "spring"},
        }
        assert NUMBER not in result.stdout + result.stderr

    @pytest.mark.server  # waits three seconds for one
    def test_without_kafka_nobody_is_called(self, settings: Settings, provider: RunningProvider) -> None:
        add_source(settings, provider)
        result = ran(settings, *DIAL)
        assert (result.returncode, result.stdout) == (1, "")
        assert "Kafka at 127.0.0.1:9 does not answer" in result.stderr
        assert provider.exchange.requests["callback"] == 0

    def test_what_kafka_does_not_take_is_published_again(
        self, topics_settings: Settings, provider: RunningProvider
    ) -> None:
        add_source(topics_settings, provider)
        longest_message(topics_settings, 1)
        result = ran(topics_settings, *DIAL)
        (started,) = provider.exchange.started
        assert (result.returncode, result.stdout) == (3, f"{started.call_id}\n")
        assert f"the call {started.call_id} was started, but not published" in result.stderr
        assert "`callweave dial --resend`" in result.stderr
        assert NUMBER not in result.stderr
        assert ran(topics_settings, "dial", "--resend").returncode == 1
        longest_message(topics_settings, 1_000_000)
        again = ran(topics_settings, "dial", "--resend")
        assert (again.returncode, again.stderr) == (0, "1 published.\n")
        (callback,) = published(topics_settings)
        assert orjson.loads(callback.payload)["answer"]["call_id"] == started.call_id
        assert len(provider.exchange.started) == 1

    def test_ctrl_c_never_hides_that_a_call_was_started(
        self, topics_settings: Settings, provider: RunningProvider, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_source(topics_settings, provider)
        keep, close = Spool.keep, vars(producer)["close_producer"]

        def kept(spool: Spool, callback: Callback) -> Path:
            signal.raise_signal(signal.SIGINT)
            return keep(spool, callback)

        def closed(kafka: KafkaProducer, seconds: float) -> None:
            signal.raise_signal(signal.SIGINT)
            close(kafka, seconds)

        with monkeypatch.context() as pressing:
            pressing.setattr(producer, "close_producer", closed)
            while_closing = ran(topics_settings, *DIAL)
            pressing.setattr(Spool, "keep", kept)
            while_keeping = ran(topics_settings, *DIAL)
        first, second = provider.exchange.started
        assert (while_closing.returncode, while_closing.stdout) == (0, f"{first.call_id}\n")
        assert (while_keeping.returncode, while_keeping.stdout) == (3, f"{second.call_id}\n")
        assert "was started, but not published. You did not wait for Kafka." in while_keeping.stderr
        assert ran(topics_settings, "dial", "--resend").stderr == "1 published.\n"

    def test_one_that_may_have_been_started_says_so(
        self, topics_settings: Settings, provider: RunningProvider
    ) -> None:
        add_source(topics_settings, provider)
        provider.exchange.faults.next("callback", Fault("reset", carried_out=True))
        result = ran(topics_settings, *DIAL)
        assert (result.returncode, result.stdout) == (4, "")
        assert len(provider.exchange.started) == 1
        assert "MAY HAVE BEEN STARTED" in result.stderr
        assert NUMBER not in result.stderr
        assert TOKEN not in result.stderr

    @pytest.mark.parametrize(
        ("arguments", "sentence"),
        [
            (("dial",), "Missing option --source, --extension, --to, --from."),
            ((*DIAL, "--call-duration", "long"), "--call-duration must be a whole number"),
            ((*DIAL, "--callback-rate-limit", "101"), "--callback-rate-limit must be between 0 and 100"),
            ((*DIAL, "--dst-dtmf", "12x"), "--dst-dtmf may only contain"),
            ((*DIAL, "--variable", "tag"), "--variable must be NAME=VALUE"),
            ((*DIAL, "--variable", "tag=a", "--tag", "b"), "given twice"),
        ],
    )
    def test_wrong_usage(self, settings: Settings, arguments: tuple[str, ...], sentence: str) -> None:
        result = ran(settings, *arguments)
        assert result.returncode == 2
        assert sentence in " ".join(result.stderr.split())
        assert NUMBER not in result.stderr

    def test_nothing_to_resend(self, settings: Settings) -> None:
        result = ran(settings, "dial", "--resend")
        assert (result.returncode, result.stderr) == (0, "There is nothing to publish.\n")
