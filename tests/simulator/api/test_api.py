"""The simulated API as the documents describe it, asked without our client."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httpx
import pytest

from tests.kit.http import Quiet, serving
from tests.servers import NO_TLS, eventually
from tests.simulator.api.providers import TOKEN

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.simulator.api.providers import RunningProvider

NUMBER = "+79817654321"
EVENT = {"url": "https://somehost.com/fordel/show.php?myid=175", "method": "GET", "event_type": "dial-out"}
TYPES = ("dial-in", "dial-out", "answer", "hangup")


def ask(
    provider: RunningProvider, method: str, path: str, body: object = None, token: str = TOKEN
) -> httpx.Response:
    return httpx.request(
        method,
        provider.base_url + path,
        json=body,
        headers={"Authorization": f"Bearer {token}"},
        timeout=60,
        trust_env=False,
        verify=NO_TLS,
    )


class Listener(ThreadingHTTPServer):
    """Takes webhooks, the first of them only at the second try."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str]]] = []
        self.refused = 0
        taking = self

        class Handler(Quiet, BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._take("GET", self.path.partition("?")[2])

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._take("POST", body.decode())

            def _take(self, method: str, fields: str) -> None:
                refuse = taking.refused == 0
                if refuse:
                    taking.refused += 1
                else:
                    taking.got.append((method, dict(parse_qsl(fields))))
                self.send_response(503 if refuse else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}/calls?key=k"


@pytest.fixture
def listener() -> Iterator[Listener]:
    with serving(Listener()) as found:
        yield found


def test_the_documents_event(provider: RunningProvider) -> None:
    added = ask(provider, "POST", "/extension/175/event/", EVENT)
    assert added.json() == EVENT | {"id": 72}
    assert ask(provider, "GET", "/extension/175/event/").json() == [EVENT | {"id": 72}]
    assert ask(provider, "GET", "/extension/176/event/").json() == []


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/extension/175/event/", EVENT | {"event_type": "sms"}, 400),
        ("/extension/175/event/", EVENT | {"method": "PUT"}, 400),
        ("/extension/175/event/", {"url": "https://a"}, 400),
        ("/extension/175/event/", [1], 400),
        ("/extension/9999/event/", EVENT, 404),
        ("/extension/175/callback/", {"dst_num": NUMBER}, 400),
        ("/extension/175/callback/", {"dst_num": NUMBER, "src_num": "102"}, 400),
        ("/extension/175/callback/", {"dst_num": NUMBER, "src_num": ["102"], "colour": "red"}, 400),
        ("/extension/175/callback/", {"dst_num": NUMBER, "src_num": ["090"]}, 400),
        ("/extension/175/callback/", {"dst_num": "$cv({x})", "src_num": ["102"]}, 400),
        ("/extension/400/callback/", {"dst_num": NUMBER, "src_num": ["102"]}, 400),
        ("/extension/@{x}/callback/", {"dst_num": NUMBER, "src_num": ["102"]}, 400),
        ("/extension/9999/callback/", {"dst_num": NUMBER, "src_num": ["102"]}, 404),
    ],
)
def test_what_is_refused(provider: RunningProvider, path: str, body: object, status: int) -> None:
    answer = ask(provider, "POST", path, body)
    assert answer.status_code == status
    assert set(answer.json()) == {"message"}
    assert (provider.exchange.started, provider.exchange.subscriptions) == ([], [])


def test_nobody_is_let_in_without_the_token(provider: RunningProvider) -> None:
    answers = [
        ask(provider, "GET", "/extension/175/event/", token="guessed"),
        ask(provider, "POST", "/extension/175/callback/", {}, token="x"),
        ask(provider, "GET", "/client/@me/call_history/x", token="guessed"),
        ask(provider, "GET", "/client/@me/limit/", token="guessed"),
    ]
    assert {answer.status_code for answer in answers} == {401}


