"""`callweave run STAGE`: one stage in this process, until it is told to stop."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from callweave.settings import load

if TYPE_CHECKING:
    from callweave.settings import Settings

PORT = click.IntRange(0, 65535)
METRICS = "Serve /metrics, /healthz and /readyz on this port; 0 takes a free one."


@click.group()
def run() -> None:
    """Run one stage until it gets SIGTERM or SIGINT.

    Each stage is a process of its own: start as many of each as the load needs, on as many machines.
    """


@run.command()
@click.option("--port", type=PORT, help="Listen on this port.")
def ingest(port: int | None) -> None:
    """Take callbacks by HTTP and publish them."""
    settings = _begin("ingest", port=port)
    from ingest import server  # noqa: PLC0415

    server.run(settings)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def normalize(metrics_port: int | None) -> None:
    """Turn callbacks into events."""
    settings = _begin("normalize", metrics_port=metrics_port)
    from processors.normalize import app  # noqa: PLC0415

    app.run(settings)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def correlate(metrics_port: int | None) -> None:
    """Tie events together into calls."""
    settings = _begin("correlate", metrics_port=metrics_port)
    from processors.correlate import app  # noqa: PLC0415

    app.run(settings)


@run.command()
@click.option("--metrics-port", type=PORT, help=METRICS)
def sink(metrics_port: int | None) -> None:
    """Write callbacks, events and records to ClickHouse."""
    settings = _begin("sink", metrics_port=metrics_port)
    from sinks import writer  # noqa: PLC0415

    writer.run(settings)


def _begin(stage: str, **overrides: int | None) -> Settings:
    """The settings with what the command line says put over them, and logs on their way."""
    from callweave import logs  # noqa: PLC0415

    settings = load()
    given = {name: value for name, value in overrides.items() if value is not None}
    section = getattr(settings, stage).model_copy(update=given)
    logs.configure(settings.log, stage)
    return settings.model_copy(update={stage: section})
