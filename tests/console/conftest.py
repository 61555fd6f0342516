"""The console's application on a ClickHouse whose people have roles, with a day of calls in it."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from console.app import create
from console.server import assemble
from runtime.stage import Heart
from sinks.migrate import migrate
from tests.conftest import say_not_run
from tests.console import stack
from tests.console.stack import CHROMIUM, PASSWORD
from tests.servers import NO_KAFKA

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flask.testing import FlaskClient

    from compose.embedded.clickhouse.node import ClickHouseNode
    from console.context import Console
    from runtime.settings import Settings

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseNode]:
    with stack.clickhouse(tmp_path_factory.mktemp("console")) as started:
        yield started


@pytest.fixture(scope="module")
def settings(node: ClickHouseNode, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """With empty tables; everybody signs in."""
    made = stack.settings_of(NO_KAFKA, node, tmp_path_factory.mktemp("settings"))
    stack.empty(node)
    migrate(made)
    return made


@pytest.fixture(scope="module")
def here(settings: Settings) -> Iterator[Console]:
    """Its board is read while the tests run."""
    console = assemble(settings)
    stopping = threading.Event()
    board = threading.Thread(target=console.board.run, args=(stopping, Heart()))
    board.start()
    yield console
    stopping.set()
    board.join()


@pytest.fixture(scope="module")
def enter(here: Console) -> Callable[[str], FlaskClient]:
    """Sign a user in."""
    app = create(here)

    def signed_in(user: str) -> FlaskClient:
        browser = app.test_client()
        given = {"user": user, "password": PASSWORD, "csrf": token(browser, "/sign-in")}
        assert browser.post("/sign-in", data=given).status_code == 302
        return browser

    return signed_in


def token(browser: FlaskClient, path: str = "/") -> str:
    """That of a form on a page."""
    found = TOKEN.search(browser.get(path).get_data(as_text=True))
    assert found is not None, path
    return found[1]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "browser: needs chromium")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanting = [item for item in items if item.get_closest_marker("browser")]
    if wanting and CHROMIUM is None:
        config.hook.pytest_deselected(items=wanting)
        items[:] = [item for item in items if item not in wanting]
        say_not_run(config, f"not run, there is no chromium: {len(wanting)} tests of {wanting[0].path.name}")
