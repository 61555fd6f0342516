"""How long `callweave --help` takes against a Python that does nothing: the wait before every command."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING

from tests.bench.report import Section

if TYPE_CHECKING:
    from pathlib import Path

PROGRAMS = {"python -c pass": ("-c", "pass"), "callweave --help": ("-m", "callweave", "--help")}


def bench(folder: Path, *, quick: bool) -> Section:
    """By turns; the medians."""
    rounds = 5 if quick else 25
    taken: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for _ in range(rounds):
        for name, arguments in PROGRAMS.items():
            before = time.perf_counter()
            command = [sys.executable, *arguments]
            subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
            taken[name].append((time.perf_counter() - before) * 1e3)
    nothing, _ = medians = [statistics.median(each) for each in taken.values()]
    return Section(
        title="The command's start",
        meaning=f"Wall-clock time from start to end, by turns; medians of {rounds}.",
        columns=("", "ms", "to python -c pass"),
        rows=[
            (name, f"{median:.0f}", f"{median / nothing:.1f}")
            for name, median in zip(PROGRAMS, medians, strict=True)
        ],
    )
