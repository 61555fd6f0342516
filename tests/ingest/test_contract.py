"""The HTTP contract over real HTTP and a real broker: each request, its answer, and what is kept of it."""

from __future__ import annotations

import contextlib
import json
import re
import socket
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import httpx
import pytest

from runtime import sources, topics
from schemas.callbacks import Stage
from schemas.payload.decode import decode
from tests.ingest.conftest import PATIENT, accepted, new_settings, new_token, rejected, running
from tests.servers import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.settings import Settings
    from tests.ingest.conftest import Ingress

EVENT = {"uuid": "526d637c-e8fe-11ea-a849-cf6e45e88543", "status": "ring", "caller": "90240005"}
JSON = "application/json"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture(scope="module")
def shared(
    kafka_address: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Ingress, Settings, str]]:
    """One ingress for the tests that only send."""
    folder = tmp_path_factory.mktemp("ingest")
    settings = new_settings(kafka_address, folder, **PATIENT)
    topics.ensure(settings)
    token = new_token(settings)
    with running(settings, folder) as ingress:
        eventually(ingress.connected, "the ingress has found its broker")
        yield ingress, settings, token


Shared = tuple["Ingress", "Settings", str]


def test_every_shape_is_accepted_and_kept_byte_for_byte(shared: Shared) -> None:
    ingress, settings, token = shared
    url = f"{ingress.url}/callbacks/{token}"
    detail = {"detail": json.dumps(EVENT)}
    build = httpx.Client().build_request
    text = {"Content-Type": "text/plain"}
    requests: list[tuple[httpx.Request, dict[str, str]]] = [
        (build("POST", url, json=EVENT), EVENT),
        (build("POST", url, data=EVENT), EVENT),
        (build("POST", url, data=detail), EVENT),
        (build("POST", url, files={name: (None, value) for name, value in EVENT.items()}), EVENT),
        (build("POST", url, files={"detail": (None, detail["detail"])}), EVENT),
        (build("POST", url, content=json.dumps(EVENT), headers=text), EVENT),
        (build("POST", url, content=iter((b'{"uuid": ', b'"x"}'))), {"uuid": "x"}),
        (build("POST", f"{url}?{urlencode(EVENT)}"), EVENT),
        (build("GET", url, params=EVENT), EVENT),
        (build("GET", f"{url}?name=%E4%B8%AD"), {"name": "中"}),
    ]
    bodies = [request.read() for request, _ in requests]
    with httpx.Client() as client:
        answers = [client.send(request) for request, _ in requests]
    kept = accepted(settings)
    for (request, fields), body, answer in zip(requests, bodies, answers, strict=True):
        document = answer.json()
        assert (answer.status_code, document) == (200, {"status": "accepted", "id": document["id"]})
        callback = kept[document["id"]]
        assert callback.payload == (request.url.query if request.method == "GET" else body)
        assert callback.method == request.method
        assert callback.content_type == request.headers.get("Content-Type", "")
        assert (callback.source, callback.account) == ("shanghai", "104026")
        assert callback.peer.startswith("127.0.0.1")
        assert decode(callback.method, callback.content_type, callback.payload, callback.query) == [fields]


DEEP = b'{"a":' * 10_000 + b"1" + b"}" * 10_000
BAD: dict[str, tuple[bytes, str, str]] = {
    "malformed json": (b'{"uuid":"x"', JSON, "malformed-json"),
    "10,000 deep": (DEEP, JSON, "too-deep"),
    "an array": (b"[]", JSON, "not-an-object"),
    "detail is no json": (b"detail=x", FORM, "not-an-object"),
    "form cut off": (
        b"--b\r\nContent-Disposition: form-data",
        "multipart/form-data; boundary=b",
        "malformed-multipart",
    ),
    "neither": (b"\x00\x01\x02", "application/octet-stream", "not-an-object"),
}


def test_what_can_not_be_decoded_gets_400_and_is_kept_with_its_reasons(shared: Shared) -> None:
    ingress, settings, token = shared
    answers = {name: ingress.post(token, body, kind) for name, (body, kind, _) in BAD.items()}
    kept = rejected(settings)
    for name, answer in answers.items():
        body, kind, code = BAD[name]
        document = answer.json()
        callback, rejection = kept[document["id"]]
        assert answer.status_code == 400, name
        assert document["status"] == "rejected"
        assert [error["code"] for error in document["errors"]] == [code], name
        assert document["errors"] == [reason.to_json() for reason in rejection.reasons]
        assert rejection.stage == Stage.INGEST
        assert (callback.payload, callback.content_type) == (body, kind), name
        assert ingress.metric(f'callweave_ingest_rejected_reasons_total{{code="{code}"}}') >= 1


MEANINGLESS: dict[str, bytes] = {
    "wrong utf-8": b'{"uuid":"\xff\xfe"}',
    "lone surrogate": b'{"uuid":"\\ud800"}',
    "NaN": b'{"duration":NaN}',
    "numbers beyond 64 bits": b'{"id":' + b"9" * 40 + b',"n":1e999}',
    "unknown fields": b'{"a":{"b":[1]},"\xe4\xb8\xad":"\\u0000"}',
    "missing ids": b"{}",
    "unknown status": b'{"uuid":"526d637c-e8fe-11ea-a849-cf6e45e88543","status":"?"}',
    "a time that does not exist": b'{"uuid":"863ff91e-6a7a-11eb","starttime":"2021-02-30 25:00:00"}',
    "the largest body": b'{"a":"' + b"x" * (512 * 1024 - 8) + b'"}',
}


