"""Who calls whom: companies with extensions, queues, campaigns and numbers, made from a seed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

DOMAIN = "sip.example.org"
CUSTOMERS = 20_000
"""How many different people call or are called, some of them repeatedly."""


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension number of a PBX (document 003)."""

    id: str
    number: str
    """As people dial it."""
    recorded: bool = False
    by_get: bool = False
    """Whether its events are sent by GET."""

    @property
    def name(self) -> str:
        """In the form xxx*yyy@domain."""
        return f"000*{self.number}@{DOMAIN}"


@dataclass(frozen=True, slots=True)
class Pbx:
    """A customer of the provider with the dialect `extension-events`."""

    phones: tuple[Extension, ...]
    queues: tuple[Extension, ...]
    menus: tuple[Extension, ...]
    numbers: tuple[str, ...]
    """Its public numbers."""


@dataclass(frozen=True, slots=True)
class Agent:
    id: str
    extension: str


@dataclass(frozen=True, slots=True)
class Campaign:
    """A list of people to be called automatically (document 001)."""

    id: str
    display_number: str
    contact_rate: float
    """Share of the called people who answer."""


@dataclass(frozen=True, slots=True)
class Company:
    """A customer of the provider with the dialect `common-api`."""

    code: str
    agents: tuple[Agent, ...]
    campaigns: tuple[Campaign, ...]
    numbers: tuple[str, ...]


def company(rng: Random) -> Company:
    code = str(rng.randrange(1000, 9999))
    return Company(
        code=code,
        agents=tuple(Agent(str(1001 + each), f"{code}{each + 1:04}") for each in range(40)),
        campaigns=tuple(
            Campaign(str(70 + each), f"21{code}{each + 1:04}", rng.uniform(0.25, 0.6)) for each in range(4)
        ),
        numbers=tuple(f"21{code}{each:04}" for each in range(101, 106)),
    )


def pbx(rng: Random) -> Pbx:
    phones = tuple(
        Extension(
            id=str(175 + each),
            number=str(101 + each),
            recorded=rng.random() < 0.5,
            by_get=rng.random() < 0.5,
        )
        for each in range(30)
    )
    return Pbx(
        phones=phones,
        queues=tuple(Extension(str(400 + each), str(400 + each), by_get=each == 0) for each in range(3)),
        menus=tuple(Extension(str(90 + each), f"09{each}", by_get=each == 1) for each in range(2)),
        numbers=tuple(f"+7812309{2800 + each}" for each in range(4)),
    )


def customer(rng: Random) -> str:
    """A customer's number, as the documents of `extension-events` write it."""
    return f"+7981{1_000_000 + int(rng.random() * CUSTOMERS) * 449}"


def dialled_customer(rng: Random) -> str:
    """A customer's number after a dialling prefix, as the documents of `common-api` write it."""
    return f"8{7_847_000_000 + int(rng.random() * CUSTOMERS) * 4_447}"
