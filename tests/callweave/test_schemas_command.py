from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from click.testing import CliRunner

from callweave.cli import group

if TYPE_CHECKING:
    from pathlib import Path

TEXTS = {"schemas/json/event.json": "{}\n", "schemas/asyncapi.yaml": "asyncapi: 3.0.0 # ä\n"}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder to write to, and documents that are short."""
    monkeypatch.setattr("schemas.documents.render", lambda: TEXTS)
    return tmp_path


def invoke(folder: Path, command: str) -> tuple[int, str]:
    result = CliRunner().invoke(group, ["schemas", command, "--folder", str(folder)])
    return result.exit_code, result.output


def test_what_was_written_passes_the_check_and_is_not_written_again(run: Path) -> None:
    assert invoke(run, "write") == (0, "wrote schemas/json/event.json\nwrote schemas/asyncapi.yaml\n")
    assert {name: (run / name).read_text("utf-8") for name in TEXTS} == TEXTS
    assert invoke(run, "check") == (0, "")
    assert invoke(run, "write") == (0, "")


def test_each_document_that_is_missing_or_stale_is_said(run: Path) -> None:
    invoke(run, "write")
    (run / "schemas/json/event.json").write_text("old")
    assert invoke(run, "check") == (
        1,
        "callweave: schemas/json/event.json is out of date: run `callweave schemas write`.\n",
    )
    (run / "schemas/asyncapi.yaml").unlink()
    code, output = invoke(run, "check")
    assert (code, output.count("out of date")) == (1, 2)