def test_what_can_be_decoded_gets_200_whatever_it_means(shared: Shared) -> None:
    ingress, settings, token = shared
    answers = {name: ingress.post(token, body) for name, body in MEANINGLESS.items()}
    kept = accepted(settings)
    for name, answer in answers.items():
        assert answer.status_code == 200, name
        assert kept[answer.json()["id"]].payload == MEANINGLESS[name]


def test_unknown_tokens_all_get_the_same_404(shared: Shared) -> None:
    ingress, settings, token = shared
    removed = new_token(settings, "removed")
    sources.remove(settings.sources_file, "removed")
    last = "A" if token[-1] != "A" else "B"
    paths = [
        f"/callbacks/{token[:-1]}{last}",
        f"/callbacks/{token[:-1]}",
        f"/callbacks/{token}x",
        f"/callbacks/{token}/x",
        f"/callbacks//{token}",
        f"/callbacks/{removed}",
        "/callbacks/%00%FF%2F..",
        "/callbacks/",
        "/callbacks",
        "/",
    ]
    answers = [httpx.post(ingress.url + path, content=b"{}") for path in paths]
    assert [answer.status_code for answer in answers] == [404] * len(paths)
    assert len({answer.content for answer in answers}) == 1
    assert answers[0].json()["status"] == "refused"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "BREW"])
def test_other_methods_get_405(shared: Shared, method: str) -> None:
    ingress, _, token = shared
    answer = httpx.request(method, f"{ingress.url}/callbacks/{token}")
    assert answer.status_code == 405
    assert answer.headers["Allow"] == "GET, POST, HEAD, OPTIONS"
    assert answer.json()["status"] == "refused"


def raw(ingress: Ingress, request: bytes, body: bytes = b"") -> bytes:
    """Send bytes that no client library would, and read until the server closes or has answered in full."""
    with socket.create_connection(("127.0.0.1", ingress.port), timeout=60) as connection:
        connection.sendall(request)
        with contextlib.suppress(OSError):  # refused unread: the server has closed its side
            connection.sendall(body)
        answer = b""
        while b"\r\n\r\n" not in answer or not answer.endswith(b"\n"):
            more = connection.recv(65536)
            if not more:
                break
            answer += more
        return answer


def test_a_body_of_20_mb_gets_413_unread(shared: Shared) -> None:
    ingress, _, token = shared
    before = ingress.metric('callweave_ingest_refused_total{status="413"}')
    head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: x\r\n"
    megabytes = 20 * 1024 * 1024
    announced = raw(ingress, f"{head}Content-Length: {megabytes}\r\n\r\n".encode(), b"x" * megabytes)
    assert announced.startswith(b"HTTP/1.1 413 ")
    assert b'"status":"refused"' in announced
    chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
    chunked = raw(ingress, f"{head}Transfer-Encoding: chunked\r\n\r\n".encode(), chunk * 320 + b"0\r\n\r\n")
    assert chunked.startswith(b"HTTP/1.1 413 ")
    assert ingress.metric('callweave_ingest_refused_total{status="413"}') == before + 2


def test_a_url_too_long_gets_414(shared: Shared) -> None:
    ingress, _, token = shared
    for path in (f"/callbacks/{token}?a={'x' * 20_000}", f"/callbacks/{'x' * 20_000}"):
        answer = httpx.get(ingress.url + path)
        assert answer.status_code == 414
        assert answer.json()["status"] == "refused"
    beyond = raw(ingress, f"GET /callbacks/{token}?{'x' * 70_000} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert beyond.startswith(b"HTTP/1.1 414 ")


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GARBAGE\r\n\r\n",
        b"GET /callbacks/\xff HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /callbacks/x\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /callbacks/x HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
        b"POST /callbacks/x HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_what_is_not_http_gets_400(shared: Shared, request_bytes: bytes) -> None:
    assert raw(shared[0], request_bytes).startswith(b"HTTP/1.1 400 ")


def test_a_body_that_breaks_off_is_not_kept(shared: Shared) -> None:
    ingress, settings, token = shared
    before = ingress.metric('callweave_ingest_refused_total{status="400"}')
    with socket.create_connection(("127.0.0.1", ingress.port)) as connection:
        head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM}\r\n"
        connection.sendall(head.encode() + b"Content-Length: 100\r\n\r\nuuid=broken-off")
    eventually(
        lambda: ingress.metric('callweave_ingest_refused_total{status="400"}') == before + 1, "it is counted"
    )
    assert not any(callback.payload.startswith(b"uuid=broken") for callback in accepted(settings).values())


def test_strange_headers_do_no_harm(shared: Shared) -> None:
    ingress, settings, token = shared
    head = f"POST /callbacks/{token} HTTP/1.1\r\nHost: \xff\r\nContent-Type: {'x' * 5000}\r\n"
    answer = raw(ingress, head.encode("latin-1") + b"Content-Length: 2\r\n\r\n{}")
    assert answer.startswith(b"HTTP/1.1 200 ")
    found = re.search(rb'"id":"([^"]+)"', answer)
    assert found is not None
    assert accepted(settings)[found.group(1).decode()].content_type == "x" * 1024
