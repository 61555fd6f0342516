"""The command `callweave`: wiring only. Each subject has a module in `commands`.

Modules that are slow to import (Kafka, ClickHouse, Faust, rich) are imported inside the commands, so that
`callweave --help` and shell completion are quick.
"""

from __future__ import annotations

import logging
import sys

import click

from callweave.commands.audit import audit
from callweave.commands.backfill import backfill
from callweave.commands.call import call
from callweave.commands.check import doctor
from callweave.commands.dial import dial
from callweave.commands.directory import directory
from callweave.commands.provider import provider
from callweave.commands.query import sql
from callweave.commands.rejected import rejected
from callweave.commands.replay import replay
from callweave.commands.run import run
from callweave.commands.schemas import schemas
from callweave.commands.servers import migrate, topics
from callweave.commands.settings import settings
from callweave.commands.simulate import simulate
from callweave.commands.source import source
from callweave.commands.subscribe import subscribe
from callweave.commands.tail import tail
from callweave.errors import CallweaveError


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callweave")
def group() -> None:
    """Telephony webhooks in, one trustworthy record per call out, in ClickHouse, seconds after the call.

    Settings come from environment variables (CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS) and from callweave.toml;
    `callweave settings` shows them all, each with its meaning.
    """
    # Libraries log what we say in one sentence; `run` puts real handlers in place of this one.
    logging.getLogger().addHandler(logging.NullHandler())


for command in (
    run,
    topics,
    migrate,
    source,
    doctor,
    sql,
    call,
    tail,
    audit,
    replay,
    rejected,
    directory,
    settings,
    schemas,
    simulate,
    subscribe,
    dial,
    backfill,
):
    group.add_command(command)
source.add_command(provider)


def main() -> None:
    """Run a command; what a person can put right is one sentence on standard error, and exit status 1."""
    try:
        group(prog_name="callweave")
    except CallweaveError as error:
        for line in error.lines:
            click.echo(f"callweave: {line}", err=True)
    else:
        return
    sys.exit(1)
