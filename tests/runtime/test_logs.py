from __future__ import annotations

import json
import logging
import re
import warnings
from typing import TYPE_CHECKING, Any, Literal

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st

from runtime.logs import CHATTY, MASK, Repetition, configure, mask
from runtime.settings import LogSettings

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = "wX3-secret-token_9"
NUMBER = "87847569524"


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logging is the process's: put it back."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    levels = {name: logging.getLogger(name).level for name in CHATTY}
    yield
    logging.captureWarnings(capture=False)
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    structlog.reset_defaults()


def start(
    level: Literal["debug", "info", "warning", "error"] = "info",
    form: Literal["auto", "console", "json"] = "json",
) -> None:
    configure(LogSettings(level=level, format=form), "normalize")


def entries(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    captured = capsys.readouterr()
    assert captured.out == ""
    return [json.loads(line) for line in captured.err.splitlines()]


def test_an_entry_is_one_line_of_json_with_time_level_stage_and_event(
    capsys: pytest.CaptureFixture[str],
) -> None:
    start()
    structlog.get_logger("ours").info("batch done", rows=3, text="two\nlines")
    (entry,) = entries(capsys)
    assert list(entry)[:4] == ["time", "level", "stage", "event"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", entry.pop("time"))
    assert entry == {
        "level": "info",
        "stage": "normalize",
        "event": "batch done",
        "logger": "ours",
        "rows": 3,
        "text": "two\nlines",
    }


def test_the_standard_library_is_logged_the_same_way(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    logging.getLogger("some.library").warning("broker %s is gone", 3)
    (entry,) = entries(capsys)
    assert (entry["event"], entry["level"], entry["stage"]) == ("broker 3 is gone", "warning", "normalize")
    assert entry["logger"] == "some.library"


def test_warnings_are_logged(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        logging.captureWarnings(capture=True)
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    assert "DeprecationWarning: old" in entries(capsys)[0]["event"]


@pytest.mark.parametrize("name", ["faust", "mode", "aiokafka", "kafka"])
@pytest.mark.parametrize("level", ["debug", "info", "warning", "error"])
def test_chatty_libraries_do_not_even_build_what_is_not_written(
    name: str, level: Literal["debug", "info", "warning", "error"]
) -> None:
    start(level)
    logger = logging.getLogger(name)
    assert logger.level >= logging.WARNING  # its own, not an inherited one
    assert not logging.getLogger(f"{name}.deeper").isEnabledFor(logging.INFO)
    assert logger.isEnabledFor(logging.ERROR)


def test_below_the_level_nothing_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    start("warning")
    structlog.get_logger("ours").info("quiet")
    logging.getLogger("library").info("quiet")
    structlog.get_logger("ours").warning("loud")
    assert [entry["event"] for entry in entries(capsys)] == ["loud"]


def test_configured_twice_it_writes_once(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    start()
    structlog.get_logger("ours").info("once")
    assert len(entries(capsys)) == 1


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "token_sha256",
        "caller",
        "callee",
        "CallerIDNum",
        "CalledNumber",
        "display_number",
        "disnumber",
        "extnumber",
        "recording",
        "recordingurl",
        "RecID",
        "sasl_password",
        "Authorization",
        "payload",
        "callback_url",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_values_under_secret_names_are_masked(
    capsys: pytest.CaptureFixture[str], name: str, form: Literal["json", "console"]
) -> None:
    start(form=form)
    structlog.get_logger("ours").warning("oops", **{name: NUMBER}, nested=[{name: {"deeper": NUMBER}}])
    logging.getLogger("library").warning("oops", extra={name: NUMBER})
    text = capsys.readouterr().err
    assert NUMBER not in text
    assert MASK in text


def test_a_token_inside_a_text_is_masked(capsys: pytest.CaptureFixture[str]) -> None:
    start()
    logging.getLogger("werkzeug").warning('"POST /callbacks/%s?a=1 HTTP/1.1" 200', TOKEN)
    structlog.get_logger("ours").warning(f"GET http://x/callbacks/{TOKEN}", url=f"/callbacks/{TOKEN}")
    first, second = entries(capsys)
    assert first["event"] == '"POST /callbacks/***?a=1 HTTP/1.1" 200'
    assert (second["event"], second["url"]) == ("GET http://x/callbacks/***", "/callbacks/***")


def secretive(token: str) -> None:
    local = f"in a local variable: {NUMBER}"
    raise ValueError(f"/callbacks/{token} failed, {len(local)}")


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_show_no_local_variables_and_no_tokens(
    capsys: pytest.CaptureFixture[str], form: Literal["json", "console"]
) -> None:
    start(form=form)
    try:
        secretive(TOKEN)
    except ValueError:
        structlog.get_logger("ours").exception("failed")
        logging.getLogger("library").exception("failed")
    text = capsys.readouterr().err
    assert text.count("ValueError: /callbacks/*** failed") == 2
    assert NUMBER not in text
    assert TOKEN not in text


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@given(JSON)
def test_masking_never_fails_and_never_changes_what_it_is_given(value: Any) -> None:
    entry = {"event": "x", "value": value, "caller": value}
    before = repr(entry)
    masked = mask(None, "info", entry)
    assert repr(entry) == before
    assert masked["event"] == "x"
    assert masked["caller"] == (value if value is None or isinstance(value, bool) else MASK)


@pytest.mark.parametrize("value", [2**70, float("nan"), b"\xff", object, {1: 2}, {("a", 1)}, "\ud800"])
def test_nothing_that_is_logged_breaks_the_log(capsys: pytest.CaptureFixture[str], value: Any) -> None:
    start()
    structlog.get_logger("ours").warning("odd", value=value)
    (entry,) = entries(capsys)
    assert entry["event"] == "odd"


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    now = 0.0
    repetition = Repetition(monotonic=lambda: now)

    def heard(name: str, words: str, *values: object) -> bool:
        return repetition.filter(logging.LogRecord(name, logging.ERROR, "", 0, words, values, None))

    assert heard("aiokafka.conn", "no connection to %s", "a:1")
    assert not heard("aiokafka.conn", "no connection to %s", "b:2")
    assert heard("aiokafka.conn", "something else")
    assert heard("aiokafka.client", "no connection to %s", "a:1")
    assert all(heard("ingest.publisher", "ours are all written") for _ in range(3))
    now = 10.0
    assert heard("aiokafka.conn", "no connection to %s", "a:1")
