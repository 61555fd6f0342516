"""The whole pipeline on this machine, Kafka and ClickHouse included, under an even load of calls."""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson

from runtime import sources
from tests.bench import calls, machine
from tests.bench.probe import POLL_SECONDS, Probe
from tests.bench.report import Section
from tests.bench.stages import Stage, stage
from tests.pipeline import STAGES
from tests.servers import PATIENCE, clickhouse_node, eventually, kafka_node, new_settings, prepared

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


RATE = 1000.0
"""Callbacks per second that must be sustained."""
WITHIN_SECONDS = 1.0
"""From the 200 to `calls`, for 99 of 100 callbacks, at half of `RATE`."""
PROBES = 25.0
"""Of the callbacks each second, those that are watched for."""
STEPS = (1250.0, 1500.0, 1750.0, 2000.0, 2500.0, 3000.0)
"""Tried one after the other, until one isn't sustained."""
GROWTH = 0.05
"""Lag that grows by less than this share of the load is noise."""
STEP_SECONDS = 1.5
"""So much load stands in the lag or not, as commits and samples fall."""
LAGS = {
    "normalize": "callweave_consumer_lag",
    "correlate": "callweave_consumer_lag",
    "sink": "callweave_sink_lag_messages",
}


@dataclass(frozen=True)
class Sizes:
    """How long each part takes, in seconds."""

    steady: float
    latency: float
    step: float
    steps: tuple[float, ...]


FULL = Sizes(steady=60, latency=30, step=20, steps=STEPS)
SHORT = Sizes(steady=15, latency=10, step=10, steps=STEPS[1:4:2])


@dataclass(frozen=True)
class Run:
    """What one load came to."""

    wanted: float
    answers: Mapping[str, float]
    """What the generator says."""
    lags: Mapping[str, list[tuple[float, float]]]
    """By stage: seconds, messages."""
    shares: Mapping[str, float]
    """Of the whole machine, by process, and what ran beside."""

    def growth(self, name: str) -> float:
        """By which share of the load a stage falls behind."""
        return statistics.linear_regression(*zip(*self.lags[name], strict=True)).slope / self.wanted

    @property
    def noise(self) -> float:
        """Growth that a run of this length can't tell from none."""
        return max(GROWTH, STEP_SECONDS / self.answers["seconds"])

    @property
    def sustained(self) -> bool:
        """Whether all was acknowledged in time and no lag grew."""
        answered = self.answers["accepted"] == self.answers["requests"]
        in_time = self.answers["rate"] >= self.wanted * (1 - GROWTH)
        return answered and in_time and all(self.growth(name) <= self.noise for name in self.lags)


class Stack:
    """All of it, running."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        kafka = stack.enter_context(kafka_node(folder / "kafka"))
        clickhouse = stack.enter_context(clickhouse_node(folder / "clickhouse"))
        self.settings = prepared(new_settings(kafka.bootstrap, clickhouse.address, folder))
        self.token = sources.add(
            self.settings.sources_file, calls.SOURCE, calls.ACCOUNT, calls.DIALECT, calls.TIMEZONE
        )
        self.stages: dict[str, Stage] = {
            name: stack.enter_context(stage(name, self.settings)) for name in STAGES
        }
        self.groups = {"Kafka": kafka.pid, "ClickHouse": clickhouse.pid} | {
            name: worker.pid for name, worker in self.stages.items()
        }

    def lag(self, name: str) -> float:
        """Messages that a stage has yet to finish."""
        return self.stages[name].total(LAGS[name])

    def drained(self) -> bool:
        """Whether nothing is under way."""
        return not any(self.lag(name) for name in LAGS)


def load(stack: Stack, rate: float, seconds: float, probe: Probe | None = None) -> Run:
    """Load the stack evenly and look on, once a second."""
    port = stack.settings.ingest.port
    command = [
        sys.executable,
        "-m",
        "tests.bench.load_calls",
        str(port),
        stack.token,
        str(rate),
        str(seconds),
    ]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as generator:
        assert generator.stdin is not None
        assert generator.stdout is not None
        generator.stdout.readline()
        groups = stack.groups | {"load generator": generator.pid}
        before, start = used(groups), time.monotonic()
        generator.stdin.write(b"begin\n")
        generator.stdin.flush()
        if probe is not None:
            probe.start()
        lags = watch(stack, start, seconds)
        after, elapsed = used(groups), time.monotonic() - start
        answers = orjson.loads(generator.stdout.readline())
    if probe is not None:
        probe.finish()
    shares = {name: (after[name] - before[name]) / elapsed / machine.cores() for name in after}
    eventually(stack.drained, "nothing is under way", PATIENCE * 2)
    return Run(rate, answers, lags, shares)


def watch(stack: Stack, start: float, seconds: float) -> dict[str, list[tuple[float, float]]]:
    """The stages' lags, once a second; the first quarter, in which they come up to speed, is left out."""
    lags: dict[str, list[tuple[float, float]]] = {name: [] for name in LAGS}
    due = start
    while (now := time.monotonic() - start) < seconds - 1:
        for name, seen in lags.items():
            if now > seconds / 4:
                seen.append((now, stack.lag(name)))
        due += 1
        time.sleep(max(0.0, due - time.monotonic()))
    return lags


