"""Tests that need a Docker daemon: where there is none they are taken out, and the summary says so."""

from __future__ import annotations

import gc
import warnings
from typing import TYPE_CHECKING

import docker
from docker.errors import DockerException

from tests.conftest import say_not_run

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pytest


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "docker: needs a Docker daemon")


def why_no_daemon() -> str | None:
    """Why Docker can't be used here; None where it can. A `docker` command without a daemon is common."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        reason = _ask_daemon()
        gc.collect()  # the client leaves a socket open when it finds no daemon
        return reason


def _ask_daemon() -> str | None:
    try:
        client = docker.from_env()
        try:
            client.ping()
        finally:
            client.close()
    except DockerException as error:
        return f"no Docker daemon answers ({type(error).__name__})"
    return None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanting = [item for item in items if item.get_closest_marker("docker")]
    if wanting and (reason := why_no_daemon()):
        config.hook.pytest_deselected(items=wanting)
        items[:] = [item for item in items if item not in wanting]
        say_not_run(config, f"not run, {reason}: {_names(wanting)}")


def _names(items: Sequence[pytest.Item]) -> str:
    return ", ".join(item.nodeid for item in items)
