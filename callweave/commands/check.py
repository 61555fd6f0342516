"""`callweave doctor`: what prevents callweave from running here, and what to do about it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from operations.doctor import examine
from runtime.settings import load
from runtime.terminal import echo, echo_styled, visible

if TYPE_CHECKING:
    from operations.doctor import Finding


@click.command()
def doctor() -> None:
    """Check everything that the stages need.

    Kafka and ClickHouse (reachable? new enough?), topics, migrations, the sources file, the ports to listen
    on. Each failure says what to do. The exit status is 1 when there is one; a warning leaves it 0.
    """
    settings = load()
    echo(f"{'ok':<5} settings: valid.")
    bad = 0
    for finding in examine(settings):
        echo_styled(f"{mark(finding)}{visible(finding.subject)}: {visible(finding.text)}")
        bad += not finding.good
    if bad:
        echo(f"callweave: {bad} check{'s' if bad > 1 else ''} failed.", err=True)
        sys.exit(1)


def mark(finding: Finding) -> str:
    if not finding.good:
        return click.style("FAIL", fg="red", bold=True) + "  "
    if finding.warns:
        return click.style("WARN", fg="yellow", bold=True) + "  "
    return click.style("ok", fg="green") + "    "
