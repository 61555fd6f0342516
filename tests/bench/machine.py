"""What processes use of this machine, from /proc (Linux alone)."""

from __future__ import annotations

import os
import time
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
SCHEDULED = 2
"""With a process's number it makes the clock of its processor time: clock_getcpuclockid(3)."""
PROC = Path("/proc")
GROUP, USER, SYSTEM = 2, 11, 12
"""Where these stand in /proc/PID/stat, counted after the process's name."""


def cores() -> int:
    """Cores that we may use."""
    return len(os.sched_getaffinity(0))


def cpu_model() -> str:
    """As the kernel names it."""
    for line in (PROC / "cpuinfo").read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == "model name":
            return value.strip()
    return "unknown"


def processor_seconds(pid: int) -> float:
    """What a process has used of the processor so far, all its threads together, to the nanosecond."""
    return time.clock_gettime((~pid << 3) | SCHEDULED)


def group_seconds(group: int) -> float:
    """The same of all processes of a group: some servers are several."""
    return sum(_seconds(stat) for stat in _all_stats() if int(stat[GROUP]) == group)


def resident_bytes(pid: int) -> int:
    """What a process holds in memory."""
    for line in (PROC / str(pid) / "status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise ValueError(f"process {pid} has no memory of its own")


def busy_seconds() -> float:
    """What everything on the machine has used of all its cores since it started."""
    user, nice, system, _, _, irq, softirq, steal = (
        int(field) for field in (PROC / "stat").read_text().split("\n", 1)[0].split()[1:9]
    )
    return (user + nice + system + irq + softirq + steal) / TICKS


def _seconds(stat: list[str]) -> float:
    return (int(stat[USER]) + int(stat[SYSTEM])) / TICKS


def _stat(process: Path) -> list[str]:
    return (process / "stat").read_text().rpartition(")")[2].split()


def _all_stats() -> list[list[str]]:
    stats = []
    for process in PROC.iterdir():
        if process.name.isdigit():
            try:
                stats.append(_stat(process))
            except (FileNotFoundError, ProcessLookupError):
                continue  # it has just ended
    return stats
