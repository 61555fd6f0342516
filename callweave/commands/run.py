"""`callweave run STAGE`: one stage in this process, until it is told to stop."""

from __future__ import annotations

import importlib

import click

from runtime import stage
from runtime.settings import load

PORT = click.IntRange(0, 65535)
WORK = {
    "ingest": "ingest.server",
    "normalize": "processors.normalize.app",
    "correlate": "processors.correlate.app",
    "sink": "sinks.writer",
}
"""Modules with each stage's `run(stage)`. Only the one that is run is imported: Faust and Flask are slow."""

metrics_port = click.option(
    "--metrics-port",
    type=PORT,
    help="Serve /metrics, /healthz and /readyz on this port; 0 takes a free port.",
)


@click.group()
def run() -> None:
    """Run one stage until it gets SIGTERM or SIGINT.

    Each stage is a process of its own. Start as many of each as the load needs, on as many machines as you
    like.
    """


@run.command()
@click.option("--port", type=PORT, help="Listen on this port.")
@metrics_port
def ingest(port: int | None, metrics_port: int | None) -> None:
    """Take callbacks by HTTP and publish them."""
    _run("ingest", port=port, metrics_port=metrics_port)


@run.command()
@metrics_port
def normalize(metrics_port: int | None) -> None:
    """Turn callbacks into events."""
    _run("normalize", metrics_port=metrics_port)


@run.command()
@metrics_port
def correlate(metrics_port: int | None) -> None:
    """Tie events together into calls."""
    _run("correlate", metrics_port=metrics_port)


@run.command()
@metrics_port
def sink(metrics_port: int | None) -> None:
    """Write callbacks, events and records to ClickHouse."""
    _run("sink", metrics_port=metrics_port)


def _run(name: str, **overrides: int | None) -> None:
    """Run it with the settings, and the command line's values over them."""
    settings = load()
    given = {setting: value for setting, value in overrides.items() if value is not None}
    section = getattr(settings, name).model_copy(update=given)
    work = importlib.import_module(WORK[name]).run
    stage.run(name, settings.model_copy(update={name: section}), work)
