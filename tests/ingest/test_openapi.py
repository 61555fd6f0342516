"""The running ingress against its OpenAPI document: every request has one of the answers that stand there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import schemathesis
from hypothesis import given
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.ingest.conftest import new_settings, new_token, running, spooled
from tests.scale import examples
from tests.schemas.published import PUBLISHED
from tests.servers import NO_KAFKA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from requests import PreparedRequest

    from runtime.settings import Settings
    from tests.ingest.conftest import Ingress

pytestmark = pytest.mark.server  # the ingress is a process

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
CONTRACT = schemathesis.openapi.from_path(PUBLISHED / "openapi.json")
OPERATIONS = {
    str(found.ok().method): found.ok() for found in CONTRACT.get_all_operations() if isinstance(found, Ok)
}


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Ingress, Settings, str]]:
    """An ingress that keeps everything in its spool."""
    folder = tmp_path_factory.mktemp("openapi")
    settings = new_settings(NO_KAFKA, folder)
    token = new_token(settings)
    with running(settings, folder) as ingress:
        yield ingress, settings, token


def payload_and_query(request: PreparedRequest) -> tuple[bytes, bytes]:
    """What must be kept of a request."""
    body = request.body or b""
    payload = body.encode() if isinstance(body, str) else body
    assert isinstance(payload, bytes)
    query = str(request.url).partition("?")[2].encode()
    return (payload, query) if request.method == "POST" or payload else (query, b"")


@pytest.mark.parametrize("mode", GenerationMode)
@pytest.mark.parametrize("method", OPERATIONS)
def test_whatever_the_document_allows_or_not_has_an_answer_that_it_names(
    served: tuple[Ingress, Settings, str], method: str, mode: GenerationMode
) -> None:
    """No 500; and what is answered with `accepted` is kept once, as it was sent."""
    ingress, settings, token = served
    accepted: dict[str, tuple[bytes, bytes]] = {}
    before = spooled(settings).keys()

    @given(st.data())
    @examples(40, 2_000)
    def ask(data: st.DataObject) -> None:
        case = data.draw(OPERATIONS[method].as_strategy(generation_mode=mode))
        if data.draw(st.integers(0, 9)):
            case.path_parameters["token"] = token
        answer = case.call(base_url=ingress.url)
        case.validate_response(answer, checks=CHECKS)
        if answer.status_code == 200 and method != "head" and answer.json()["status"] == "accepted":
            accepted[answer.json()["id"]] = payload_and_query(answer.request)

    ask()
    kept = {id_: (each.payload, each.query) for id_, each in spooled(settings).items() if id_ not in before}
    assert {id_: kept.get(id_) for id_ in accepted} == accepted
