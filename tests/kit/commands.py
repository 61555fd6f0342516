"""Run `callweave` as people do, but within this process: a process of its own takes a second to start."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NamedTuple
from unittest.mock import patch

import pytest
from click.testing import CliRunner

from callweave import cli
from tests.pipeline import environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from runtime.settings import Settings


class Ran(NamedTuple):
    """What a command printed, and its exit status."""

    returncode: int
    stdout: str
    stderr: str


def callweave(*arguments: str, env: Mapping[str, str] | None = None, given: str | None = None) -> Ran:
    """Run a command with these variables besides the environment's; `given` is its standard input."""
    with (
        CliRunner().isolation(input=given, env=env) as (out, err, _),
        patch.object(sys, "argv", ["callweave", *arguments]),
        pytest.raises(SystemExit) as ended,
    ):
        cli.main()
    code = ended.value.code
    return Ran(
        code if isinstance(code, int) else int(code is not None),
        out.getvalue().decode(),
        err.getvalue().decode(),
    )


def ran(settings: Settings, *arguments: str, given: str | None = None) -> Ran:
    """Run a command with these settings."""
    return callweave(*arguments, env=environment(settings), given=given)
