"""The client against the simulated API, over HTTP, with every fault that a request can meet."""

from __future__ import annotations

import socket
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import SecretStr, ValidationError

from provider.rest.client import Client
from provider.rest.errors import (
    CallbackRateLimitExceededError,
    LimitReachedError,
    NotAuthorisedError,
    NotFoundError,
    ProviderError,
    RefusedError,
    TooManyRequestsError,
    UnansweredError,
    UnavailableError,
    UnreadableError,
)
from provider.rest.models import CallbackRequest
from provider.settings import Credentials, ProviderSettings
from simulator.api.faults import Fault
from tests.simulator.api.providers import TOKEN, Pauses

if TYPE_CHECKING:
    from simulator.api.faults import Resource
    from tests.simulator.api.providers import RunningProvider

URL = "https://calls.example.com/callbacks/secret-of-the-url"
NUMBER = "+79817654321"
REQUEST = CallbackRequest(dst_num=NUMBER, src_num=["101"])

GETS: list[tuple[Resource, Any]] = [
    ("events", lambda client: client.events("175")),
    ("limit", lambda client: client.limits()),
    ("call_history", lambda client: client.call_history("unknown")),
]
SHORT = {"answer_timeout_seconds": 1.0}
"""For a server that never answers; on a slow machine one that does is given 30 s."""

LOST_ANSWERS = [
    pytest.param(Fault("status", carried_out=True), {}, id="500 after it was started"),
    pytest.param(Fault("status"), {}, id="500 before"),
    pytest.param(Fault("status", status=503, retry_after="0"), {}, id="503 with Retry-After"),
    pytest.param(Fault("status", status=504, carried_out=True), {}, id="504"),
    pytest.param(Fault("silence", carried_out=True), SHORT, id="no answer"),
    pytest.param(Fault("reset", carried_out=True), {}, id="a reset in place of the answer"),
    pytest.param(Fault("reset"), {}, id="a reset before it was started"),
    pytest.param(Fault("cut", carried_out=True), {}, id="a reset in the middle of the answer"),
    pytest.param(Fault("status", True, 200, body=b"{"), {}, id="half an answer"),
    pytest.param(Fault("status", True, 200, body=b'{"call_id": null}'), {}, id="no id"),
]


@pytest.mark.parametrize(("fault", "patience"), LOST_ANSWERS)
def test_a_call_that_may_have_been_started_is_never_started_twice(
    provider: RunningProvider, fault: Fault, patience: dict[str, float]
) -> None:
    provider.exchange.faults.next("callback", fault)
    pauses = Pauses()
    with provider.client(pauses, **patience) as client, pytest.raises(UnansweredError) as caught:
        client.callback("175", REQUEST)
    assert provider.exchange.requests["callback"] == 1
    assert len(provider.exchange.started) == int(fault.carried_out)
    assert pauses.seconds == []
    assert_no_secret(caught.value)


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        (Fault("status", status=429, retry_after="7"), TooManyRequestsError),
        (Fault("status", status=400, message="callback_rate_limit_exceeded"), CallbackRateLimitExceededError),
        (Fault("status", status=403, message="Forbidden"), NotAuthorisedError),
        (Fault("status", status=401, message="expired"), NotAuthorisedError),
        (Fault("status", status=404, message="Extension not found"), NotFoundError),
        (Fault("status", status=409, message="Calls limit exceeded"), LimitReachedError),
        (Fault("status", status=422, message="dst_num +79817654321 is wrong"), RefusedError),
        (Fault("status", status=302, message="elsewhere"), RefusedError),
    ],
)
def test_a_refusal_is_an_error_of_its_own_type(
    provider: RunningProvider, fault: Fault, error: type[ProviderError]
) -> None:
    provider.exchange.faults.next("callback", fault)
    with provider.client() as client, pytest.raises(ProviderError) as caught:
        client.callback("175", REQUEST)
    assert type(caught.value) is error
    assert (provider.exchange.started, provider.exchange.requests["callback"]) == ([], 1)
    assert_no_secret(caught.value)


def test_nothing_was_sent_where_nobody_listens() -> None:
    with socket.socket() as bound:  # never listens: every connection is refused
        bound.bind(("127.0.0.1", 0))
        base_url = f"http://127.0.0.1:{bound.getsockname()[1]}/api"
        nowhere = ProviderSettings(base_url=base_url, token_variable="TOKEN")
        pauses = Pauses()
        with (
            Client(nowhere, Credentials(SecretStr(TOKEN)), sleep=pauses.sleep) as client,
            pytest.raises(UnavailableError),
        ):
            client.callback("175", REQUEST)
    assert len(pauses.seconds) == nowhere.attempts - 1


