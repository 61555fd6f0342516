from __future__ import annotations

import errno
import socket
from contextlib import closing

import httpx
import pytest

from runtime import metrics, probe
from runtime.errors import StartError
from runtime.metrics import MetricsServer, serve
from tests.servers import NO_TLS


def ask(server: MetricsServer, path: str, host: str = "127.0.0.1") -> httpx.Response:
    return httpx.get(f"http://{host}:{server.port}{path}", trust_env=False, verify=NO_TLS)


def fine() -> tuple[bool, str]:
    return True, ""


def test_it_serves_metrics_on_a_free_port() -> None:
    with serve(0, fine) as server:
        answer = ask(server, "/metrics")
    assert server.port > 0
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain")
    assert 'callweave_build_info{python="3.' in answer.text
    assert "process_cpu_seconds_total" in answer.text


@pytest.mark.parametrize("host", ["::1", "::"])
def test_it_listens_on_ipv6_too(host: str) -> None:
    with serve(0, fine, host=host) as server:
        assert ask(server, "/readyz", "[::1]").status_code == 200
        assert server.address == (host, server.port)
        assert probe.is_callweave(host, server.port)


def test_metrics_come_in_the_format_that_is_asked_for() -> None:
    body, content_type = metrics.render("application/openmetrics-text; version=1.0.0")
    assert content_type.startswith("application/openmetrics-text")
    assert body.endswith(b"# EOF\n")


def test_alive_and_ready() -> None:
    state = (False, "the broker does not answer")
    with serve(0, lambda: state) as server:
        assert ask(server, "/healthz").status_code == 200
        answer = ask(server, "/readyz?x=1")
        assert answer.status_code == 503
        assert answer.json() == {"status": "not ready", "reason": "the broker does not answer"}
        state = (True, "")
        assert ask(server, "/readyz").status_code == 200


def test_a_check_that_fails_is_not_ready_and_says_nothing_of_the_error_text() -> None:
    def broken() -> tuple[bool, str]:
        raise RuntimeError("caller 87847569524")

    with serve(0, broken) as server:
        answer = ask(server, "/readyz")
    assert answer.status_code == 503
    assert answer.json()["reason"] == "the check failed: RuntimeError"


def test_other_paths_are_not_found_and_posting_is_refused() -> None:
    with serve(0, fine) as server:
        assert ask(server, "/").status_code == 404
        url = f"http://127.0.0.1:{server.port}/metrics"
        assert httpx.post(url, trust_env=False, verify=NO_TLS).status_code == 501


def test_only_loopback_is_served_unless_told_otherwise() -> None:
    with serve(0, fine) as server:
        assert server.address == ("127.0.0.1", server.port)
    with serve(0, fine, host="0.0.0.0") as server:
        assert server.address == ("0.0.0.0", server.port)


def test_a_taken_port_is_one_clear_sentence() -> None:
    with serve(0, fine) as server, pytest.raises(StartError) as raised:
        serve(server.port, fine)
    assert str(raised.value) == (
        f"Metrics need 127.0.0.1:{server.port}, but another program listens there: "
        "stop it, or choose another port with --metrics-port (0 takes a free one)."
    )


def test_an_address_of_another_machine_is_one_clear_sentence() -> None:
    with pytest.raises(StartError, match=r"^Metrics can't listen on 192\.0\.2\.1:0: "):
        serve(0, fine, host="192.0.2.1")


def test_stopping_frees_the_port() -> None:
    server = serve(0, fine)
    server.stop()
    with closing(socket.socket()) as probe:
        assert probe.connect_ex(("127.0.0.1", server.port)) == errno.ECONNREFUSED
    with serve(server.port, fine):
        pass


def test_a_client_that_goes_away_or_says_nothing_stops_nobody(capsys: pytest.CaptureFixture[str]) -> None:
    with serve(0, fine) as server:
        silent = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(20)]
        rude = socket.create_connection(("127.0.0.1", server.port))
        rude.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        rude.close()
        assert ask(server, "/healthz").status_code == 200
        for connection in silent:
            connection.close()
    assert capsys.readouterr().err == ""
