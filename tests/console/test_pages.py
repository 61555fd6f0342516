"""Each page on calls that are told as the sink leaves them, with texts that nobody may run."""

from __future__ import annotations

import csv
import html
import io
import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import pytest

from console.reports import REPORTS
from operations.accounts.store import Account, put
from runtime import sources
from runtime.clickhouse import connected
from tests.console.conftest import token
from tests.console.stack import MASKED, OPERATOR
from tests.operations.replay.archived import posted, store
from tests.sinks.queries.telling import SECOND, event, tell

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flask.testing import FlaskClient
    from werkzeug.test import TestResponse

    from console.context import Console
    from runtime.settings import Settings

pytestmark = pytest.mark.server

EVIL = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'; DROP TABLE calls; --",
    '=HYPERLINK("http://evil.example";"x")',
    "{{ 7 * 7 }}{% raw %}",
    "%(since)s %s 100%",
    "\u202ekcab\u202c \x1b[31m",
)
CUSTOMER, LINE = "+8613812345678", "2190240001"
FEW, MANY = 120, 50
"""Calls that are told, and how many a page has."""
NOW = int(datetime.now(UTC).replace(microsecond=0).timestamp()) * SECOND


def call_at(number: int) -> list[Any]:
    """Answered, the newest first."""
    began, leg = NOW - number * 60 * SECOND, f"leg-{number:04}"
    evil = EVIL[number % len(EVIL)]
    said: dict[str, Any] = {
        "account": "acme",
        "direction": "inbound",
        "caller": CUSTOMER if number == 3 else f"+4930{number:07}",
        "callee": LINE,
        "customer_ref": evil,
        "tag": evil,
        "campaign": evil,
        "extension": evil if number == 5 else f"80{number % 10:02}",
        "agent_id": evil,
        "recording": f"https://records.example/{evil}",
        "extra": {evil: evil},
    }
    billed: dict[str, Any] = {
        "outcome": "answered",
        "started_at": began,
        "answered_at": began + 10 * SECOND,
        "ended_at": began + 70 * SECOND,
        "ring_time": 10 * SECOND,
        "talk_time": 60 * SECOND,
    }
    return [
        event("ring", leg, began, **said),
        event("answer", leg, began + 10 * SECOND, **said),
        event("hangup", leg, began + 70 * SECOND, **said, outcome="answered"),
        event("cdr", leg, began + 80 * SECOND, **said, **billed),
    ]


@pytest.fixture(scope="module")
def told(settings: Settings) -> None:
    tell(settings, *(call_at(number) for number in range(FEW)))


@pytest.fixture
def browser(told: None, enter: Callable[[str], FlaskClient]) -> FlaskClient:
    return enter(OPERATOR)


def text_of(answer: TestResponse) -> str:
    assert answer.status_code == 200, answer.get_data(as_text=True)[-2000:]
    return answer.get_data(as_text=True)


def ids(text: str) -> list[str]:
    return re.findall(r"id=(leg-\d{4})", text)


def test_pages_of_results_have_each_call_once_and_in_order(browser: FlaskClient) -> None:
    found: list[str] = []
    path: str | None = "/calls"
    while path is not None:
        text = text_of(browser.get(path))
        found += ids(text)
        more = re.search(r'rel="next" href="([^"]+)"', text)
        path = html.unescape(more[1]) if more else None
    assert found == [f"leg-{number:04}" for number in range(FEW)]


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"q": CUSTOMER}, ["leg-0003"]),
        ({"q": CUSTOMER[-6:]}, ["leg-0003"]),
        ({"q": "LEG-0042"}, []),
        ({"q": "leg-0042"}, ["leg-0042"]),
        ({"agent": "8007", "q": "0000017"}, ["leg-0017"]),
        ({"agent": EVIL[5], "q": "0000005"}, ["leg-0005"]),
        ({"outcome": "busy"}, []),
        ({"outcome": "open"}, []),
        ({"account": "other"}, []),
        ({"direction": "outbound"}, []),
        ({"q": "%"}, []),
        ({"q": "'"}, []),
        ({"q": "\\"}, []),
        ({"behind": "nonsense", "q": "leg-0001"}, ["leg-0001"]),
        ({"behind": f"{NOW}~acme~'", "q": "leg-0001"}, ["leg-0001"]),
        ({"behind": f"{'9' * 18}~acme~x", "q": "leg-0001"}, ["leg-0001"]),
        ({"behind": f"{'9' * 5000}~acme~x", "q": "leg-0001"}, ["leg-0001"]),
        ({"since": "1971-01-01", "until": "2099-12-31T23:59", "q": "leg-0001"}, ["leg-0001"]),
    ],
)
def test_calls_are_found(browser: FlaskClient, query: dict[str, str], wanted: list[str]) -> None:
    assert ids(text_of(browser.get("/calls", query_string=query))) == wanted


