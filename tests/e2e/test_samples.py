"""Every sample of the provider documents, in every shape, through the whole running stack."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import httpx

from runtime import sources
from tests.kit.sources import add_all
from tests.pipeline import Pipeline
from tests.rows import count, select, until
from tests.samples import CALLS, MESSAGES, SHAPES, in_shape
from tests.servers import NO_TLS, eventually

if TYPE_CHECKING:
    from pathlib import Path

    from runtime.settings import Settings
    from tests.samples import Request


def send(client: httpx.Client, url: str, request: Request) -> httpx.Response:
    if request.method == "GET":
        return client.get(f"{url}?{request.payload.decode()}")
    return client.post(url, content=request.payload, headers={"Content-Type": request.content_type})


def test_every_sample_in_every_shape_becomes_its_row(stack_settings: Settings, tmp_path: Path) -> None:
    sent_as = {f"call-{n}.{shape}": (call, shape) for n, call in enumerate(CALLS) for shape in SHAPES}
    tokens = add_all(
        stack_settings.sources_file,
        {name: (call.dialect, call.timezone) for name, (call, _) in sent_as.items()},
    )
    sent = sum(len(call.payloads) for call, _ in sent_as.values())
    url = f"http://127.0.0.1:{stack_settings.ingest.port}/callbacks/"
    with (
        Pipeline(stack_settings, tmp_path),
        httpx.Client(timeout=60, verify=NO_TLS) as client,
        ThreadPoolExecutor(8) as pool,
    ):

        def send_one_after_the_other(account: str) -> list[httpx.Response]:
            call, shape = sent_as[account]
            return [send(client, url + tokens[account], in_shape(each, shape)) for each in call.payloads]

        answers = [each for some in pool.map(send_one_after_the_other, sent_as) for each in some]
        assert {answer.status_code for answer in answers} == {200}, {answer.text for answer in answers}
        until(stack_settings, "SELECT uniqExact(arrayJoin(callback_ids)) FROM call_events", sent)
        until(stack_settings, "SELECT count() FROM calls", len(sent_as))
        wrong: dict[str, object] = {}

        def all_are_right() -> bool:
            found = {row["account"]: row for row in select(stack_settings, "SELECT * FROM calls")}
            wrong.clear()
            for account, (call, _) in sent_as.items():
                row = {name: found[account][name] for name in call.row}
                if row != call.row:
                    wrong[account] = row
            return not wrong

        eventually(all_are_right, lambda: f"no row is wrong: {wrong}")
        assert count(stack_settings, "SELECT count() FROM callbacks") == sent
        assert count(stack_settings, "SELECT count() FROM callbacks WHERE status = 'rejected'") == 0


def test_messages_are_archived_and_are_neither_calls_nor_errors(
    stack_settings: Settings, tmp_path: Path
) -> None:
    token = sources.add(stack_settings.sources_file, "pbx", "acme", "extension-events", "UTC")
    url = f"http://127.0.0.1:{stack_settings.ingest.port}/callbacks/{token}"
    with Pipeline(stack_settings, tmp_path), httpx.Client(timeout=60, verify=NO_TLS) as client:
        for message in MESSAGES:
            for shape in SHAPES:
                assert send(client, url, in_shape(message, shape)).status_code == 200
        sent = len(MESSAGES) * len(SHAPES)
        until(stack_settings, "SELECT count() FROM callbacks", sent)
        of_messages = "SELECT sum(length(callback_ids)) FROM call_events WHERE kind = 'message'"
        until(stack_settings, of_messages, sent)
        assert count(stack_settings, "SELECT count() FROM calls") == 0
        assert count(stack_settings, "SELECT count() FROM callbacks WHERE status = 'rejected'") == 0
