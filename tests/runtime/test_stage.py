from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
import time

import httpx
import pytest

from runtime import metrics
from runtime.settings import Settings
from runtime.stage import Heart, StageProcess
from tests.servers import PATIENCE


class Seconds:
    """A clock that is set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_part_that_falls_silent_is_not_alive_until_it_beats_again() -> None:
    seconds = Seconds()
    heart = Heart(seconds)
    assert heart.alive() == (True, "")
    heart.beat("the loop", 10)
    heart.beat("the writer", 100)
    seconds.now = 10
    assert heart.alive() == (True, "")
    seconds.now = 10.1
    assert heart.alive() == (False, "the loop stands still")
    heart.beat("the loop", 10)
    assert heart.alive() == (True, "")
    seconds.now = 200
    assert heart.alive() == (False, "the loop stands still, the writer stands still")


def test_healthz_fails_when_a_part_stands_still() -> None:
    seconds = Seconds()
    heart = Heart(seconds)
    heart.beat("the loop", 1)
    with metrics.serve(0, lambda: (True, ""), alive=heart.alive) as server:
        url = f"http://127.0.0.1:{server.port}/healthz"
        assert httpx.get(url).json() == {"status": "alive", "reason": ""}
        seconds.now = 2
        answer = httpx.get(url)
    assert answer.status_code == 503
    assert answer.json() == {"status": "not alive", "reason": "the loop stands still"}


def test_a_stage_that_stops_is_not_ready_and_tells_everybody_once() -> None:
    stage = StageProcess("sink", Settings())
    assert stage.ready() == (False, "starting")
    stage.started(lambda: (True, ""))
    assert stage.ready() == (True, "")
    told: list[str] = []
    stage.when_stopping(lambda: told.append("first"))
    stage.stop(signal.SIGTERM, None)
    stage.stop()
    stage.when_stopping(lambda: told.append("late"))
    assert told == ["first", "late"]
    assert stage.ready() == (False, "stopping")


RUN = """
import asyncio, os, signal, threading
from runtime import stage
from runtime.errors import StartError
from runtime.settings import Settings, SinkSettings

def fail():
    raise RuntimeError("the reason")

async def fail_later():
    fail()

async def leave_it_to_the_loop():
    task = asyncio.ensure_future(fail_later())
    await asyncio.sleep(0.01)
    del task  # nobody asks for its outcome
    await asyncio.sleep(60)

def loop(process):
    loop = asyncio.new_event_loop()
    process.watch_loop("a loop", loop)
    loop.run_until_complete(leave_it_to_the_loop())

def thread(process):
    threading.Thread(target=fail).start()
    process.stopping.wait(60)

def main_thread(process):
    fail()

def orderly(process):
    os.kill(os.getpid(), signal.SIGTERM)
    process.stopping.wait(60)
    threading.Thread(target=fail).start()

stage.run("sink", Settings(sink=SinkSettings(metrics_port=0)), WORK)
"""


@pytest.mark.parametrize(
    ("work", "status", "said"),
    [
        ("loop", 70, "the reason"),
        ("thread", 70, "the reason"),
        ("main_thread", 70, "the reason"),
        ("orderly", 0, "stopped"),
    ],
)
def test_an_unexpected_error_anywhere_ends_the_process(work: str, status: int, said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", RUN.replace("WORK", work)],
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert ended.returncode == status, ended.stderr
    assert said in ended.stderr


def test_a_loop_that_stands_still_no_longer_beats(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.stage.LOOP_SECONDS", 1.5)
    stage = StageProcess("sink", Settings())
    seen: list[bool] = []

    async def work() -> None:
        await asyncio.sleep(3)  # longer than its patience
        seen.append(stage.heart.alive()[0])
        threading.Timer(3, lambda: seen.append(stage.heart.alive()[0])).start()
        time.sleep(4)  # noqa: ASYNC251 - this is what the test is about

    loop = asyncio.new_event_loop()
    stage.watch_loop("the loop", loop)
    loop.run_until_complete(work())
    loop.close()
    assert seen == [True, False]
