"""A running simulated provider, and clients of it."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING, Any

from pydantic import SecretStr

from provider.rest.client import Client
from provider.settings import Credentials, ProviderSettings
from runtime.clock import SystemClock
from simulator import world
from simulator.api.exchange import Exchange
from simulator.api.server import serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.clock import Clock

TOKEN = "simulated-token-4711"
FAST = 1e6
"""A speed-up with which all webhooks of a call are due at once."""


@dataclass
class Pauses:
    """Sleeps not at all, and knows for how long it should have."""

    seconds: list[float] = field(default_factory=list)

    def sleep(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass
class RunningProvider:
    """A simulated provider on a port."""

    exchange: Exchange
    base_url: str

    def settings(self, **changes: Any) -> ProviderSettings:
        given: dict[str, Any] = {
            "base_url": self.base_url,
            "token_variable": "TOKEN",
            "answer_timeout_seconds": 30.0,
        }
        return ProviderSettings.model_validate(given | changes)

    def client(self, pauses: Pauses | None = None, **changes: Any) -> Client:
        return Client(
            self.settings(**changes),
            Credentials(SecretStr(TOKEN)),
            sleep=(pauses or Pauses()).sleep,
        )

    def configured(self, folder: Path) -> dict[str, str]:
        """As in the sources file, the token in a file."""
        path = folder / "provider-token"
        path.write_text(f"{TOKEN}\n")
        return {"base_url": self.base_url, "token_file": str(path)}


@contextmanager
def running(clock: Clock | None = None, speedup: float = FAST) -> Iterator[RunningProvider]:
    exchange = Exchange(clock or SystemClock(), seed=7, speedup=speedup, pbx=world.pbx(Random(7)))
    exchange.tokens.add(TOKEN)
    with serving(exchange) as base_url:
        yield RunningProvider(exchange, base_url)
