"""The requests and answers of the API. Fields that the documents don't name are kept."""

from __future__ import annotations

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator

VARIABLE = re.compile(r"\$cv\(\{[^{}]+\}\)")
"""A client's variable in place of a value (document 004); the provider fills in the value."""
DTMF = re.compile(r"[0-9*#Ww]+")


class Answer(BaseModel):
    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)


class Event(Answer):
    """A subscription: where the provider sends which event of an extension (document 003)."""

    id: int | str
    url: str = Field(repr=False)
    event_type: str
    method: str


class Limits(Answer):
    """How many events may be monitored; None if the provider doesn't say.

    Document 003 says that `/limit/` returns it, and leaves its fields to another document: these names,
    and the place under `/client/{client_id}/`, are assumed.
    """

    extension_events: int | None = None
    """For one extension."""
    client_events: int | None = None
    """For all extensions of the client together."""


class Dialled(Answer):
    call_id: str = Field(min_length=1, max_length=256)
    """Identifies the call in events (`CallBackID`) and in the call history (`call_uuid`)."""
    call_api_id: str = Field(min_length=1, max_length=256)
    """For managing the call (`CallAPIID`)."""

    @field_validator("call_id", "call_api_id", mode="before")
    @classmethod
    def _number_or_text(cls, value: object) -> object:
        return str(value) if type(value) is int else value


def _variable(text: str) -> str:
    if not VARIABLE.fullmatch(text):
        raise ValueError("must be a value, or a variable as in $cv({NAME})")
    return text


def _dtmf(text: str) -> str:
    if not DTMF.fullmatch(text) and not VARIABLE.fullmatch(text):
        raise ValueError("may only contain 0123456789*#Ww, or be a variable as in $cv({NAME})")
    return text


Variable = Annotated[str, AfterValidator(_variable)]
Text = Annotated[str, Field(min_length=1)]
Number = Annotated[int, Field(ge=0)] | Variable
Flag = bool | Variable


class CallbackRequest(BaseModel):
    """The call to start: the options of document 004, each also as a variable, `$cv({NAME})`."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, use_attribute_docstrings=True, strict=True
    )

    dst_num: Text
    """Number to call once the origin has picked up; queues and IVRs may be called."""
    src_num: Annotated[list[Text], Field(min_length=1)]
    """Number to call first; of several, the one that picks up first."""
    allow_public_transfer: Flag | None = None
    """Whether a call to an external number may be transferred."""
    announce_sound_id: Number | None = None
    """Sound to play to the origin before the destination is called."""
    call_duration: Number | None = None
    """Longest duration of the call, in seconds."""
    caller_id_name: Text | None = None
    """Caller's name; default: the extension's own."""
    caller_id_number: Text | None = None
    """Caller's number; default: the extension's own."""
    src_ani: Text | None = None
    """External number of yours to show to origins outside."""
    dst_ani: Text | None = None
    """External number of yours to show to a destination outside."""
    dst_announce_sound_id: Number | None = None
    """Sound for everybody once the destination picks up."""
    dst_dtmf: Annotated[str, AfterValidator(_dtmf)] | None = None
    """Tones to send once the destination answers: 0-9 * #, W waits a second, w half a second."""
    src_caller_id_name: Text | None = None
    """Caller's name shown to origins."""
    src_caller_id_number: Text | None = None
    """Caller's number shown to origins."""
    transfer_after_dst_hangup: Text | None = None
    """Number that the origin is transferred to when the destination hangs up."""
    transfer_after_src_hangup: Text | None = None
    """Number that the destination is transferred to when the origin hangs up."""
    callback_rate_limit: Annotated[int, Field(ge=0, le=100)] | Variable | None = None
    """Percentage of the client's call limit to leave to other calls; 100 always declines."""
    wait_for_pickup: Number | None = None
    """Longest ringing of either side, in seconds."""
    variables: dict[Text, str] | None = None
    """Per-call variables; the one called tag appears as Tag in the call's events."""

    def fields(self) -> dict[str, Any]:
        """The fields to send: only those that were given."""
        return self.model_dump(exclude_none=True)