@pytest.mark.parametrize(
    "nonsense", ["endpoint", "self", "_method", "_external", "_scheme", "_anchor", "view", "page"]
)
def test_the_links_of_a_page_of_calls_are_ours_whatever_is_asked_for(
    browser: FlaskClient, nonsense: str
) -> None:
    asked = {"q": "leg-0001", "behind": f"{NOW}~acme~x"}
    plain = text_of(browser.get("/calls", query_string=asked))
    assert text_of(browser.get("/calls", query_string={**asked, nonsense: "x"})) == plain
    assert 'href="/calls.csv?q=leg-0001"' in plain


@pytest.mark.parametrize("path", ["/calls", "/calls.csv"])
@pytest.mark.parametrize("wrong", ["yesterday", "0001-01-01T00:00", "0202-01-01T00:00", "9999-12-31"])
def test_a_search_from_no_time_is_refused_with_a_sentence(
    browser: FlaskClient, path: str, wrong: str
) -> None:
    answer = browser.get(path, query_string={"since": wrong})
    assert answer.status_code == 400
    assert "<p>From must be a time from 1971 to 2099" in answer.get_data(as_text=True)


@pytest.mark.parametrize("evil", EVIL)
def test_calls_are_found_by_any_reference(browser: FlaskClient, evil: str) -> None:
    kept = evil.strip()
    found = ids(text_of(browser.get("/calls", query_string={"q": kept})))
    which = EVIL.index(evil)
    assert found == [f"leg-{number:04}" for number in range(FEW) if number % len(EVIL) == which][:MANY]


def test_calls_are_found_by_the_time_of_the_consoles_zone(browser: FlaskClient) -> None:
    at = datetime.fromtimestamp(NOW / SECOND, UTC)
    span = {
        "since": (at - timedelta(minutes=10)).strftime("%Y-%m-%dT%H:%M:%S"),
        "until": (at - timedelta(minutes=7)).strftime("%Y-%m-%dT%H:%M:%S"),
    }
    assert ids(text_of(browser.get("/calls", query_string=span))) == ["leg-0008", "leg-0009", "leg-0010"]


def test_the_file_has_every_call_and_runs_no_formula(browser: FlaskClient) -> None:
    answer = browser.get("/calls.csv")
    rows = list(csv.DictReader(io.StringIO(text_of(answer))))
    assert answer.mimetype == "text/csv"
    assert [row["call_id"] for row in rows] == [f"leg-{number:04}" for number in range(FEW)]
    assert rows[3]["caller"] == f"'{CUSTOMER}"
    assert rows[3]["customer_ref"] == "'" + EVIL[3]
    assert not [cell for row in rows for cell in row.values() if cell.startswith(tuple("=+-@"))]


@pytest.mark.parametrize("number", range(len(EVIL)))
def test_what_a_provider_wrote_is_shown_as_text(browser: FlaskClient, number: int) -> None:
    for path in (f"/call?account=acme&id=leg-{number:04}", "/calls", "/reports?view=calls_by_campaign"):
        text = text_of(browser.get(path))
        assert "<script>alert" not in text
        assert "<img" not in text
        assert "{{" not in text or "{{ 7 * 7 }}" in html.unescape(text)
        assert "49" not in re.findall(r"<td>(49)</td>", text)
        assert "\x1b" not in text
        assert "\u202e" not in text
    page = html.unescape(text_of(browser.get(f"/call?account=acme&id=leg-{number:04}")))
    assert EVIL[number].encode("unicode_escape").decode().split("\\")[0] in page


def test_the_page_of_a_call_tells_how_it_is_known(browser: FlaskClient) -> None:
    text = html.unescape(text_of(browser.get("/call?account=acme&id=leg-0003")))
    for shown in (CUSTOMER, LINE, "0:10", "1:00", "answered", "complete"):
        assert shown in text
    assert text.count('class="ring"') == 2  # the legend's and the leg's
    assert '<rect class="talk"' in text
    assert '<rect class="bill"' in text
    for heading in (
        "Time line",
        "Events, by when they happened",
        "What later events changed",
        "where each value came from",
    ):
        assert heading in text
    assert 'id="event-4"' in text
    assert browser.get("/call?account=acme&id=none").status_code == 404
    assert browser.get("/call?account=other&id=leg-0003").status_code == 404


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.view)
def test_each_report_is_shown_with_its_question(
    browser: FlaskClient, settings: Settings, report: Any
) -> None:
    path = f"/reports?view={report.view}&account=acme&campaign={EVIL[2]}"
    text = text_of(browser.get(path))
    assert f'<h2 class="large">{report.title}</h2>' in text
    sql = re.search(r'<pre id="sql">(.*?)</pre>', text, re.DOTALL)
    assert sql is not None
    assert html.unescape(sql[1]).startswith(f"SELECT * FROM {report.view}")
    assert "The question in SQL" in text


