"""What is kept of a call that was started, and how it is published again."""

from __future__ import annotations

import signal
import socket
import stat
from typing import TYPE_CHECKING

import orjson
import pytest
from pydantic import SecretStr

from provider.dialling import Dialler, Outcome, Spool, SpoolError, answered, read, resend
from provider.rest.client import Client
from provider.rest.errors import UnansweredError
from provider.rest.models import CallbackRequest
from provider.settings import Credentials, ProviderSettings
from runtime import sources
from runtime.interrupts import held
from runtime.producer import UnpublishedError
from simulator.api.faults import Fault
from tests.kit.clock import ManualClock

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.sources import Source
    from schemas.callbacks import Callback
    from tests.simulator.api.providers import RunningProvider

NOW = 1_760_000_000_000_000
REQUEST = CallbackRequest(dst_num="+79817654321", src_num=["101"], variables={"tag": "spring"})


class Taken:
    """A publisher that takes callbacks while it is up, and as long as nobody presses Ctrl-C."""

    def __init__(self, *, up: bool = True, pressed: bool = False) -> None:
        self.up = up
        self.pressed = pressed
        self.callbacks: list[Callback] = []

    def publish(self, callback: Callback) -> None:
        if not self.up:
            raise UnpublishedError("Kafka does not answer.")
        if self.pressed:
            signal.raise_signal(signal.SIGINT)
        self.callbacks.append(callback)


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "sources.toml"
    sources.add(path, "pbx", "acme", "extension-events", "UTC")
    found = sources.load(path).get("pbx")
    assert found is not None
    return found


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "dialled")


def dial(client: Client, taken: Taken, spool: Spool, source: Source, extension: str = "175") -> Outcome:
    with held() as interrupts:
        dialler = Dialler(client, taken.publish, spool, source, ManualClock(NOW), interrupts)
        return dialler.dial(extension, REQUEST)


def test_a_call_is_published_with_what_was_asked_and_answered(
    provider: RunningProvider, spool: Spool, source: Source
) -> None:
    taken = Taken()
    outcome = dial(provider.client(), taken, spool, source, "@101")
    (callback,) = taken.callbacks
    assert (callback.kind, callback.source, callback.account, callback.peer) == ("dial", "pbx", "acme", "")
    assert (callback.method, callback.content_type, callback.received_at) == ("POST", "application/json", NOW)
    assert orjson.loads(callback.payload) == {
        "v": 1,
        "extension": "@101",
        "requested_at": NOW,
        "request": {"dst_num": "+79817654321", "src_num": ["101"], "variables": {"tag": "spring"}},
        "answer": {"call_id": outcome.dialled.call_id, "call_api_id": outcome.dialled.call_api_id},
    }
    assert outcome.published
    assert spool.waiting() == []


def test_what_kafka_does_not_take_waits_and_is_published_again_as_it_was(
    provider: RunningProvider, spool: Spool, source: Source
) -> None:
    taken = Taken(up=False)
    outcome = dial(provider.client(), taken, spool, source)
    assert (outcome.published, outcome.kept, outcome.problem) == (False, True, "Kafka does not answer.")
    (path,) = spool.waiting()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700
    kept = read(path)
    with pytest.raises(UnpublishedError):
        resend(taken.publish, spool)
    assert spool.waiting() == [path]
    taken.up = True
    assert resend(taken.publish, spool) == (1, [])
    assert taken.callbacks == [kept]
    assert orjson.loads(kept.payload)["answer"]["call_id"] == outcome.dialled.call_id
    assert resend(taken.publish, spool) == (0, [])
    assert len(provider.exchange.started) == 1


def test_a_call_that_may_have_been_started_leaves_nothing_behind(
    provider: RunningProvider, spool: Spool, source: Source
) -> None:
    provider.exchange.faults.next("callback", Fault("reset", carried_out=True))
    taken = Taken()
    with pytest.raises(UnansweredError):
        dial(provider.client(), taken, spool, source)
    assert (taken.callbacks, spool.waiting()) == ([], [])


