"""`callweave topics` and `callweave migrate`: prepare Kafka and ClickHouse for the stages."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import click

from callweave.commands import tables
from runtime.clickhouse import connected
from runtime.settings import load
from runtime.terminal import echo
from runtime.topics import ensure
from sinks import migrate as migrations

if TYPE_CHECKING:
    from runtime.topics import TopicReport

BREAKS = (
    "callweave: a topic differs in a way that breaks the pipeline: set kafka.partitions to what is there, "
    "and the topic's configuration to ours; or delete the topic, if its messages may go, and run this again."
)
LOSES = (
    "callweave: a topic is kept shorter or less safely than ours: messages may be gone before they are read. "
    "If that is meant, leave it, and set kafka.replication_factor to what is there; no setting says how long "
    "topics are kept. If not, set the topic's configuration to ours."
)


@click.command()
def topics() -> None:
    """Create missing Kafka topics, and report how others differ.

    Nothing that exists is changed. The exit status is 1 if a topic differs in a way that breaks the pipeline
    (its number of partitions, its cleanup policy, a smaller limit), or if Kafka can't be reached. What may be
    deliberate, such as a shorter retention, is a warning.
    """
    settings = load()
    reports = ensure(settings)
    tables.show(["topic", "result"], [[report.name, outcome(report)] for report in reports])
    if any(report.loses for report in reports):
        echo(LOSES, err=True)
    if any(report.breaks for report in reports):
        echo(BREAKS, err=True)
        sys.exit(1)


def outcome(report: TopicReport) -> str:
    if report.missing:
        return "created"
    if not report.drifts:
        return "is there"
    return report.differences


@click.command()
@click.option("--dry-run", is_flag=True, help="Only print which migrations would be applied.")
def migrate(*, dry_run: bool) -> None:
    """Bring ClickHouse's tables and views up to date."""
    settings = load()
    with connected(settings.clickhouse, database="default") as client:
        client.execute("SELECT 1")  # fails with one clear sentence if ClickHouse does not answer
    names = migrations.pending(settings) if dry_run else migrations.migrate(settings)
    for name in names:
        echo(f"{'would apply' if dry_run else 'applied'} {name}")
    if not names:
        echo("nothing to apply")