def test_a_report_asks_for_no_more_than_its_span(browser: FlaskClient) -> None:
    path = "/reports?view=calls_by_hour&since=2001-01-01T00:00&until=2001-01-02T00:00"
    assert "Nothing in this span" in text_of(browser.get(path))


@pytest.mark.parametrize("view", ["service_level", "abandoned_rate", "call_figures", "caller_figures"])
def test_a_field_shows_what_was_asked_for(browser: FlaskClient, view: str) -> None:
    given = {"threshold": "20.5", "seconds": "", "minutes": " 15 ", "by": "team, agent", "campaign": EVIL[2]}
    page = html.unescape(text_of(browser.get("/reports", query_string={"view": view, **given})))
    wanted = {"threshold": "20.5", "seconds": "2", "minutes": "15", "by": "team,agent", "campaign": EVIL[2]}
    fields = dict(re.findall(r'<input name="(\w+)" value="(.*?)" size', page))
    assert fields
    assert fields.items() <= wanted.items()
    for name, value in fields.items():
        assert re.search(rf"{name} = '?{re.escape(value.replace(chr(39), chr(92) + chr(39)))}[',)]", page)


@pytest.mark.parametrize(
    ("view", "name", "wrong"),
    [
        *(
            ("service_level", "threshold", text)
            for text in ("20,5", "abc", "nan", "inf", "-1", "86401", "1') x")
        ),
        *(("abandoned_rate", "seconds", text) for text in ("2 s", "-0.1", "1e300")),
        *(("call_figures", "minutes", text) for text in ("abc", "-5", "7", "1.5", "1234567", "0.5")),
        ("caller_figures", "by", "team,nonsense"),
        *(("calls_by_hour", "since", text) for text in ("yesterday", "0001-01-01T00:00", "0202-01-01T00:00")),
        *(("asr", "until", text) for text in ("0001-01-01", "2100-01-01", "9999-12-31T23:59")),
    ],
)
def test_a_field_that_can_not_be_read_is_named(
    browser: FlaskClient, view: str, name: str, wrong: str
) -> None:
    answer = browser.get("/reports", query_string={"view": view, name: wrong})
    assert answer.status_code == 400
    label = "From" if name == "since" else name.capitalize()
    assert f"<p>{label} must " in answer.get_data(as_text=True)


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.view)
def test_a_report_is_shown_of_any_time_that_can_be_asked_for(
    browser: FlaskClient, here: Console, monkeypatch: pytest.MonkeyPatch, report: Any
) -> None:
    spans = {
        "Asia/Shanghai": {"until": "1971-01-01"},
        "America/Los_Angeles": {"since": "2099-12-31", "until": "2099-12-31T23:59"},
    }
    for zone, span in spans.items():
        monkeypatch.setattr(here, "zone", ZoneInfo(zone))
        for clock in ("utc", "account"):
            text_of(browser.get("/reports", query_string={"view": report.view, "clock": clock, **span}))


@pytest.fixture(scope="module")
def in_tokyo(settings: Settings) -> None:
    """An account with one call, at half past five in the morning there, on the evening before by UTC."""
    began = round(datetime(2026, 3, 29, 20, 30, tzinfo=UTC).timestamp()) * SECOND
    tell(settings, [event("ring", "tokyo-1", began, account="tokyo", extension="8001", direction="inbound")])
    with connected(settings.clickhouse) as client:
        put(client, Account("tokyo", "Asia/Tokyo"))


@pytest.mark.parametrize(
    ("view", "cut"),
    [
        ("calls_by_hour", "local_hour >= '2026-03-30 00:00'\n    AND local_hour < '2026-03-31 00:00'"),
        ("calls_by_extension", "day >= '2026-03-30'\n    AND day < '2026-03-31'"),
    ],
)
def test_hours_and_days_are_the_accounts_unless_utc_is_asked_for(
    in_tokyo: None, browser: FlaskClient, view: str, cut: str
) -> None:
    morning = {"view": view, "account": "tokyo", "since": "2026-03-30T00:00", "until": "2026-03-31T00:00"}
    page = html.unescape(text_of(browser.get("/reports", query_string=morning)))
    assert f"SELECT * FROM {view}_local\nWHERE {cut}" in page
    assert "Times are Asia/Tokyo" in page
    assert "2026-03-30 05:00" in page or ">2026-03-30<" in page
    by_utc = html.unescape(text_of(browser.get("/reports", query_string=morning | {"clock": "utc"})))
    assert f"SELECT * FROM {view}\n" in by_utc
    assert "Times are UTC" in by_utc
    assert "Nothing in this span" in by_utc


