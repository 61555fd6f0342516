"""`callweave tail` in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

from tests.pipeline import environment
from tests.servers import PATIENCE, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings


class Tail:
    def __init__(self, settings: Settings, folder: Path, *options: str) -> None:
        name = "".join(each for each in "-".join(options) if each.isalnum())
        self._paths = folder / f"tail{name}.out", folder / f"tail{name}.err"
        out, err = (path.open("wb") for path in self._paths)
        with out, err:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "callweave", "tail", *options],
                env=environment(settings),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )

    @property
    def out(self) -> str:
        return self._paths[0].read_text()

    @property
    def err(self) -> str:
        return self._paths[1].read_text()

    def says(self, text: str, times: int = 1) -> None:
        eventually(lambda: self.err.count(text) >= times or self._process.poll() is not None, text)
        assert self._process.poll() is None, self.err

    def prints(self, text: str, times: int = 1) -> None:
        eventually(lambda: self.out.count(text) >= times, f"{text!r} in {self.out!r}")

    def stop(self) -> int:
        """As Ctrl-C does; gives the exit status."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(PATIENCE)

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()