@pytest.mark.parametrize(
    ("fault", "patience"),
    [
        (Fault("status"), {}),
        (Fault("status", status=429), {}),
        (Fault("silence"), SHORT),
        (Fault("reset"), {}),
        (Fault("cut"), {}),
    ],
)
def test_what_only_asks_is_repeated(
    provider: RunningProvider, fault: Fault, patience: dict[str, float]
) -> None:
    provider.exchange.faults.next("events", fault, fault if fault.kind != "silence" else Fault("reset"))
    pauses = Pauses()
    with provider.client(pauses, attempts=20, **patience) as client:
        assert client.events("175") == []
    assert provider.exchange.faults.pending() == 0
    assert len(pauses.seconds) == provider.exchange.requests["events"] - 1


def test_it_gives_up_in_the_end(provider: RunningProvider) -> None:
    provider.exchange.faults.next("limit", *[Fault("status", message="token 4711 at +7981")] * 9)
    with provider.client(attempts=3) as client, pytest.raises(UnavailableError) as caught:
        client.limits()
    assert provider.exchange.requests["limit"] == 3
    assert str(caught.value) == "the limits: the provider's API fails with status 500 (token … at …)."


@pytest.mark.parametrize("as_date", [False, True])
def test_retry_after_is_honoured(provider: RunningProvider, as_date: bool) -> None:
    value = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True) if as_date else "30"
    provider.exchange.faults.next("events", Fault("status", status=503, retry_after=value))
    pauses = Pauses()
    with provider.client(pauses) as client:
        client.events("175")
    (pause,) = pauses.seconds
    assert 0 < pause <= 30 if as_date else pause == 30  # a slow machine comes nearer to the date


def test_a_provider_that_wants_an_hour_is_not_asked_again(provider: RunningProvider) -> None:
    provider.exchange.faults.next("events", Fault("status", status=429, retry_after="3600"))
    with provider.client() as client, pytest.raises(TooManyRequestsError):
        client.events("175")
    assert provider.exchange.requests["events"] == 1


def test_an_event_is_added_and_listed(provider: RunningProvider) -> None:
    with provider.client() as client:
        added = client.add_event("175", url=URL, event_type="dial-out", method="GET")
        (listed,) = client.events("175")
    assert (added.id, added.event_type, added.method, added.url) == (72, "dial-out", "GET", URL)
    assert listed == added
    assert "secret" not in repr(added)


def test_an_addition_without_an_answer_is_not_repeated_by_itself(provider: RunningProvider) -> None:
    provider.exchange.faults.next("events", Fault("reset", carried_out=True))
    with provider.client() as client, pytest.raises(UnansweredError):
        client.add_event("175", url=URL, event_type="dial-out", method="GET")
    assert len(provider.exchange.subscriptions) == 1


def test_limits(provider: RunningProvider) -> None:
    provider.exchange.extension_events, provider.exchange.client_events = 5, None
    with provider.client() as client:
        limits = client.limits()
        assert limits is not None
        assert (limits.extension_events, limits.client_events) == (5, None)
        provider.exchange.tells_limits = False
        assert client.limits() is None


