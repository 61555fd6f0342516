"""Every sample of the provider documents, in every shape, through the whole running stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from runtime import sources
from tests.pipeline import Pipeline
from tests.rows import count, select, until
from tests.samples import CALLS, MESSAGES, SHAPES, in_shape
from tests.servers import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from tests.samples import Request


def send(url: str, request: Request) -> httpx.Response:
    if request.method == "GET":
        return httpx.get(f"{url}?{request.payload.decode()}", timeout=60)
    return httpx.post(
        url, content=request.payload, headers={"Content-Type": request.content_type}, timeout=60
    )


def test_every_sample_in_every_shape_becomes_its_row(stack_settings: Settings, tmp_path: Path) -> None:
    expected = {}
    requests: list[list[tuple[str, Request]]] = []
    for number, call in enumerate(CALLS):
        for shape in SHAPES:
            account = f"call-{number}.{shape}"
            token = sources.add(stack_settings.sources_file, account, account, call.dialect, call.timezone)
            expected[account] = call
            requests.append([(token, in_shape(fields, shape)) for fields in call.payloads])
    sent = sum(map(len, requests))
    url = f"http://127.0.0.1:{stack_settings.ingest.port}/callbacks/"
    with Pipeline(stack_settings, tmp_path), ThreadPoolExecutor(8) as pool:

        def send_one_after_the_other(call: list[tuple[str, Request]]) -> list[httpx.Response]:
            return [send(url + token, request) for token, request in call]

        answers = [each for some in pool.map(send_one_after_the_other, requests) for each in some]
        assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
        until(stack_settings, "SELECT uniqExact(arrayJoin(callback_ids)) FROM call_events", sent)
        until(stack_settings, "SELECT count() FROM calls", len(expected))
        for account, call in expected.items():

            def row_is_right(account: str = account, row: dict[str, object] = call.row) -> bool:
                (found,) = select(stack_settings, "SELECT * FROM calls WHERE account = %(a)s", {"a": account})
                return {name: found[name] for name in row} == row

            eventually(row_is_right, f"the row of {account}", patience=30)
        assert count(stack_settings, "SELECT count() FROM callbacks") == sent
        assert count(stack_settings, "SELECT count() FROM callbacks WHERE status = 'rejected'") == 0


def test_messages_are_archived_and_are_neither_calls_nor_errors(
    stack_settings: Settings, tmp_path: Path
) -> None:
    token = sources.add(stack_settings.sources_file, "pbx", "acme", "extension-events", "UTC")
    url = f"http://127.0.0.1:{stack_settings.ingest.port}/callbacks/{token}"
    with Pipeline(stack_settings, tmp_path):
        for message in MESSAGES:
            for shape in SHAPES:
                assert send(url, in_shape(message, shape)).status_code == 200
        sent = len(MESSAGES) * len(SHAPES)
        until(stack_settings, "SELECT count() FROM callbacks", sent)
        of_messages = "SELECT sum(length(callback_ids)) FROM call_events WHERE kind = 'message'"
        until(stack_settings, of_messages, sent)
        assert count(stack_settings, "SELECT count() FROM calls") == 0
        assert count(stack_settings, "SELECT count() FROM callbacks WHERE status = 'rejected'") == 0
