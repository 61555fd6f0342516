"""Subscribing at the simulated provider, over HTTP."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Literal

import pytest

from provider import subscribing
from provider.rest.errors import UnansweredError
from provider.subscriptions import DEFAULT_EVENTS, Line, Standing, Wish
from simulator.api.faults import Fault
from tests.simulator.api.providers import Pauses

if TYPE_CHECKING:
    from tests.simulator.api.providers import RunningProvider

WISH = Wish(("175", "176"), DEFAULT_EVENTS, "https://calls.example.com/callbacks/secret", "POST")


def subscribe(provider: RunningProvider, wish: Wish = WISH) -> list[Line]:
    with provider.client() as client:
        return subscribing.subscribe(client, wish, Pauses().sleep)


def counted(lines: list[Line]) -> dict[Standing, int]:
    return dict(Counter(line.standing for line in lines))


def test_subscribing_twice_changes_nothing(provider: RunningProvider) -> None:
    assert counted(subscribe(provider)) == {Standing.ADDED: 10}
    there = list(provider.exchange.subscriptions)
    assert counted(subscribe(provider)) == {Standing.THERE: 10}
    assert provider.exchange.subscriptions == there
    assert {(each.extension, each.event_type, each.method) for each in there} == {
        (extension, event_type, "POST") for extension in ("175", "176") for event_type in DEFAULT_EVENTS
    }


def test_what_is_missing_alone_is_added(provider: RunningProvider) -> None:
    subscribe(provider, Wish(("175",), ("hangup",), WISH.url, "GET"))
    lines = subscribe(provider, Wish(("175",), ("dial-in", "hangup"), WISH.url, "POST"))
    assert counted(lines) == {Standing.ADDED: 1, Standing.OTHER_METHOD: 1}


def test_to_look_changes_nothing(provider: RunningProvider) -> None:
    with provider.client() as client:
        assert counted(subscribing.look(client, WISH)) == {Standing.MISSING: 10}
    assert provider.exchange.subscriptions == []


@pytest.mark.parametrize("told", [True, False])
def test_the_limit_is_respected_whether_it_is_told_or_met(provider: RunningProvider, told: bool) -> None:
    provider.exchange.extension_events, provider.exchange.client_events = 3, 5
    provider.exchange.tells_limits = told
    lines = subscribe(provider)
    assert counted(lines) == {Standing.ADDED: 5, Standing.OVER_LIMIT: 5}
    assert Counter(each.extension for each in provider.exchange.subscriptions) == {"175": 3, "176": 2}


@pytest.mark.parametrize("carried_out", [True, False])
@pytest.mark.parametrize("kind", ["status", "reset", "cut"])
def test_an_addition_without_an_answer_is_looked_for(
    provider: RunningProvider, kind: Literal["status", "reset", "cut"], carried_out: bool
) -> None:
    fault = Fault(kind, carried_out)
    whole = Fault("status", status=200, body=b"[]")  # the lists that are asked for before anything is added
    provider.exchange.faults.next("events", whole, whole, fault)
    assert counted(subscribe(provider)) == {Standing.ADDED: 10}
    assert Counter(each.event_type for each in provider.exchange.subscriptions) == dict.fromkeys(
        DEFAULT_EVENTS, 2
    )


def test_it_gives_up_when_the_answers_stay_away(provider: RunningProvider) -> None:
    whole = Fault("status", status=200, body=b"[]")
    provider.exchange.faults.next("events", whole, *[Fault("reset"), whole] * 9)
    with pytest.raises(UnansweredError):
        subscribe(provider, Wish(("175",), ("hangup",), WISH.url, "POST"))
    assert provider.exchange.subscriptions == []
