"""`callweave doctor`: what prevents callweave from running here, and what to do about it."""

from __future__ import annotations

import sys

import click

from operations.doctor import examine
from runtime.settings import load
from runtime.terminal import echo, echo_styled, visible


@click.command()
def doctor() -> None:
    """Check everything that the stages need.

    Kafka and ClickHouse (reachable? new enough?), topics, migrations, the sources file, the ports to listen
    on. Each failure says what to do. The exit status is 1 when there is one.
    """
    settings = load()
    echo(f"{'ok':<5} settings: valid.")
    bad = 0
    for finding in examine(settings):
        mark = click.style("ok", fg="green") if finding.good else click.style("FAIL", fg="red", bold=True)
        gap = " " * (4 if finding.good else 2)
        echo_styled(f"{mark}{gap}{visible(finding.subject)}: {visible(finding.text)}")
        bad += not finding.good
    if bad:
        echo(f"callweave: {bad} check{'s' if bad > 1 else ''} failed.", err=True)
        sys.exit(1)
