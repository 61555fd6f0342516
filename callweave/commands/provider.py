"""`callweave source provider`: how a source's provider API is reached."""

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
    """Return the path of the sources file; raise `StartError` if it can't be written."""
    with writing(settings.sources_file, "sources_file (CALLWEAVE_SOURCES_FILE)"):
        yield settings.sources_file


FILE = click.Path(exists=True, dir_okay=False, resolve_path=True)


@click.command()
@click.argument("name")
@click.option("--base-url", help="Base URL of the API, such as https://api.example.com/api/ver1.0.")
@click.option(
    "--client-id", help="The client whose history and limits are used; default: @me, the token's own."
)
@click.option("--token-file", type=FILE, help="File with the bearer token.")
@click.option("--token-variable", help="Environment variable with the bearer token.")
@click.option("--app-id", help="Id of an application, which gets tokens with its secret.")
@click.option("--app-secret-file", type=FILE, help="File with the application's secret.")
@click.option("--app-secret-variable", help="Environment variable with the application's secret.")
@click.option("--token-url", help="Where an application gets its token; default: /oauth/token of the API.")
@click.option("--connect-timeout-seconds", type=float, help="How long connecting may take.")
@click.option("--answer-timeout-seconds", type=float, help="How long the API may stay silent.")
@click.option("--requests-per-second", type=float, help="At most this many requests of `callweave backfill`.")
@click.option("--remove", is_flag=True, help="Remove these settings.")
def provider(name: str, *, remove: bool, **options: str | float | Path | None) -> None:
    """Set how the provider of a source is reached, or show it.

    Options that are left out keep their value. Secrets are named, never given: they are in a file or a
    variable.
    """
    known = load()
    given = {option: value for option, value in options.items() if value is not None}
    if remove:
        with sources_written(known) as path:
            providers.unset_provider(path, name)
        echo(f"The provider settings of {name} are removed.", err=True)
        return
    if given:
        with sources_written(known) as path:
            settings = providers.set_provider(path, name, given)
    else:
        settings = providers.provider_of(known.sources_file, name).settings
    for option, value in settings.model_dump(exclude_none=True).items():
        echo(f"{option} = {value}")
