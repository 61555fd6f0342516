"""The state of the simulated API: a client's extensions, subscriptions, limits and calls.

Whatever a test may count or break is an attribute here.
"""

from __future__ import annotations

import re
import secrets
import threading
from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Any

from schemas.times import SECOND
from simulator import pbx as calls
from simulator import world
from simulator.api.delivery import Delivery
from simulator.api.faults import Faults
from simulator.api.history import history_of

if TYPE_CHECKING:
    from runtime.clock import Clock
    from schemas.events import Outcome
    from simulator.model import SimulatedCall, Webhook
    from simulator.world import Extension, Pbx

IN_PATH = re.compile(r"@\{(?P<name>[^{}]+)\}")
"""A variable in place of an extension's id (document 004)."""
IN_VALUE = re.compile(r"\$cv\(\{(?P<name>[^{}]+)\}\)")
"""A variable within an option."""


class Refused(Exception):
    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


@dataclass(frozen=True, slots=True)
class Subscription:
    id: int
    extension: str
    url: str
    method: str
    event_type: str

    def answer(self) -> dict[str, object]:
        return {"url": self.url, "method": self.method, "event_type": self.event_type, "id": self.id}


@dataclass(frozen=True, slots=True)
class Started:
    call_id: str
    call_api_id: str
    extension: str
    """The id in the path, with its variable filled in."""
    request: dict[str, Any]
    """With variables filled in."""
    call: SimulatedCall


