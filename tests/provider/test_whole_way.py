"""From the provider's API to the row in `calls` and back: subscribe, dial, lose a hangup, backfill."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from runtime import sources, topics
from simulator.api.faults import Fault
from tests import rows, servers
from tests.kit.commands import ran
from tests.pipeline import Pipeline
from tests.provider.commands import configured
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from tests.databases import Databases
    from tests.kit.commands import Ran
    from tests.rows import Row
    from tests.simulator.api.providers import RunningProvider

NUMBER = "+79817654321"
DIALECT = "extension-events"
SOURCES = 8
"""More than there are tests here."""


@dataclass(frozen=True)
class Stack:
    """A running pipeline, with tokens of sources that nobody has used."""

    settings: Settings
    tokens: dict[str, str]


@pytest.fixture(scope="module")
def stack(
    databases: Databases,
    kafka_address: str,
    clickhouse_address: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """One pipeline for all; each test has sources and an account of its own, known from the start."""
    folder = tmp_path_factory.mktemp("whole-way")
    with databases.lent(servers.new_settings(kafka_address, clickhouse_address, folder)) as settings:
        topics.ensure(settings)
        file = settings.sources_file
        tokens = {
            name: sources.add(file, name, f"of-{name.removesuffix('-2')}", DIALECT, "UTC")
            for number in range(SOURCES)
            for name in (f"pbx-{number}", f"pbx-{number}-2")
        }
        with Pipeline(settings, folder):
            yield Stack(settings, tokens)


@dataclass(frozen=True)
class Customer:
    """A source, and its provider."""

    settings: Settings
    provider: RunningProvider
    name: str
    url: str
    other_url: str
    """Of another source of the same account."""

    @property
    def account(self) -> str:
        return f"of-{self.name}"

    def run(self, command: str, *options: str) -> Ran:
        return ran(self.settings, command, "--source", self.name, *options)

    def subscribe(self) -> None:
        result = self.run("subscribe", "--extension", "175", "--extension", "@102", "--url", self.url)
        assert result.returncode == 0, result.stderr

    def dial(self, *options: str) -> str:
        """The id of a call that must have been started."""
        result = self.run("dial", "--extension", "175", "--to", NUMBER, *options)
        assert result.returncode == 0, result.stderr
        return result.stdout.strip()

    def backfill(self, *options: str) -> Ran:
        return self.run("backfill", "--silent-seconds", "0", *options)

    def stray(self, call_id: str, url: str | None = None) -> None:
        """Tell of the beginning of a call that the provider doesn't know."""
        fields = {"EventType": "dial-in", "CallID": call_id, "CallFlow": "IN"}
        assert httpx.post(url or self.url, data=fields, timeout=60, verify=NO_TLS).status_code == 200

    def count(self, table: str, condition: str = "1") -> int:
        query = f"SELECT count() FROM {table} WHERE account = %(account)s AND {condition}"
        return rows.count(self.settings, query, {"account": self.account})

    def row(self, call_id: str, **known: object) -> Row:
        """The one row of a call, once it says this."""
        query = "SELECT * FROM calls WHERE account = %(account)s AND has(legs, %(id)s)"
        found: list[Row] = []

        def there() -> bool:
            found[:] = rows.select(self.settings, query, {"account": self.account, "id": call_id})
            return len(found) == 1 and all(found[0][name] == value for name, value in known.items())

        try:
            eventually(there, f"the call's one row says {known}")
        except AssertionError as error:
            raise AssertionError(f"{error}; it says {found}") from None
        return found[0]


@pytest.fixture
def customer(stack: Stack, provider: RunningProvider) -> Customer:
    name = next(name for name in stack.tokens if not name.endswith("-2"))
    token, other = stack.tokens.pop(name), stack.tokens.pop(f"{name}-2")
    url = configured(stack.settings, provider, name, token)
    return Customer(stack.settings, provider, name, url, url.replace(token, other))