def test_who_does_not_wait_for_the_answer_can_not_know_either(spool: Spool, source: Source) -> None:
    def interrupted(_: float) -> None:
        signal.raise_signal(signal.SIGINT)

    with socket.socket() as bound:  # never listens: every connection is refused
        bound.bind(("127.0.0.1", 0))
        nowhere = f"http://127.0.0.1:{bound.getsockname()[1]}/api"
        settings = ProviderSettings(base_url=nowhere, token_variable="TOKEN")
        client = Client(settings, Credentials(SecretStr("x")), sleep=interrupted)
        with pytest.raises(UnansweredError):
            dial(client, Taken(), spool, source)


def test_who_does_not_wait_for_kafka_knows_the_call_and_publishes_it_later(
    provider: RunningProvider, spool: Spool, source: Source
) -> None:
    outcome = dial(provider.client(), Taken(pressed=True), spool, source)
    (started,) = provider.exchange.started
    assert outcome.dialled.call_id == started.call_id
    assert (outcome.published, outcome.kept) == (False, True)
    assert outcome.problem == "You did not wait for Kafka."
    taken = Taken()
    assert resend(taken.publish, spool) == (1, [])
    assert orjson.loads(taken.callbacks[0].payload)["answer"]["call_id"] == started.call_id


def test_ctrl_c_does_not_prevent_keeping(provider: RunningProvider, tmp_path: Path, source: Source) -> None:
    class Pressed(Spool):
        def keep(self, callback: Callback) -> Path:
            for _ in range(2):
                signal.raise_signal(signal.SIGINT)
            return super().keep(callback)

    spool, taken = Pressed(tmp_path / "dialled"), Taken()
    outcome = dial(provider.client(), taken, spool, source)
    assert (outcome.published, outcome.kept, taken.callbacks) == (False, True, [])
    assert len(spool.waiting()) == 1


def test_what_is_published_but_can_not_be_removed_is_published(
    provider: RunningProvider, tmp_path: Path, source: Source
) -> None:
    class Directories(Spool):
        def keep(self, callback: Callback) -> Path:
            path = super().keep(callback)
            path.unlink()
            path.mkdir()  # which `unlink` does not remove
            return path

    assert dial(provider.client(), Taken(), Directories(tmp_path / "dialled"), source).published


def test_nobody_is_called_where_nothing_can_be_kept(
    provider: RunningProvider, tmp_path: Path, source: Source
) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SpoolError):
        dial(provider.client(), Taken(), Spool(tmp_path / "file"), source)
    assert provider.exchange.started == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"headers": [["a"]], "payload": 1}', b"\xff"])
def test_a_file_that_is_no_call_is_named_and_stops_no_other(
    spool: Spool, source: Source, content: bytes
) -> None:
    spool.prepare()
    (spool.folder / "broken.json").write_bytes(content)
    spool.keep(answered("dial", source, NOW, b"{}"))
    taken = Taken()
    sent, (problem,) = resend(taken.publish, spool)
    assert (sent, len(taken.callbacks)) == (1, 1)
    assert "broken.json is no call that was started" in problem
    assert [path.name for path in spool.waiting()] == ["broken.json"]


def test_what_is_published_meanwhile_is_passed_over(spool: Spool, source: Source) -> None:
    class Beside(Taken):
        """Publishes while the run that dialled takes its callback out of the spool."""

        def publish(self, callback: Callback) -> None:
            super().publish(callback)
            for path in spool.waiting():
                path.unlink()

    spool.prepare()
    for _ in range(2):
        spool.keep(answered("dial", source, NOW, b"{}"))
    beside = Beside()
    assert resend(beside.publish, spool) == (1, [])
    assert len(beside.callbacks) == 1


def test_a_file_that_is_gone_by_now_does_not_wait(spool: Spool, source: Source) -> None:
    spool.prepare()
    kept = spool.keep(answered("dial", source, NOW, b"{}"))
    (spool.folder / "gone.json").symlink_to("nowhere")  # listed, but not there
    assert spool.waiting() == [kept]


def test_a_spool_that_never_was_is_empty(tmp_path: Path) -> None:
    assert Spool(tmp_path / "nowhere").waiting() == []