class Exchange:
    """The provider's side, for several threads."""

    def __init__(self, clock: Clock, *, seed: int = 1, speedup: float = 1.0, pbx: Pbx | None = None) -> None:
        """`speedup` is how much faster webhooks arrive than their times say."""
        self._lock = threading.RLock()
        self._clock = clock
        self._rng = Random(seed)
        self.speedup = speedup
        self.pbx = world.pbx(self._rng) if pbx is None else pbx
        self.client_id = "1001"
        self.tokens: set[str] = set()
        """Valid bearer tokens."""
        self.apps: dict[str, str] = {}
        """Secret by application."""
        self.token_seconds = 3600.0
        self.variables: dict[str, str] = {}
        """The client's own (document 004)."""
        self.extension_events: int | None = 20
        self.client_events: int | None = 100
        self.tells_limits = True
        self.concurrent_calls = 100
        self.fates: list[tuple[bool, Outcome]] = []
        """For the next calls: whether an origin picks up, and how the destination fares; then chance
        decides."""
        self.answers_last = False
        """Whether `callback` is answered only after all webhooks of its call."""
        self.lost: set[str] = set()
        """Types of event that are never delivered."""
        self.faults = Faults()
        self.delivery = Delivery()
        self.subscriptions: list[Subscription] = []
        self.started: list[Started] = []
        """Every call that the API started, in order: one request must not start two."""
        self.requests: Counter[str] = Counter()
        """Requests by resource."""
        self._calls: dict[str, SimulatedCall] = {}
        self._begun_at: dict[str, int] = {}

    def extension(self, name: str) -> Extension:
        """By id, by `@number`, or by `@{VARIABLE}` for an id; `Refused` if there is none."""
        variable = IN_PATH.fullmatch(name)
        if variable is not None:
            name = self._value(variable)
        for each in (*self.pbx.phones, *self.pbx.queues, *self.pbx.menus):
            if name in {each.id, f"@{each.number}"}:
                return each
        raise Refused(404, "Extension not found")

    def add_subscription(self, extension: Extension, url: str, method: str, event_type: str) -> Subscription:
        """Add one; `Refused` at a limit."""
        with self._lock:
            of_extension = sum(each.extension == extension.id for each in self.subscriptions)
            full = self.extension_events is not None and of_extension >= self.extension_events
            if full or (self.client_events is not None and len(self.subscriptions) >= self.client_events):
                raise Refused(403, "Events limit exceeded")
            added = Subscription(72 + len(self.subscriptions), extension.id, url, method, event_type)
            self.subscriptions.append(added)
            return added

    def subscriptions_of(self, extension: Extension) -> list[Subscription]:
        with self._lock:
            return [each for each in self.subscriptions if each.extension == extension.id]

    def start_call(self, extension: Extension, request: dict[str, Any]) -> Started:
        """Start a call, and send its webhooks when they are due; `Refused` at the limit of calls."""
        with self._lock:
            if extension not in self.pbx.phones:
                raise Refused(400, "Extension type must be phone")
            resolved = self._resolved(request)
            menus = {menu.number for menu in self.pbx.menus}
            if menus.intersection(resolved["src_num"]):
                raise Refused(400, "IVR is not allowed in src_num")
            now = self._clock.now()
            left = self.concurrent_calls * (100 - int(resolved.get("callback_rate_limit") or 0)) / 100
            if self.calls_in_progress(now) >= left:
                raise Refused(403, "callback_rate_limit_exceeded")
            call_id, call_api_id = f"{self._rng.getrandbits(128):032x}", f"{self._rng.getrandbits(128):032x}"
            picked_up, outcome = self.fates.pop(0) if self.fates else (None, None)
            call = calls.dialled(
                self._rng,
                resolved,
                now,
                pbx=self.pbx,
                owner=extension,
                call_id=call_id,
                call_api_id=call_api_id,
                picked_up=picked_up,
                outcome=outcome,
            )
            started = Started(call_id, call_api_id, extension.id, resolved, call)
            self.started.append(started)
            self.remember(call, call_id, begun_at=now)
        for webhook in call.webhooks:
            self.tell(webhook, call_id, now)
        return started

    def remember(self, call: SimulatedCall, *names: str, begun_at: int | None = None) -> None:
        """Keep the history of a call, under its uuid and these names.

        `begun_at` (µs) is when it began by our clock; a call without one is over already.
        """
        with self._lock:
            for name in (call.truth.uuid, *names):
                self._calls[name] = call
            if begun_at is not None:
                self._begun_at[call.truth.uuid] = begun_at

    def tell(self, webhook: Webhook, call: str, begun_at: int) -> None:
        """Send a webhook to its subscribers."""
        if webhook.event_type in self.lost:
            return
        with self._lock:
            subscribed = [
                each
                for each in self.subscriptions
                if each.extension == webhook.subscriber and each.event_type == webhook.event_type
            ]
        wait = max(0.0, (webhook.at - begun_at) / SECOND / self.speedup)
        for each in subscribed:
            self.delivery.post(call, each.url, each.method, webhook.fields, wait)

    def calls_in_progress(self, now: int) -> int:
        """How many calls of the API are not over at this time (µs)."""
        return sum(not self._over(each.call, now) for each in self.started)

    def history(self, call_uuid: str) -> dict[str, Any]:
        """The call's history; `Refused` for an unknown one. One in progress has no end yet."""
        with self._lock:
            call = self._calls.get(call_uuid)
            if call is None:
                raise Refused(404, "Call not found")
            answer = history_of(call, call_uuid)
            if not self._over(call, self._clock.now()):
                answer |= {"hangup_time_gmt": None, "result": None, "duration": None}
            return answer

    def _over(self, call: SimulatedCall, now: int) -> bool:
        begun_at = self._begun_at.get(call.truth.uuid)
        if begun_at is None:
            return True
        return (now - begun_at) * self.speedup >= call.truth.ended_at - begun_at

    def issue_token(self, app_id: str, secret: str) -> str | None:
        """A bearer token for an application; None for a wrong secret."""
        known = self.apps.get(app_id)
        if known is None or not secrets.compare_digest(known.encode(), secret.encode()):
            return None
        token = secrets.token_urlsafe(24)
        with self._lock:
            self.tokens.add(token)
        return token

    def _resolved(self, request: dict[str, Any]) -> dict[str, Any]:
        """The options with the client's variables filled in, in the types of document 004."""
        return {
            name: [self._put_in(each) for each in value] if isinstance(value, list) else self._put_in(value)
            for name, value in request.items()
        }

    def _put_in(self, value: Any) -> Any:
        if isinstance(value, str) and (variable := IN_VALUE.fullmatch(value)) is not None:
            return self._value(variable)
        return value

    def _value(self, variable: re.Match[str]) -> str:
        try:
            return self.variables[variable["name"]]
        except KeyError:
            raise Refused(400, "Variable is not set") from None
