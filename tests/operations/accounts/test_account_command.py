from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
from click.testing import CliRunner

from callweave.cli import group
from runtime.errors import CallweaveError
from tests.pipeline import environment

if TYPE_CHECKING:
    import pytest

    from runtime.settings import Settings


def test_what_is_not_given_stays_as_it_is(store_settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment(store_settings).items():
        monkeypatch.setenv(name, value)
    run = CliRunner()
    for arguments in (
        ["acme", "--timezone", "Asia/Shanghai"],
        ["acme", "--service-level-seconds", "30"],
        ["beta", "--abandon-seconds", "10"],
    ):
        done = run.invoke(group, ["account", "set", *arguments])
        assert done.exit_code == 0, done.output
    listed = run.invoke(group, ["account", "list", "--json"]).output
    assert [orjson.loads(line) for line in listed.splitlines()] == [
        {
            "account": "acme",
            "timezone": "Asia/Shanghai",
            "service_level_seconds": 30.0,
            "abandon_seconds": 5.0,
        },
        {"account": "beta", "timezone": "UTC", "service_level_seconds": 20.0, "abandon_seconds": 10.0},
    ]
    assert "Asia/Shanghai" in run.invoke(group, ["account", "list"]).output
    refused = run.invoke(group, ["account", "set", "acme", "--timezone", "Mars/Olympus"])
    assert isinstance(refused.exception, CallweaveError)
    assert "--timezone must be an IANA time zone" in str(refused.exception)
