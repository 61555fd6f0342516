"""callweave's commands as people run them, in an environment of the test's own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from click.testing import CliRunner

from callweave.cli import group
from provider.settings import set_provider
from runtime import sources
from runtime.errors import CallweaveError
from tests.pipeline import environment

if TYPE_CHECKING:
    from runtime.settings import Settings
    from tests.simulator.api.providers import RunningProvider

TIMEOUT_SECONDS = 120
SOURCE = "pbx"


@dataclass(frozen=True)
class Ran:
    """What a command did."""

    returncode: int
    stdout: str
    stderr: str


def callweave(settings: Settings, *arguments: str, given: str | None = None) -> Ran:
    """Run a command within this process; `given` is its standard input."""
    result = CliRunner().invoke(group, arguments, input=given, env=environment(settings))
    if isinstance(result.exception, CallweaveError):  # `callweave.cli.main` says it so
        told = "".join(f"callweave: {line}\n" for line in str(result.exception).splitlines())
        return Ran(1, result.stdout, result.stderr + told)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Ran(result.exit_code, result.stdout, result.stderr)


def in_a_process(settings: Settings, *arguments: str) -> Ran:
    """Run a command as people do."""
    result = subprocess.run(
        [sys.executable, "-m", "callweave", *arguments],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=TIMEOUT_SECONDS,
    )
    return Ran(result.returncode, result.stdout, result.stderr)


def add_source(settings: Settings, provider: RunningProvider, name: str = SOURCE) -> str:
    """A source with an account of its own, whose provider is this one; its callback URL."""
    token = sources.add(settings.sources_file, name, f"of-{name}", "extension-events", "UTC")
    return configured(settings, provider, name, token)


def configured(settings: Settings, provider: RunningProvider, name: str, token: str) -> str:
    """Have this be the provider of a source with this token; the source's callback URL."""
    set_provider(settings.sources_file, name, provider.configured(settings.data))
    return f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"
