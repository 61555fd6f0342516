"""The console's application on a database of the test's own, with its board running."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING

import pytest

from console.app import create
from console.server import assemble
from runtime.stage import Heart

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flask.testing import FlaskClient

    from console.context import Console
    from runtime.settings import Settings

TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


@pytest.fixture
def here(store_settings: Settings) -> Iterator[Console]:
    """Its board is read while the test runs."""
    console = assemble(store_settings)
    stopping = threading.Event()
    board = threading.Thread(target=console.board.run, args=(stopping, Heart()))
    board.start()
    yield console
    stopping.set()
    board.join()


@pytest.fixture
def browser(here: Console) -> FlaskClient:
    """One that nobody needs to sign in with."""
    app = create(here)
    app.testing = True
    return app.test_client()


def token(browser: FlaskClient, path: str = "/sources/new") -> str:
    """That of a form on a page."""
    found = TOKEN.search(browser.get(path).get_data(as_text=True))
    assert found is not None, path
    return found[1]
