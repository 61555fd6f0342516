"""The command `callweave`: its commands by name, and how errors are printed."""

from __future__ import annotations

import logging
import sys

import click

from callweave.lazy import Lazy, LazyGroup
from runtime.errors import CallweaveError, file_trouble
from runtime.terminal import abandon_output, echo

HERE = "callweave.commands"

COMMANDS = {
    "account": Lazy(f"{HERE}.account:account", "Set an account's time zone and targets."),
    "audit": Lazy(f"{HERE}.audit:audit", "Check that every acknowledged callback is where it belongs."),
    "backfill": Lazy(f"{HERE}.backfill:backfill", "Fetch the history of calls that have not ended."),
    "call": Lazy(f"{HERE}.call:call", "Show one call, found by any of its ids."),
    "dial": Lazy(f"{HERE}.dial:dial", "Start a call, and publish who asked for it."),
    "directory": Lazy(f"{HERE}.directory:directory", "Name agents, campaigns and customers."),
    "doctor": Lazy(f"{HERE}.check:doctor", "Check everything that the stages need."),
    "migrate": Lazy(f"{HERE}.servers:migrate", "Bring ClickHouse's tables and views up to date."),
    "rejected": Lazy(f"{HERE}.rejected:rejected", "List, show and redrive rejected callbacks."),
    "replay": Lazy(f"{HERE}.replay:replay", "Read archived callbacks again with today's code and sources."),
    "run": Lazy(f"{HERE}.run:run", "Run one stage until it gets SIGTERM or SIGINT."),
    "schemas": Lazy(f"{HERE}.schemas:schemas", "Write or check the schemas of the topics."),
    "settings": Lazy(f"{HERE}.settings:settings", "Print the settings in force, each with its meaning."),
    "simulate": Lazy(f"{HERE}.simulate:simulate", "Simulate calls, and send their webhooks."),
    "source": Lazy(f"{HERE}.source:source", "Add, list, change and remove senders of callbacks."),
    "sql": Lazy(f"{HERE}.query:sql", "Run one SQL statement."),
    "subscribe": Lazy(f"{HERE}.subscribe:subscribe", "Subscribe to the events of extensions."),
    "tail": Lazy(f"{HERE}.tail:tail", "Print a line whenever what is known of a call changes."),
    "topics": Lazy(f"{HERE}.servers:topics", "Create missing Kafka topics, and report how others differ."),
}


class Commands(LazyGroup):
    """The commands, which take only text: other bytes reach us as half characters, which no server takes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if any(not _is_text(each) for each in args):
            raise click.UsageError("An argument is not UTF-8.", ctx)
        return super().parse_args(ctx, args)


def _is_text(argument: str) -> bool:
    return not any("\ud800" <= char <= "\udfff" for char in argument)


@click.group(cls=Commands, lazy=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="callweave")
def group() -> None:
    """Telephony webhooks in, one trustworthy record per call out, in ClickHouse, seconds after the call.

    Settings come from environment variables (CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS) and from callweave.toml;
    `callweave settings` shows them all, each with its meaning.
    """
    # A library's log lines would repeat our one sentence; `run` replaces this handler.
    logging.getLogger().addHandler(logging.NullHandler())


def main() -> None:
    """Run a command. What a person can correct is one sentence on standard error, with exit status 1."""
    try:
        group(prog_name="callweave")
    except CallweaveError as error:
        for line in error.lines:
            echo(f"callweave: {line}", err=True)
    except OSError as error:
        if (sentence := file_trouble(error)) is None:
            raise
        abandon_output()
        echo(f"callweave: {sentence}", err=True)
    else:
        return
    sys.exit(1)
