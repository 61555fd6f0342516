"""Calls to look at, and what of them nobody may read who did not ask."""

from __future__ import annotations

from html import unescape
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from tests.samples import CALLS

if TYPE_CHECKING:
    from tests.samples import SampleCall

BY_NAME: dict[str, SampleCall] = {call.name: call for call in CALLS}

ANSWERED = BY_NAME["both legs answered, CDR named by uuid"]
A_LEG, B_LEG = ANSWERED.row["legs"]
QUEUE = BY_NAME["a queue call with two agents"]

SECRETS = (
    "2190240001",  # ANSWERED: the number shown, and the CDR's caller
    "87847569524",  # its callee
    "records.example.net",  # its recording
    "9817654321",  # QUEUE: who calls
    "8123092829",  # the number that is called
    "rec-q",  # its recording
)


def betrayed(text: str) -> list[str]:
    """Which secrets can be read in a text, however it spells them."""
    spellings = (text, unquote_plus(text), text.replace("\\/", "/"), unescape(text))
    return [secret for secret in SECRETS if any(secret in each for each in spellings)]
