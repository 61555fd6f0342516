"""`callweave run STAGE`: one stage in this process, until it is told to stop."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

import click

from runtime import logs
from runtime.settings import load

if TYPE_CHECKING:
    from runtime.settings import Settings

PORT = click.IntRange(0, 65535)
STAGES = {
    "ingest": "ingest.server",
    "normalize": "processors.normalize.app",
    "correlate": "processors.correlate.app",
    "sink": "sinks.writer",
}
"""Module with each stage's `run(settings)`. Only the one that is run is imported: Faust and Flask are slow.
"""
METRICS = "Serve /metrics, /healthz and /readyz on this port; 0 takes a free port."


@click.group()
def run() -> None:
    """Run one stage until it gets SIGTERM or SIGINT.

    Each stage is a process of its own. Start as many of each as the load needs, on as many machines as you
    like.
    """


@run.command()
@click.option("--port", type=PORT, help="Listen on this port.")
def ingest(port: int | None) -> None:
    """Take callbacks by HTTP and publish them."""
    _run("ingest", port=port)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def normalize(metrics_port: int | None) -> None:
    """Turn callbacks into events."""
    _run("normalize", metrics_port=metrics_port)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def correlate(metrics_port: int | None) -> None:
    """Tie events together into calls."""
    _run("correlate", metrics_port=metrics_port)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def sink(metrics_port: int | None) -> None:
    """Write callbacks, events and records to ClickHouse."""
    _run("sink", metrics_port=metrics_port)


def _run(stage: str, **overrides: int | None) -> None:
    settings = _begin(stage, **overrides)
    importlib.import_module(STAGES[stage]).run(settings)


def _begin(stage: str, **overrides: int | None) -> Settings:
    """Read the settings, put the command line's values over them, and configure the logs."""
    settings = load()
    given = {name: value for name, value in overrides.items() if value is not None}
    section = getattr(settings, stage).model_copy(update=given)
    logs.configure(settings.log, stage)
    return settings.model_copy(update={stage: section})
