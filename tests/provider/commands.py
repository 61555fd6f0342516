"""Sources whose provider is a simulated one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from provider.settings import set_provider
from runtime import sources

if TYPE_CHECKING:
    from runtime.settings import Settings
    from tests.simulator.api.providers import RunningProvider

SOURCE = "pbx"


def add_source(settings: Settings, provider: RunningProvider, name: str = SOURCE) -> str:
    """A source with an account of its own, whose provider is this one; its callback URL."""
    token = sources.add(settings.sources_file, name, f"of-{name}", "extension-events", "UTC")
    return configured(settings, provider, name, token)


def configured(settings: Settings, provider: RunningProvider, name: str, token: str) -> str:
    """Have this be the provider of a source with this token; the source's callback URL."""
    set_provider(settings.sources_file, name, provider.configured(settings.data))
    return f"http://127.0.0.1:{settings.ingest.port}/callbacks/{token}"
