"""What commands say, and with which status they end, when their output can't be written."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

from callweave.commands import audit
from tests.kit.commands import callweave

FULL = "callweave: No space left on device: make room for what this command prints and keeps.\n"
AUDIT = """
import sys
from unittest.mock import patch
from callweave import cli
from callweave.commands import audit
from operations.audit.examine import Report

sys.argv = ["callweave", "audit"]
with patch.object(audit, "examine", lambda *_, **__: Report()):
    cli.main()
"""
"""An audit that finds nothing wrong, whatever runs here."""
DIALLED = """
from callweave.commands import dial
from provider.dialling import Outcome
from provider.rest.models import Dialled
from runtime.settings import Settings

dial._report(Outcome(Dialled(call_id="1612857945.175", call_api_id="1"), published={published}), Settings())
"""
"""The end of `callweave dial`, once a call was started."""


def printing_to(out: int, *command: str) -> tuple[int, str]:
    result = subprocess.run(
        [sys.executable, *command], stdout=out, stderr=subprocess.PIPE, text=True, check=False
    )
    return result.returncode, result.stderr


@pytest.mark.parametrize("arguments", [("--help",), ("settings",), ("schemas", "--help")], ids=" ".join)
def test_a_full_disk_is_one_sentence(arguments: tuple[str, ...]) -> None:
    with Path("/dev/full").open("wb") as full:
        assert printing_to(full.fileno(), "-m", "callweave", *arguments) == (1, FULL)


def test_an_audit_that_can_not_be_printed_does_not_say_that_something_is_missing() -> None:
    with Path("/dev/full").open("wb") as full:
        assert printing_to(full.fileno(), "-c", AUDIT) == (3, FULL)


def test_nor_does_one_whose_reader_has_gone() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        assert printing_to(writer, "-c", AUDIT) == (3, "")
    finally:
        os.close(writer)


def test_nor_does_one_that_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(audit, "examine", interrupted)
    result = callweave("audit")
    assert (result.returncode, result.stdout) == (3, "")
    assert result.stderr == "callweave: interrupted: nothing is known.\n"


@pytest.mark.parametrize(("published", "status"), [(True, 0), (False, 3)], ids=["published", "not published"])
def test_a_call_that_was_started_is_never_one_that_was_not(*, published: bool, status: int) -> None:
    """Exit status 1 would have a script start it once more."""
    with Path("/dev/full").open("wb") as full:
        ended, said = printing_to(full.fileno(), "-c", DIALLED.format(published=published))
    assert ended == status
    assert "Traceback" not in said
