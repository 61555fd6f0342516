"""`callweave subscribe`: have the provider send us the events of extensions."""

from __future__ import annotations

import os
import sys
from collections import Counter
from typing import TYPE_CHECKING

import click

from callweave.commands import tables
from provider import settings as providers
from provider import subscribing
from provider.rest.client import Client
from provider.subscriptions import DEFAULT_EVENTS, DRIFT, EVENT_TYPES, Standing, Wish, shown_url, token_of
from runtime import sources
from runtime.errors import CallweaveError
from runtime.settings import load
from runtime.terminal import echo
from simulator.demo import kept_urls

if TYPE_CHECKING:
    from provider.settings import Provider
    from provider.subscriptions import Line
    from runtime.settings import Settings

STANDARD_INPUT = "-"


def client_of(provider: Provider) -> Client:
    """Make a client of a source's provider, with the secret that the source's settings name."""
    return Client(provider.settings, providers.credentials(provider.settings, os.environ))


@click.command()
@click.option("--source", "name", required=True, help="The source that receives the events.")
@click.option(
    "--extension", "extensions", multiple=True, required=True, help="An extension's id; may be repeated."
)
@click.option("--events", default=",".join(DEFAULT_EVENTS), show_default=True, help="Separated by commas.")
@click.option("--method", type=click.Choice(["GET", "POST"]), default="POST", show_default=True)
@click.option(
    "--url",
    help="The source's callback URL, as `source add` or `source rotate` printed it; - reads it from standard "
    "input. A demo source's is known.",
)
@click.option("--check", is_flag=True, help="Change nothing; exit with status 1 if something drifted.")
def subscribe(
    name: str, extensions: tuple[str, ...], events: str, method: str, url: str | None, *, check: bool
) -> None:
    """Subscribe to the events of extensions.

    Only what is missing is added. The provider's documents show no way to remove a subscription: one that is
    in the way is reported.
    """
    settings = load()
    provider = providers.provider_of(settings.sources_file, name)
    wish = Wish(
        extensions=tuple(dict.fromkeys(extensions)),
        events=wanted_events(events),
        url=callback_url(settings, name, url),
        method=method,
    )
    with client_of(provider) as client:
        lines = subscribing.look(client, wish) if check else subscribing.subscribe(client, wish)
    show(lines)
    counted = Counter(line.standing for line in lines)
    if counted[Standing.OVER_LIMIT]:
        echo(
            f"callweave: {counted[Standing.OVER_LIMIT]} events are more than the provider's limit allows: "
            "remove others at the provider, have the limit raised, or ask for fewer with --events.",
            err=True,
        )
    drifted = sum(counted[standing] for standing in DRIFT)
    if check and drifted:
        echo(f"callweave: {drifted} events are not as they should be.", err=True)
    if counted[Standing.OVER_LIMIT] or (check and drifted):
        sys.exit(1)


def wanted_events(text: str) -> tuple[str, ...]:
    """Return the types of event in a comma-separated list, each once, in the documents' order."""
    given = {part.strip() for part in text.split(",") if part.strip()}
    unknown = sorted(given - set(EVENT_TYPES))
    if unknown or not given:
        raise click.BadParameter(
            f"must be some of {','.join(EVENT_TYPES)}, separated by commas", param_hint="--events"
        )
    return tuple(each for each in EVENT_TYPES if each in given)


def callback_url(settings: Settings, name: str, given: str | None) -> str:
    """Return the URL for the provider to call: given, read, or a demo source's; it must be the source's own.

    We keep only a hash of the token, so the URL can't be built here.
    """
    url = _line_read() if given == STANDARD_INPUT else given
    url = url or _demo_url(settings, name)
    if not url:
        raise CallweaveError(
            f"the callback URL of {name} is needed: give it with --url, as `callweave source add` printed "
            f"it, or have a new one from `callweave source rotate {name}`; the old one holds for a while."
        )
    owner = sources.load(settings.sources_file).by_token(token_of(url))
    if owner is None or owner.name != name:
        raise CallweaveError(
            f"the URL given is no callback URL of {name}: its token is not that of the source."
        )
    return url


def _line_read() -> str:
    """Return the first line of standard input; '' if there is none. What is not UTF-8 is no token of ours."""
    if sys.stdin is None:
        return ""
    return click.get_binary_stream("stdin").readline().decode("utf-8", "replace").strip()


def _demo_url(settings: Settings, name: str) -> str | None:
    try:
        return kept_urls(settings).get(name)
    except OSError:  # another user's: --url is asked for
        return None


def show(lines: list[Line]) -> None:
    columns = ["extension", "event", "standing", "method", "url", "id"]
    rows = [
        [line.extension, line.event_type, line.standing, line.method, shown_url(line.url), line.id]
        for line in lines
    ]
    tables.show(columns, rows)