def used(groups: Mapping[str, int]) -> dict[str, float]:
    """Processor seconds by process, of these measurements, and of everything else on the machine."""
    seconds = {name: machine.group_seconds(group) for name, group in groups.items()}
    seconds["this measurement"] = machine.processor_seconds(os.getpid())
    seconds["everything else"] = machine.busy_seconds() - sum(seconds.values())
    return seconds


def bench(folder: Path, *, quick: bool) -> list[Section]:
    """All parts on one stack."""
    sizes = SHORT if quick else FULL
    with ExitStack() as cleanup:
        stack = Stack(folder, cleanup)
        load(stack, RATE / 2, 5)  # everything is compiled, connected and in memory
        steady = load(stack, RATE, sizes.steady)
        probe = Probe(stack.settings, stack.token, PROBES)
        half = load(stack, RATE / 2 - PROBES, sizes.latency, probe)
        steps = [steady]
        for rate in sizes.steps:
            if steps[-1].sustained:
                steps.append(load(stack, rate, sizes.step))
    return [steady_section(steady, sizes), latency_section(half, probe), steps_section(steps)]


def steady_section(run: Run, sizes: Sizes) -> Section:
    """The load that must be sustained."""
    rows: list[tuple[str, ...]] = []
    for name, share in run.shares.items():
        lag = [messages for _, messages in run.lags.get(name, [])]
        rows.append(
            (
                name,
                f"{share:.1%}",
                f"{statistics.median(lag):,.0f}" if lag else "",
                f"{max(lag):,.0f}" if lag else "",
                f"{run.growth(name):+.1%}" if lag else "",
            )
        )
    return Section(
        title=f"The whole pipeline at {run.wanted:,.0f} callbacks/s",
        meaning=(
            f"For {sizes.steady:.0f} s, on all {machine.cores()} cores of the machine, everything on it. Lag "
            "is what a stage has not committed yet, once a second; commits come in steps of a second, so "
            "that half a second's and more of messages always stand there. What counts is that it doesn't "
            f"grow (per second, against the load; less than {run.noise:.0%} is noise in so short a run)."
        ),
        columns=("process", "of the machine", "lag, median", "lag, highest", "lag, growth"),
        rows=rows,
        notes=[acknowledged(run), f"Sustained: {'yes' if run.sustained else 'NO'}."],
    )


def acknowledged(run: Run) -> str:
    """What the load generator saw."""
    answers = run.answers
    return (
        f"{answers['accepted']:,.0f} of {answers['requests']:,.0f} callbacks acknowledged, "
        f"{answers['rate']:,.0f}/s, p50 {answers['p50'] * 1e3:.1f} ms, p99 {answers['p99'] * 1e3:.1f} ms."
    )


def latency_section(run: Run, probe: Probe) -> Section:
    """How soon an analyst sees a callback."""
    rows: list[tuple[str, ...]] = [
        (f"{share:.0%}", f"{probe.quantile(share):.2f} s") for share in (0.5, 0.9, 0.99, 1.0)
    ]
    return Section(
        title=f"From a callback's 200 to its row in `calls`, at {run.wanted + PROBES:,.0f} callbacks/s",
        meaning=(
            f"{len(probe.latencies)} of the callbacks, rings, answers, hangups and CDRs alike, are asked for "
            f"in `calls` every {POLL_SECONDS * 1000:.0f} ms until they show. Wanted: 99 % within "
            f"{WITHIN_SECONDS} s."
        ),
        columns=("of callbacks", "within"),
        rows=rows,
        notes=[acknowledged(run), f"Never seen: {probe.lost}."],
    )


def steps_section(runs: list[Run]) -> Section:
    """How far it goes."""
    rows: list[tuple[str, ...]] = [
        (
            f"{run.wanted:,.0f}/s",
            f"{run.answers['rate']:,.0f}/s",
            f"{run.answers['p99'] * 1e3:.0f} ms",
            ", ".join(f"{name} {run.growth(name):+.1%}" for name in run.lags),
            "yes" if run.sustained else "no",
        )
        for run in runs
    ]
    return Section(
        title="The highest sustained rate",
        meaning="Steps of load on one stack, until one isn't sustained: all acknowledged, no lag growing.",
        columns=("callbacks", "acknowledged", "p99", "lag, growth", "sustained"),
        rows=rows,
    )
