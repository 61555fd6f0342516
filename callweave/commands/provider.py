"""`callweave source provider`: how a source's provider is asked."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from provider import settings as providers
from runtime.files import writing
from runtime.settings import load
from runtime.terminal import echo

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings


@contextmanager
def sources_written(settings: Settings) -> Iterator[Path]:
    """The sources file, to be written; raises `StartError` where it can't be."""
    with writing(settings.sources_file, "sources_file (CALLWEAVE_SOURCES_FILE)"):
        yield settings.sources_file


FILE = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.argument("name")
@click.option("--base-url", help="What the API's paths follow, as in https://api.example.com/api/ver1.0.")
@click.option("--client-id", help="Whose history and limits are asked for; @me otherwise, the token's own.")
@click.option("--token-file", type=FILE, help="A file that holds the bearer token.")
@click.option("--token-variable", help="The environment variable that holds it.")
@click.option("--app-id", help="An application, which gets tokens by its id and secret.")
@click.option("--app-secret-file", type=FILE, help="A file that holds the application's secret.")
@click.option("--app-secret-variable", help="The environment variable that holds it.")
@click.option("--token-url", help="Where an application gets its token; /oauth/token of the API otherwise.")
@click.option("--connect-timeout-seconds", type=float, help="How long a connection may take.")
@click.option("--answer-timeout-seconds", type=float, help="How long the API may stay silent.")
@click.option("--requests-per-second", type=float, help="How fast `callweave backfill` asks.")
@click.option("--remove", is_flag=True, help="Forget all of it.")
def provider(name: str, *, remove: bool, **options: str | float | Path | None) -> None:
    """Set how the provider of a source is asked, or show it.

    What is not given stays as it was. Secrets are named, never given: a file or a variable holds them.
    """
    known = load()
    given = {option: value for option, value in options.items() if value is not None}
    if remove:
        with sources_written(known) as path:
            providers.unset_provider(path, name)
        echo(f"How to ask the provider of {name} is forgotten.", err=True)
        return
    if given:
        with sources_written(known) as path:
            settings = providers.set_provider(path, name, given)
    else:
        settings = providers.provider_of(known.sources_file, name).settings
    for option, value in settings.model_dump(exclude_none=True).items():
        echo(f"{option} = {value}")