def test_masked_people_see_pseudonyms_everywhere(told: None, enter: Callable[[str], FlaskClient]) -> None:
    browser = enter(MASKED)
    paths = ["/", "/calls", "/calls.csv", "/sources", "/health", "/call?account=acme&id=leg-0003"]
    paths += [f"/reports?view={report.view}" for report in REPORTS]
    for path in paths:
        text = text_of(browser.get(path))
        assert not re.search(rf"{re.escape(CUSTOMER)}|{LINE}|\+4930|records\.example", html.unescape(text)), (
            path
        )
    page = text_of(browser.get("/call?account=acme&id=leg-0003"))
    assert re.search(r"[0-9a-f]{16}-78", page)
    assert '<rect class="talk"' in page
    assert "Show the bytes" not in page
    assert browser.get("/callback?id=x").status_code == 403
    pseudonym = re.search(r"[0-9a-f]{16}-78", page)
    assert pseudonym is not None
    assert ids(text_of(browser.get("/calls", query_string={"q": pseudonym[0]}))) == ["leg-0003"]


def test_now_counts_only_accounts_that_may_be_seen(browser: FlaskClient) -> None:
    everything = browser.get("/now.json").get_json()
    assert everything["calls"] == browser.get("/now.json?account=acme").get_json()["calls"]
    assert browser.get("/now.json?account=other").get_json()["calls"] == 0


def test_sources_are_added_once_and_their_url_is_shown_once(browser: FlaskClient, settings: Settings) -> None:
    given = {"name": "acme-pbx", "account": "acme", "dialect": "common-api", "timezone": "Asia/Shanghai"}
    wrong = browser.post("/sources/new", data={**given, "timezone": EVIL[0], "csrf": token(browser)})
    assert wrong.status_code == 400
    assert "must be an IANA time zone" in wrong.get_data(as_text=True)
    assert EVIL[0] not in wrong.get_data(as_text=True)
    made = text_of(browser.post("/sources/new", data={**given, "csrf": token(browser)}))
    url = re.search(r"http://[^<]+/callbacks/([\w-]+)", made)
    assert url is not None
    for path in ("/sources", "/source/acme-pbx", "/source/acme-pbx/first"):
        assert url[1] not in text_of(browser.get(path))
    assert browser.post("/sources/new", data={**given, "csrf": token(browser)}).status_code == 400
    assert browser.post("/source/acme-pbx/pause", data={"csrf": token(browser)}).status_code == 302
    page = text_of(browser.get("/source/acme-pbx"))
    assert "acme-pbx is paused" in page
    assert "paused since" in page
    assert "acme-pbx is paused:" not in text_of(browser.get("/source/acme-pbx"))
    assert browser.post("/source/acme-pbx/resume", data={"csrf": token(browser)}).status_code == 302
    rotated = text_of(browser.post("/source/acme-pbx/rotate", data={"csrf": token(browser), "overlap": "0"}))
    assert url[1] not in rotated
    assert browser.get("/source/none").status_code == 404


@pytest.mark.parametrize("most", [2, 3, 4])
def test_a_dry_run_says_if_it_did_not_read_all(
    browser: FlaskClient,
    settings: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    most: int,
) -> None:
    monkeypatch.setattr("operations.replay.archive.PAGE", 1)
    monkeypatch.setattr("console.redrives.MOST_FORETOLD", most)
    source = f"sneezing-{most}"
    sources.add(settings.sources_file, source, "acme", "common-api", "UTC")
    store(settings, tmp_path, [posted(number, b'{"status":"sneeze"}', source=source) for number in range(3)])
    page = text_of(browser.post(f"/source/{source}/redrive", data={"csrf": token(browser)}))
    assert f'<td class="right">{min(most, 3)}</td>' in page
    assert (f"Only the first {most} were read; there may be more, and all are sent." in page) is (most <= 3)


LONG_IDS = 1_000


@pytest.fixture(scope="module")
def long_ids(settings: Settings) -> list[str]:
    """Calls with the longest ids that are taken, of what a query must escape; the newest first."""
    found = [f"{number:04}".ljust(256, "'") for number in range(LONG_IDS)]
    began = NOW - 30 * 86_400 * SECOND
    told = (
        event("ring", leg, began - number * SECOND, account="pedantic", caller="1", callee="2")
        for number, leg in enumerate(found)
    )
    tell(settings, *([each] for each in told))
    return found


def test_the_file_has_calls_with_the_longest_ids(
    long_ids: list[str], enter: Callable[[str], FlaskClient]
) -> None:
    browser = enter(OPERATOR)
    rows = csv.DictReader(io.StringIO(text_of(browser.get("/calls.csv?account=pedantic"))))
    assert [row["call_id"] for row in rows] == long_ids
    assert text_of(browser.get("/calls?account=pedantic")).count("<tr>") == 1 + MANY
