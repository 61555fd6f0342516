"""What every request must pass, and who may see and change what."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from console import sessions
from console.app import create
from console.server import assemble
from console.sessions import KEY_FILE, Sessions
from console.viewers import Viewer, needs_no_sign_in
from runtime import sources
from runtime.settings import ClickHouseSettings, Settings
from tests.console.conftest import token
from tests.console.stack import MASKED, OPERATOR, PASSWORD

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient

    from console.context import Console

pytestmark = pytest.mark.server

SOMEBODY = Viewer("somebody", ClickHouseSettings())
CHANGES = ("/sources/new", "/source/x/rotate", "/source/x/pause", "/source/x/resume", "/source/x/redrive")


def test_whoever_has_not_signed_in_is_led_there_and_back(here: Console) -> None:
    browser = create(here).test_client()
    answer = browser.get("/calls?q=1")
    assert answer.location == "/sign-in?next=/calls?q%3D1"
    assert browser.get("/now.json").status_code == 401
    given = {
        "user": OPERATOR,
        "password": PASSWORD,
        "csrf": token(browser, answer.location),
        "next": "/calls?q=1",
    }
    assert browser.post("/sign-in", data=given).location == "/calls?q=1"
    assert browser.get("/calls?q=1").status_code == 200
    assert browser.post("/sign-out", data={"csrf": token(browser)}).location == "/sign-in"
    assert browser.get("/calls").status_code == 302


@pytest.mark.parametrize(
    "away",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "evil", "", "//[", "http://[x", "/\t/[x"],
)
def test_signing_in_leads_nowhere_else(here: Console, away: str) -> None:
    browser = create(here).test_client()
    shown = browser.get("/sign-in", query_string={"next": away}).get_data(as_text=True)
    assert 'name="next" value="/"' in shown
    given = {"user": OPERATOR, "password": PASSWORD, "csrf": token(browser, "/sign-in"), "next": away}
    assert browser.post("/sign-in", data=given).location == "/"


def test_a_wrong_password_is_refused_and_nothing_of_it_is_shown(here: Console) -> None:
    browser = create(here).test_client()
    given = {"user": OPERATOR, "password": "wrong-secret", "csrf": token(browser, "/sign-in")}
    answer = browser.post("/sign-in", data=given)
    assert answer.status_code == 401
    assert "no such user with this password" in answer.get_data(as_text=True)
    assert "wrong-secret" not in answer.get_data(as_text=True)


def test_the_cookie_is_a_signed_name_and_another_one_after_signing_in(here: Console) -> None:
    browser = create(here).test_client()
    first = browser.get("/sign-in").headers["Set-Cookie"]
    assert "HttpOnly" in first
    assert "SameSite=Strict" in first
    given = {"user": OPERATOR, "password": PASSWORD, "csrf": token(browser, "/sign-in")}
    second = browser.post("/sign-in", data=given).headers["Set-Cookie"]
    assert first.split(";")[0] != second.split(";")[0]
    assert PASSWORD not in second
    name, _, value = second.split(";")[0].partition("=")
    stranger = create(here).test_client()
    *_, signature = value.split(".")
    other = "A" if signature[0] != "A" else "B"  # its last character has bits that say nothing
    stranger.set_cookie(name, f"{value.removesuffix(signature)}{other}{signature[1:]}")
    assert stranger.get("/calls").status_code == 302


def test_nothing_is_changed_without_the_forms_token(
    enter: Callable[[str], FlaskClient], here: Console
) -> None:
    browser, other = enter(OPERATOR), enter(OPERATOR)
    given = {"name": "x", "account": "x", "dialect": "common-api", "timezone": "UTC"}
    for path in (*CHANGES, "/health/audit", "/sign-out"):
        assert browser.post(path, data=given).status_code == 403
        assert browser.post(path, data={**given, "csrf": "guess"}).status_code == 403
        assert browser.post(path, data={**given, "csrf": token(other)}).status_code == 403
    for foreign in ("https://evil.example", "null", "http://[", "localhost", ""):
        headers = {"Origin": foreign}
        assert browser.post("/sign-out", data={"csrf": token(browser)}, headers=headers).status_code == 403
    ours = {"Origin": "http://localhost"}
    assert browser.post("/sign-out", data={"csrf": token(browser)}, headers=ours).status_code == 302
    assert not here.settings.sources_file.exists()


def test_only_the_role_that_the_settings_name_changes_things(enter: Callable[[str], FlaskClient]) -> None:
    browser = enter(MASKED)
    given = {"csrf": token(browser), "name": "x", "account": "x", "dialect": "common-api", "timezone": "UTC"}
    for path in (*CHANGES, "/health/audit"):
        answer = browser.post(path, data=given)
        assert answer.status_code == 403
        assert "role operator" in answer.get_data(as_text=True)
    assert browser.get("/sources/new").status_code == 403


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:8090", "127.0.0.1.evil.example", "10.0.0.1", "[", "a]b"]
)
def test_another_name_that_leads_here_is_not_answered(enter: Callable[[str], FlaskClient], host: str) -> None:
    browser = enter(OPERATOR)
    for path in ("/", "/now.json", "/static/console.css", "/sign-in"):
        with browser.get(path, headers={"Host": host}) as answer:
            assert answer.status_code == 421


def test_the_name_of_the_public_url_is_answered(here: Console) -> None:
    public = here.settings.console.model_copy(update={"public_url": "https://calls.example.com"})
    browser = create(assemble(here.settings.model_copy(update={"console": public}))).test_client()
    answer = browser.get("/sign-in", headers={"Host": "calls.example.com"})
    assert answer.status_code == 200
    assert "Secure" in answer.headers["Set-Cookie"]


def test_every_answer_has_the_strict_headers(enter: Callable[[str], FlaskClient]) -> None:
    browser = enter(OPERATOR)
    for path in ("/", "/calls", "/nothing", "/now.json", "/static/console.js"):
        with browser.get(path) as answer:
            headers = answer.headers
        policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
        assert policy["default-src"] == policy["base-uri"] == policy["frame-ancestors"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == "'self'"
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["Referrer-Policy"] == "same-origin"
    assert browser.get("/calls").headers["Cache-Control"] == "no-store"


def test_no_page_has_script_or_style_inside(enter: Callable[[str], FlaskClient]) -> None:
    browser = enter(OPERATOR)
    for path in ("/", "/wallboard", "/calls", "/reports", "/sources", "/sources/new", "/health"):
        text = browser.get(path).get_data(as_text=True)
        assert "<style" not in text
        assert " style=" not in text
        assert (
            " on"
            not in "".join(part for part in text.split("<") if part.startswith(("a ", "button "))).split(">")[
                0
            ]
        )
        assert all(" src=" in part for part in text.split("<script")[1:])


def test_the_key_is_made_once_and_for_us_alone(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    kept = sessions.key(settings)
    assert len(kept) == 32
    assert sessions.key(settings) == kept
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600


def test_a_session_ends() -> None:
    now = 0.0
    known = Sessions(b"k" * 32, 60.0, lambda: now)
    session = known.begin(SOMEBODY)
    cookie = known.cookie(session)
    assert known.find(cookie) is session
    now = 61.0
    for anew in (known, Sessions(b"k" * 32, 60.0)):
        visitor = anew.find(cookie)
        assert visitor is not None
        assert visitor.viewer is None
    now = 0.0
    assert known.find(cookie) is not session
    assert Sessions(b"o" * 32, 60.0, lambda: 0.0).find(cookie) is None


def test_strangers_sign_nobody_out(
    here: Console, enter: Callable[[str], FlaskClient], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sessions, "MOST", 2)
    browser = enter(OPERATOR)
    early = create(here).test_client()
    given = {"user": OPERATOR, "password": PASSWORD, "csrf": token(early, "/sign-in")}
    stranger = create(here).test_client(use_cookies=False)
    for path in ("/sign-in", "/nothing", "/calls", "/now.json"):
        stranger.get(path)
    assert browser.get("/calls").status_code == 200
    assert early.post("/sign-in", data=given).status_code == 302
    assert early.get("/calls").status_code == 200


def test_where_nobody_signs_in_the_next_page_says_what_was_done(here: Console, tmp_path: Path) -> None:
    auto = here.settings.console.model_copy(update={"sign_in": "auto"})
    path = tmp_path / "sources.toml"
    sources.add(path, "pbx", "acme", "common-api", "UTC")
    settings = here.settings.model_copy(update={"console": auto, "sources_file": path})
    browser = create(assemble(settings)).test_client()
    browser.post("/source/pbx/pause", data={"csrf": token(browser, "/source/pbx")})
    assert "pbx is paused: its callbacks" in browser.get("/source/pbx").get_data(as_text=True)
    assert "pbx is paused: its callbacks" not in browser.get("/source/pbx").get_data(as_text=True)


@pytest.mark.parametrize(
    ("console", "clickhouse", "is_open"),
    [
        ({}, {}, True),
        ({"sign_in": "always"}, {}, False),
        ({"host": "0.0.0.0"}, {}, False),
        ({}, {"host": "clickhouse"}, False),
        ({}, {"password": "secret"}, False),
    ],
)
def test_nobody_signs_in_only_where_everybody_could_ask_clickhouse(
    console: dict[str, str], clickhouse: dict[str, str], is_open: bool
) -> None:
    settings = Settings.model_validate({"console": console, "clickhouse": clickhouse})
    assert needs_no_sign_in(settings) is is_open