def test_a_call_is_started_with_every_option(provider: RunningProvider) -> None:
    provider.exchange.variables = {"who": "176", "shown": "+78123092801"}
    request = CallbackRequest(
        dst_num=NUMBER,
        src_num=["102", "+79990000001"],
        allow_public_transfer=False,
        announce_sound_id=1,
        call_duration=600,
        caller_id_name="Ivan",
        caller_id_number="$cv({shown})",
        src_ani="+78123092800",
        dst_ani="+78123092801",
        dst_dtmf="12W*#",
        callback_rate_limit=10,
        variables={"tag": "spring", "autoanswer": "4"},
        wait_for_pickup=30,
    )
    with provider.client() as client:
        dialled = client.callback("@{who}", request)
    (started,) = provider.exchange.started
    assert (dialled.call_id, dialled.call_api_id) == (started.call_id, started.call_api_id)
    assert started.extension == "176"
    assert started.request == request.fields() | {"caller_id_number": "+78123092801"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"dst_num": ""},
        {"src_num": []},
        {"callback_rate_limit": 101},
        {"callback_rate_limit": "50%"},
        {"dst_dtmf": "12a"},
        {"wait_for_pickup": -1},
        {"call_duration": "$cv(x)"},
        {"nonsense": 1},
    ],
)
def test_a_request_that_the_documents_do_not_allow(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        CallbackRequest.model_validate({"dst_num": NUMBER, "src_num": ["101"]} | wrong)


@pytest.mark.parametrize("extension", ["..", ".", "175/event", "175/../176", "175?a=b", "175#a", "@{unset}"])
def test_no_extension_leads_elsewhere(provider: RunningProvider, extension: str) -> None:
    with provider.client() as client, pytest.raises((NotFoundError, RefusedError)):
        client.callback(extension, REQUEST)
    assert provider.exchange.started == []
    assert provider.exchange.requests["events"] == 0


def test_the_calls_in_progress_leave_no_room(provider: RunningProvider) -> None:
    with provider.client() as client, pytest.raises(CallbackRateLimitExceededError) as caught:
        client.callback("175", CallbackRequest(dst_num=NUMBER, src_num=["101"], callback_rate_limit=100))
    assert str(caught.value).startswith("starting the call: the calls in progress leave no room for one more")
    assert provider.exchange.started == []


def test_a_history_is_kept_as_it_came(provider: RunningProvider) -> None:
    provider.exchange.fates = [(True, "answered")]
    provider.exchange.faults.next("call_history", Fault("status", status=200, body=b'{"new": [1.5, null]}'))
    with provider.client() as client:
        call_id = client.callback("175", REQUEST).call_id
        assert client.call_history(call_id) == {"new": [1.5, None]}
        assert client.call_history(call_id)["call_uuid"] == call_id


@pytest.mark.parametrize(("resource", "ask"), GETS)
def test_an_answer_that_the_documents_do_not_know(
    provider: RunningProvider, resource: Resource, ask: Any
) -> None:
    provider.exchange.faults.next(resource, Fault("status", status=200, body=b'"yes"'))
    with provider.client() as client, pytest.raises(UnreadableError):
        ask(client)


def test_a_wrong_token_is_a_clear_sentence(provider: RunningProvider) -> None:
    provider.exchange.tokens = {"another"}
    with provider.client() as client, pytest.raises(NotAuthorisedError) as caught:
        client.events("175")
    assert str(caught.value) == (
        "the events of an extension: the provider does not accept our token (Unauthorized)."
    )


class TestApplication:
    """Tokens of an application."""

    @pytest.fixture
    def client(self, provider: RunningProvider) -> Client:
        provider.exchange.tokens.clear()
        provider.exchange.apps["app-1"] = "s3cret"
        settings = provider.settings(token_variable=None, app_id="app-1", app_secret_variable="S")
        return Client(settings, Credentials(SecretStr("s3cret"), "app-1"), sleep=Pauses().sleep)

    def test_one_token_is_enough(self, provider: RunningProvider, client: Client) -> None:
        with client:
            client.events("175")
            client.callback("175", REQUEST)
        assert provider.exchange.requests["token"] == 1

    def test_it_is_renewed_before_it_runs_out(self, provider: RunningProvider, client: Client) -> None:
        provider.exchange.token_seconds = 30.0
        with client:
            client.events("175")
            client.events("175")
        assert provider.exchange.requests["token"] == 2

    def test_one_that_was_voided_is_renewed_to_ask_again(
        self, provider: RunningProvider, client: Client
    ) -> None:
        with client:
            client.events("175")
            provider.exchange.tokens.clear()
            client.events("175")
        assert provider.exchange.requests["token"] == 2

    def test_getting_one_fails_for_a_while_and_the_call_is_started_once(
        self, provider: RunningProvider, client: Client
    ) -> None:
        provider.exchange.faults.next("token", Fault("status"), Fault("reset"), Fault("status", status=429))
        with client:
            client.callback("175", REQUEST)
        assert len(provider.exchange.started) == 1

    def test_without_one_no_call_is_started(self, provider: RunningProvider, client: Client) -> None:
        provider.exchange.faults.next("token", *[Fault("reset")] * 9)
        with client, pytest.raises(UnavailableError) as caught:
            client.callback("175", REQUEST)
        assert provider.exchange.requests["callback"] == 0
        assert_no_secret(caught.value)

    def test_a_wrong_secret(self, provider: RunningProvider, client: Client) -> None:
        provider.exchange.apps["app-1"] = "another"
        with client, pytest.raises(NotAuthorisedError):
            client.events("175")


def assert_no_secret(error: Exception) -> None:
    text = f"{error} {error!r} {error.__cause__!r}"
    for secret in (TOKEN, NUMBER, NUMBER[1:], "s3cret", "secret-of-the-url"):
        assert secret not in text
