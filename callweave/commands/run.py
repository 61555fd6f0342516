"""`callweave run STAGE`: one stage in this process, until it is told to stop."""

from __future__ import annotations

import importlib
from functools import partial

import click

from runtime import stage
from runtime.settings import load

PORT = click.IntRange(0, 65535)
STAGES = {
    "ingest": ("ingest.server", "Take callbacks by HTTP and publish them."),
    "normalize": ("processors.normalize.app", "Turn callbacks into events."),
    "correlate": ("processors.correlate.app", "Tie events together into calls."),
    "sink": ("sinks.writer", "Write callbacks, events and records to ClickHouse."),
    "watch": (
        "operations.watch.stage",
        "Raise an alert when a source is silent, a stage falls behind, and so on.",
    ),
    "console": ("console.server", "Show calls, sources and the pipeline in a browser."),
}
"""Each stage's module, with its `run(stage)`, and its help. Only the one that is run is imported: Faust and
Flask are slow."""

LISTEN = click.Option(["--port"], type=PORT, help="Listen on this port.")
METRICS = click.Option(
    ["--metrics-port"],
    type=PORT,
    help="Serve /metrics, /healthz and /readyz on this port; 0 takes a free port.",
)


@click.group()
def run() -> None:
    """Run one stage until it gets SIGTERM or SIGINT.

    Each stage is a process of its own. Start as many of each as the load needs, on as many machines as you
    like.
    """


def _run(name: str, **overrides: int | None) -> None:
    """Run the stage with the settings; values from the command line take precedence."""
    settings = load()
    given = {setting: value for setting, value in overrides.items() if value is not None}
    section = getattr(settings, name).model_copy(update=given)
    work = importlib.import_module(STAGES[name][0]).run
    stage.run(name, settings.model_copy(update={name: section}), work)


for each, (_, meaning) in STAGES.items():
    options = [LISTEN, METRICS] if each in {"ingest", "console"} else [METRICS]
    run.add_command(click.Command(each, callback=partial(_run, each), params=[*options], help=meaning))