@pytest.mark.parametrize("order", ["request first", "webhooks first"])
def test_asked_for(customer: Customer, order: str) -> None:
    """A call that was asked for is one row, whichever came first."""
    exchange = customer.provider.exchange
    exchange.answers_last = order == "webhooks first"
    exchange.fates = [(True, "answered"), (False, "unanswered")]
    customer.subscribe()
    call_id = customer.dial("--from", "102", "--tag", "spring", "--variable", "autoanswer=4")
    (started,) = exchange.started
    truth = started.call.truth
    row = customer.row(call_id, state="complete", revision=len(started.call.webhooks) + 1)
    assert row["requested_by"] == "175"
    assert row["tag"] == "spring"
    assert row["variables"] == {"tag": "spring", "autoanswer": "4"}
    assert row["requested_at"] <= row["started_at"]
    assert row["request_to_ring_seconds"] == (row["rang_at"] - row["requested_at"]).total_seconds()
    assert sorted(row["kinds"]) == ["answer", "dial", "hangup", "requested"]
    assert row["outcome"] == truth.outcome == "answered"
    assert (row["uuid"], row["method"], row["direction"]) == (truth.uuid, "api", "outbound")
    assert row["callee"] == NUMBER
    assert row["talk_seconds"] == truth.talk_time / 1e6
    assert customer.count("calls") == 1
    # an extension that calls itself first, and doesn't pick up: nobody ever tells of it (document 003)
    unheard = customer.row(customer.dial("--from", "101"), state="requested")
    assert (unheard["callee"], unheard["started_at"], unheard["ended_at"]) == (NUMBER, None, None)
    assert customer.count("callbacks", "status = 'rejected'") == 0


def test_lost_hangups(customer: Customer) -> None:
    """Calls whose hangup was lost have their end after a backfill."""
    exchange = customer.provider.exchange
    exchange.lost = {"hangup"}
    exchange.fates = [(True, "answered"), (True, "busy"), (False, "unanswered")]
    customer.subscribe()
    calls = [customer.dial("--from", each) for each in ("102", "102", "101")]
    customer.stray("of-another-source", customer.other_url)
    customer.stray("of-nobody")
    customer.row(calls[0], state="answered", has_hangup=False, revision=5)
    customer.row(calls[1], has_hangup=False, revision=4)
    customer.row(calls[2], state="requested")
    customer.row("of-another-source")
    customer.row("of-nobody")
    done = customer.backfill()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "4 calls lacked their end: 3 histories published, 1 unknown to the provider.\n"
    for call_id, started in zip(calls, exchange.started, strict=True):
        truth = started.call.truth
        row = customer.row(call_id, state="complete", has_cdr=True)
        assert row["outcome"] == truth.outcome
        assert round(row["ended_at"].timestamp() * 1e6) == truth.ended_at
        assert abs(row["talk_seconds"] - truth.talk_time / 1e6) <= 0.5
    assert customer.row("of-another-source")["state"] != "complete"
    asked = exchange.requests["call_history"]
    again = customer.backfill()
    assert again.stdout == "1 calls lacked their end: 0 histories published, 1 unknown to the provider.\n"
    assert exchange.requests["call_history"] - asked == 1
    assert customer.backfill("--until", "2020-01-01").stdout == "No call lacks its end.\n"
    # callbacks are written less often than calls
    eventually(lambda: customer.count("callbacks", "kind = 'history'") == 3, "the histories are archived")
    assert customer.count("callbacks", "status = 'rejected'") == 0


def test_calls_that_are_not_over(customer: Customer) -> None:
    """What is still talked is left alone."""
    exchange = customer.provider.exchange
    exchange.speedup = 1e-6
    call_id = customer.dial("--from", "101")
    customer.row(call_id, state="requested")
    assert customer.backfill().stdout == "1 calls lacked their end: 0 histories published, 1 not over yet.\n"
    assert customer.backfill("--silent-seconds", "3600").stdout == "No call lacks its end.\n"
    assert customer.count("callbacks", "kind = 'history'") == 0


def test_interrupted(customer: Customer) -> None:
    """A backfill goes on where the last one was interrupted."""
    exchange = customer.provider.exchange
    for each in range(3):
        customer.stray(f"stray-{each}")
    eventually(lambda: customer.count("calls") == 3, "every call has its row")
    unknown, refused = Fault("status", status=404), Fault("status", status=400)
    exchange.faults.next("call_history", unknown, refused, Fault("status", status=401))
    broken = customer.backfill()
    assert (broken.returncode, exchange.requests["call_history"]) == (1, 3)
    assert "does not accept our token" in broken.stderr
    rest = customer.backfill()
    assert (rest.returncode, exchange.requests["call_history"]) == (0, 4)
    assert rest.stderr == "Continuing where the last run was interrupted; --afresh starts over.\n"
    assert rest.stdout == "1 calls lacked their end: 0 histories published, 1 unknown to the provider.\n"
    exchange.faults.next("call_history", refused)
    whole = customer.backfill()
    assert (whole.returncode, exchange.requests["call_history"]) == (0, 7)
    assert whole.stdout == (
        "3 calls lacked their end: 0 histories published, 2 unknown to the provider, "
        "1 with an answer that can't be used.\n"
    )
