"""What people see while ClickHouse or Kafka is away, refuses or says nothing; the console lives on."""

from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING, Any

import pytest
from clickhouse_driver.errors import ServerException
from kafka.errors import NodeNotReadyError

from console.app import create
from console.server import assemble
from console.works import DEFECT, Works
from ingest.spool import Spool
from runtime import sources, topics
from runtime.clickhouse import connected
from sinks.migrate import migrate
from tests.console.conftest import token
from tests.kit.spool import append
from tests.servers import NO_KAFKA, clickhouse_node, eventually, new_settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flask.testing import FlaskClient

    from compose.embedded.clickhouse.node import ClickHouseNode
    from runtime.settings import Settings

pytestmark = pytest.mark.server

SHELLS = ("/", "/wallboard")
"""Pages that ask for their figures afterwards."""
PAGES = (
    "/now.json",
    "/calls",
    "/calls.csv",
    "/call?account=acme&id=x",
    "/reports",
    "/reports?view=service_level",
    "/sources",
    "/source/pbx",
    "/source/pbx/first",
    "/callback?id=x",
    "/health",
)
BY_THE_BOARD = ("/now.json",)
"""Whose thread does not run here."""
NOTHING_THERE = ("/call?account=acme&id=x", "/callback?id=x")
FORMS = ("/source/pbx/redrive",)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseNode]:
    """One that may be stopped."""
    with clickhouse_node(tmp_path_factory.mktemp("away")) as started:
        yield started


@pytest.fixture(scope="module")
def settings(node: ClickHouseNode, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    made = new_settings(NO_KAFKA, node.address, tmp_path_factory.mktemp("settings"))
    sources.add(made.sources_file, "pbx", "acme", "common-api", "UTC")
    return made


@pytest.fixture(autouse=True)
def nobody_waits_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("console.board.FIRST_SECONDS", 0.1)
    await_listener = topics.await_listener
    monkeypatch.setattr(topics, "await_listener", lambda kafka, _: await_listener(kafka, 0.1))


def statuses(browser: FlaskClient, word: str = "") -> dict[str, int]:
    """What each page is answered with; a page that is not shown says why."""
    found = {}
    for path in (*SHELLS, *PAGES):
        answer = browser.get(path)
        text = answer.get_data(as_text=True)
        found[path] = answer.status_code
        assert "Traceback" not in text
        if answer.status_code == 503 and path not in BY_THE_BOARD:
            assert word in text, (path, text)
    given = {"csrf": token(browser, "/sources/new")}
    for path in FORMS:
        found[path] = browser.post(path, data=given).status_code
    return found


def trouble_of(works: Works[Any]) -> str:
    def ended() -> bool:
        return works.last is not None and not works.last.running

    eventually(ended, f"the {works.name} has ended")
    assert works.last is not None
    return works.last.trouble


def test_the_console_outlives_its_servers(node: ClickHouseNode, settings: Settings) -> None:
    migrate(settings)
    here = assemble(settings)
    browser = create(here).test_client()
    there = statuses(browser)
    assert {path: status for path, status in there.items() if status != 200} == dict.fromkeys(
        BY_THE_BOARD, 503
    ) | dict.fromkeys(NOTHING_THERE, 404)
    csrf = {"csrf": token(browser, "/sources/new")}
    assert browser.post("/health/audit", data=csrf).status_code == 302
    assert "Kafka at 127.0.0.1:1 does not answer" in trouble_of(here.audits)

    node.stop()
    away = statuses(browser, f"ClickHouse at {node.address} does not answer")
    assert away == dict.fromkeys(SHELLS, 200) | dict.fromkeys((*PAGES, *FORMS), 503)
    assert "Stages" in browser.get("/health").get_data(as_text=True)
    for path, works in (("/health/audit", here.audits), ("/source/pbx/redrive", here.redrives)):
        browser.post(path, data={**csrf, "really": "1"})
        assert "does not answer" in trouble_of(works)
    assert "does not answer" in browser.get("/source/pbx/redrive").get_data(as_text=True)
    unknown = create(assemble(settings)).test_client()  # nobody has looked since it began
    for path in ("/", *PAGES):
        answer = unknown.get(path)
        assert answer.status_code == 503
        text = answer.get_data(as_text=True)
        assert "does not answer" in text
        assert ("<h2>Stages</h2>" in text) == (path == "/health")

    node.start()
    assert statuses(browser) == there


def test_health_tells_what_waits_in_the_spool(settings: Settings, tmp_path: Path) -> None:
    def shown(data: Path) -> str:
        browser = create(assemble(settings.model_copy(update={"data": data}))).test_client()
        return browser.get("/health").get_data(as_text=True)

    here, unreadable = tmp_path / "here", tmp_path / "unreadable"
    spool = Spool(here / "spool", 1 << 20)
    for _ in range(3):
        append(spool, "t", b"{}", [])
    assert "3 callbacks" in shown(here)
    unreadable.mkdir()
    (unreadable / "spool").write_text("a file where the folder belongs")
    assert "may not read the ingress’s spool" in shown(unreadable)


def test_a_clickhouse_that_refuses_is_not_quoted(node: ClickHouseNode, settings: Settings) -> None:
    migrate(settings)
    here = assemble(settings)
    browser = create(here).test_client()
    assert browser.get("/calls").status_code == 200
    with connected(settings.clickhouse) as client:
        client.execute("DROP VIEW calls")
        client.execute("CREATE VIEW calls AS SELECT throwIf(1, 'a secret number') AS account, account AS day")
    for path in ("/calls", "/calls.csv"):
        answer = browser.get(path)
        assert answer.status_code in {403, 503}
        assert "secret" not in answer.get_data(as_text=True)


def test_a_clickhouse_that_says_nothing_is_waited_for_only_so_long(settings: Settings) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silently = {"port": silent.getsockname()[1], "query_timeout_seconds": 0.2}
        server = settings.clickhouse.model_copy(update=silently)
        browser = create(assemble(settings.model_copy(update={"clickhouse": server}))).test_client()
        answer = browser.get("/calls")
    assert answer.status_code == 503
    assert "does not answer" in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (NodeNotReadyError(), "Kafka at 127.0.0.1:1 does not answer (NodeNotReadyError)"),
        (ServerException("a secret number", 241), "ClickHouse refuses what this page asks (code 241)"),
        (ServerException("a secret number", 159), "ClickHouse has not answered in time"),
        (PermissionError(13, "Permission denied", "sources.toml"), "sources.toml: Permission denied"),
        (ZeroDivisionError("a defect"), DEFECT),
    ],
    ids=lambda each: type(each).__name__,
)
def test_a_work_that_fails_says_why_and_another_may_begin(
    settings: Settings, error: Exception, words: str
) -> None:
    works: Works[int] = Works("count", settings)

    def fail(tell: Callable[[int], None]) -> int:
        tell(1)
        raise error

    assert works.start(0, fail)
    assert words in trouble_of(works)
    assert works.last is not None
    assert works.last.known == 1
    assert works.start(5, lambda _: 6)
    assert trouble_of(works) == ""
    assert works.last.known == 6


def test_one_work_runs_at_a_time(settings: Settings) -> None:
    works: Works[str] = Works("wait", settings)
    go_on = threading.Event()

    def wait(tell: Callable[[str], None]) -> str:
        tell("half way")
        go_on.wait()
        return "done"

    assert works.start("begun", wait)
    assert not works.start("another", wait)
    assert works.last is not None
    eventually(lambda: works.last is not None and works.last.known == "half way", "it is half way")
    assert works.last.running
    go_on.set()
    assert trouble_of(works) == ""
    assert works.last.known == "done"
