from __future__ import annotations

import os
import signal
import sys
import time
from typing import TYPE_CHECKING

import pytest

from compose.supervisor import FIRST_PAUSE_SECONDS, HOPELESS, LONGEST_PAUSE_SECONDS, Stage, exit_words
from runtime.addresses import free_port
from runtime.backoff import pause_after
from runtime.metrics import serve
from runtime.probe import readiness
from tests.servers import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.server  # its stages are processes

FOREVER = "import signal; signal.pause()"
STUBBORN = (
    "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True)\n"
    "while True: signal.pause()"
)


class Crew:
    """Stages of one test, and what was said of them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.said: list[str] = []
        self.stages: list[Stage] = []

    def stage(self, code: str, *, port: int = 1) -> Stage:
        name = f"stage{len(self.stages)}"
        made = Stage(
            name,
            [sys.executable, "-c", code],
            host="127.0.0.1",
            port=port,
            log=self.folder / "log" / f"{name}.log",
            say=self.said.append,
        )
        self.stages.append(made)
        return made


@pytest.fixture
def crew(tmp_path: Path) -> Iterator[Crew]:
    made = Crew(tmp_path)
    yield made
    for stage in made.stages:
        stage.kill()


def until(true: Callable[[], object]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def attended_until(stage: Stage, true: Callable[[], object]) -> None:
    def attended() -> object:
        stage.attend()
        return true()

    until(attended)


def test_pauses_grow_and_end_at_half_a_minute() -> None:
    pauses = [
        pause_after(ends, FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS) for ends in (1, 2, 3, 4, 5, 6, 7, 100)
    ]
    assert pauses == [1, 2, 4, 8, 16, 30, 30, 30]


def test_a_stage_that_dies_is_started_again_and_that_is_said_in_one_line(crew: Crew) -> None:
    stage = crew.stage(FOREVER)
    stage.start()
    first = stage.pid
    assert first is not None
    os.kill(first, signal.SIGKILL)
    attended_until(stage, lambda: stage.pid not in {None, first})
    assert crew.said == [
        "stage0 ended (killed by SIGKILL); starting it again in 1 s. Its last words: it said nothing"
    ]
    assert not stage.hopeless


def test_the_last_line_of_its_log_is_said(crew: Crew) -> None:
    stage = crew.stage("import sys; print('first'); sys.exit('the port is taken')")
    stage.start()
    attended_until(stage, lambda: crew.said)
    assert "ended (exit status 1)" in crew.said[0]
    assert crew.said[0].endswith("Its last words: the port is taken")


def test_a_stage_that_never_comes_up_is_given_up(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compose.supervisor.FIRST_PAUSE_SECONDS", 0.0)
    stage = crew.stage("raise SystemExit(1)")
    stage.start()
    attended_until(stage, lambda: stage.hopeless)
    assert len(crew.said) == HOPELESS


def test_a_stage_that_was_ready_once_is_never_given_up(crew: Crew, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("compose.supervisor.FIRST_PAUSE_SECONDS", 0.0)
    word = crew.folder / "word"
    code = f"import pathlib, time\nwhile not pathlib.Path({str(word)!r}).exists(): time.sleep(0.02)\nexit(1)"
    with serve(0, lambda: (True, "")) as server:
        stage = crew.stage(code, port=server.port)
        stage.start()
        until(lambda: stage.ready() == (True, ""))
        word.touch()
        attended_until(stage, lambda: len(crew.said) > HOPELESS)
    assert not stage.hopeless


def test_a_stage_stops_when_asked(crew: Crew) -> None:
    stage = crew.stage(FOREVER)
    stage.start()
    stage.stop(PATIENCE)
    assert stage.pid is None
    assert crew.said[0].startswith("stage0 stopped (")
    stage.attend()
    assert stage.pid is None  # it is not started again
    stage.stop(PATIENCE)
    assert len(crew.said) == 1


def test_a_stage_that_does_not_stop_is_killed_with_all_that_it_started(crew: Crew) -> None:
    child = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {STUBBORN!r}]); "
    stage = crew.stage(child + STUBBORN)
    stage.start()
    group = stage.pid
    assert group is not None
    until(lambda: stage.log.read_text().count("up") == 2)
    stage.stop(0.2)
    assert crew.said == ["stage0 did not stop within 0 s and was killed."]
    until(lambda: not group_alive(group))


def group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_ready_says_why_not(crew: Crew) -> None:
    with serve(0, lambda: (False, "no broker")) as server:
        stage = crew.stage(FOREVER, port=server.port)
        assert stage.ready() == (False, "it is not running")
        stage.start()
        until(lambda: stage.ready() == (False, "no broker"))
    port = free_port()
    assert readiness("127.0.0.1", port) == (False, f"nothing answers at 127.0.0.1:{port}")


def test_how_a_process_ended_in_words() -> None:
    assert (exit_words(3), exit_words(-15)) == ("exit status 3", "killed by SIGTERM")
