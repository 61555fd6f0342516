"""The OpenAPI document against the code that answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from ingest import answers
from schemas.documents.openapi import RETRIED, document

if TYPE_CHECKING:
    from http import HTTPStatus

URL = document()["paths"]["/callbacks/{token}"]
RESPONSES = URL["post"]["responses"]


def test_every_method_and_every_answer_is_there() -> None:
    assert {name.upper() for name in URL} - {"PARAMETERS"} == set(answers.METHODS)
    for method in ("post", "get", "head", "options"):
        assert set(URL[method]["responses"]) == {"200", *(str(int(each)) for each in answers.MESSAGES)}


@pytest.mark.parametrize("status", answers.MESSAGES)
def test_who_shall_come_again_is_told_when(status: HTTPStatus) -> None:
    assert ("Retry-After" in RESPONSES[str(int(status))]["headers"]) == (status in RETRIED)
    assert answers.refusal(status)["status"] == "refused"