def test_another_clients_calls_are_not_shown(provider: RunningProvider) -> None:
    assert ask(provider, "GET", "/client/9/limit/").status_code == 404
    assert ask(provider, "GET", "/client/9/call_history/x").status_code == 404
    assert ask(provider, "GET", "/client/1001/limit/").status_code == 200


def test_a_calls_webhooks_come_to_those_who_are_subscribed(
    provider: RunningProvider, listener: Listener
) -> None:
    for extension, method in (("175", "GET"), ("176", "POST")):
        for event_type in TYPES:
            body = {"url": listener.url, "method": method, "event_type": event_type}
            assert ask(provider, "POST", f"/extension/{extension}/event/", body).status_code == 200
    provider.exchange.fates = [(True, "answered")]
    request = {"dst_num": NUMBER, "src_num": ["102"], "variables": {"tag": "spring"}}
    answer = ask(provider, "POST", "/extension/175/callback/", request).json()
    (started,) = provider.exchange.started
    assert answer == {"call_id": started.call_id, "call_api_id": started.call_api_id}
    taken = provider.exchange.delivery.taken
    eventually(lambda: len(taken) == len(started.call.webhooks), "all webhooks are taken")
    assert len(taken) == len(listener.got) == 6
    for method, fields in listener.got:
        assert fields["CallBackID"] == answer["call_id"]
        assert fields["CallAPIID"] == answer["call_api_id"]
        assert fields["Tag"] == "spring"
        own = fields.get("CallerExtensionID") if fields["CallFlow"] == "OUT" else fields["CalledExtensionID"]
        assert method == {"175": "GET", "176": "POST"}[str(own)]
        assert ("key" in fields) == (method == "GET")


def test_what_nobody_is_subscribed_to_is_not_sent(provider: RunningProvider, listener: Listener) -> None:
    body = {"url": listener.url, "method": "POST", "event_type": "hangup"}
    ask(provider, "POST", "/extension/175/event/", body)
    provider.exchange.fates = [(True, "busy")]
    ask(provider, "POST", "/extension/175/callback/", {"dst_num": NUMBER, "src_num": ["101"]})
    eventually(lambda: len(listener.got) == 1, "the hangup is taken")
    assert listener.got[0][1]["EventType"] == "hangup"


def test_the_history_of_a_call_by_either_name(provider: RunningProvider) -> None:
    provider.exchange.fates = [(True, "answered")]
    request = {"dst_num": NUMBER, "src_num": ["102"]}
    call_id = ask(provider, "POST", "/extension/175/callback/", request).json()["call_id"]
    truth = provider.exchange.started[0].call.truth
    by_id = ask(provider, "GET", f"/client/@me/call_history/{call_id}").json()
    by_uuid = ask(provider, "GET", f"/client/@me/call_history/{truth.uuid}").json()
    assert by_id["call_uuid"] == call_id
    assert by_uuid == by_id | {"call_uuid": truth.uuid}
    assert (by_id["result"], by_id["flow"], by_id["to_username"]) == ("bridged", "out", NUMBER)
    assert by_id["bridged_duration"] == round(truth.talk_time / 1e6)
    assert ask(provider, "GET", "/client/@me/call_history/unknown").status_code == 404


def test_a_call_in_progress_has_no_end_and_takes_up_room(provider: RunningProvider) -> None:
    provider.exchange.speedup = 1e-6
    provider.exchange.concurrent_calls = 2
    request = {"dst_num": NUMBER, "src_num": ["101"]}
    path = "/extension/175/callback/"
    call_id = ask(provider, "POST", path, request).json()["call_id"]
    assert ask(provider, "GET", f"/client/@me/call_history/{call_id}").json()["hangup_time_gmt"] is None
    half = ask(provider, "POST", path, request | {"callback_rate_limit": 50})
    assert (half.status_code, half.json()) == (403, {"message": "callback_rate_limit_exceeded"})
    assert ask(provider, "POST", path, request).status_code == 200
    assert ask(provider, "POST", path, request).status_code == 403
    assert len(provider.exchange.started) == 2
