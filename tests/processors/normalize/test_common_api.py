from __future__ import annotations

from zoneinfo import ZoneInfo

import pytest

from processors.normalize.step import Normalized, normalize
from schemas.calls import call_of
from schemas.events import CallEvent
from tests.kit.callbacks import NOW, event_of, posted, reasons_of, said
from tests.processors.normalize.test_local_time import us, uuid_of
from tests.samples.documents import A_000, B_000, CDR_001, CDR_002, RING_000

ZERO = "00000000-0000-0000-0000-000000000000"


def test_a_status_event_in_full() -> None:
    event = event_of(RING_000)
    assert (event.kind, event.side, event.leg, event.ids) == ("ring", "a", A_000, (A_000, B_000))
    assert (event.occurred_at, event.clock, event.started_at) == (NOW, "ingress", 1_598_598_959_000_000)
    assert event.extra == {"companycode": "9024", "type": "call"}


def test_what_a_cdr_has_no_name_for_stays_as_it_was_written() -> None:
    assert event_of(CDR_002).extra == {
        "id": 263056202,
        "companycode": "9513923",
        "userid": "0",
        "memberid": "0",
        "chengshudu": "0",
        "ext": "0",
        "downloadip": "",
        "userkey": "",
        "round": 0,
    }


@pytest.mark.parametrize(
    ("ids", "leg", "named"),
    [
        ({"isbleg": "false"}, A_000, (A_000, B_000)),
        ({"isbleg": "true"}, B_000, (A_000, B_000)),
        ({"isbleg": True}, B_000, (A_000, B_000)),
        ({"isbleg": ""}, A_000, (A_000, B_000)),
        ({"isbleg": "true", "buuid": ""}, A_000, (A_000,)),
        ({"isbleg": "true", "buuid": ZERO}, A_000, (A_000,)),
        ({"isbleg": "false", "uuid": "0"}, B_000, (B_000,)),
        ({"isbleg": "false", "uuid": None}, B_000, (B_000,)),
        ({"isbleg": "true", "buuid": A_000}, A_000, (A_000,)),
    ],
)
def test_which_leg_a_status_event_is_about(ids: dict[str, object], leg: str, named: tuple[str, ...]) -> None:
    event = event_of({**RING_000, **ids})
    assert (event.leg, event.ids) == (leg, named)


def test_a_side_that_is_not_said_is_not_guessed() -> None:
    event = event_of({**RING_000, "isbleg": "perhaps"})
    assert event.side is None
    assert event.extra["isbleg"] == "perhaps"


def test_numbers_may_be_texts_or_numbers() -> None:
    numbers = {**RING_000, "callee": 87847569524, "caller": 90240005, "method": 3, "starttime": 1598598959}
    assert event_of(numbers) == event_of(RING_000)
    texts = {**CDR_001, "callmethod": "6", "duration": "12", "billsec": "0", "hangupcause": " 10020 "}
    cdr, same = event_of(CDR_001), event_of(texts)
    assert (same.method, same.ring_time, same.talk_time) == (cdr.method, 12_000_000, 0)
    assert same.hangup_cause == cdr.hangup_cause == 10020


@pytest.mark.parametrize(
    ("code", "name"), [("0", "unrestricted"), (4, "api-double"), ("5", "predictive"), ("7", "7"), ("", None)]
)
def test_methods_have_names(code: object, name: str | None) -> None:
    assert event_of({**RING_000, "method": code}).method == name
    assert event_of({**CDR_001, "callmethod": code}).method == name


@pytest.mark.parametrize(
    ("said", "direction"),
    [
        ({"direction": "callin"}, "inbound"),
        ({"direction": "CALLOUT"}, "outbound"),
        ({"direction": "incoming"}, "inbound"),
        ({"direction": "", "type": "callin"}, "inbound"),
        ({"direction": "sideways"}, None),
        ({"direction": "callin", "type": "callout"}, "inbound"),
    ],
)
def test_directions(said: dict[str, object], direction: str | None) -> None:
    assert event_of({**RING_000, **said}).direction == direction


@pytest.mark.parametrize("extension", ["000000", "0", "", 0])
def test_some_extensions_are_none(extension: object) -> None:
    assert event_of({**CDR_001, "extnumber": extension}).extension is None


@pytest.mark.parametrize(
    ("fields", "outcome"),
    [
        ({}, "unanswered"),
        ({"answertime": "2021-02-09 10:00:10"}, "answered"),
        ({"billsec": 3}, "answered"),
        ({"answertime": "0000-00-00 00:00:00"}, "unanswered"),
        ({"answertime": None, "billsec": None}, "unanswered"),
    ],
)
def test_outcome_of_a_cdr(fields: dict[str, object], outcome: str) -> None:
    assert event_of({**CDR_001, **fields}).outcome == outcome


@pytest.mark.parametrize(
    ("fields", "agent"), [({"crmid": "7"}, "7"), ({"crmid": "0", "userid": "8"}, "8"), ({"userid": ""}, None)]
)
def test_agent(fields: dict[str, object], agent: str | None) -> None:
    assert event_of({**CDR_001, **fields}).agent_id == agent


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"taskid": "", "round": 0}, None),
        ({"taskid": "", "round": "2"}, 2),
        ({"taskid": "77", "round": 0}, 0),
        ({"taskid": "77", "round": "3"}, 3),
        ({"taskid": "77", "round": ""}, None),
    ],
)
def test_round_zero_without_a_task_is_none(fields: dict[str, object], expected: int | None) -> None:
    assert event_of({**CDR_002, **fields}).round == expected


@pytest.mark.parametrize(
    ("fields", "recording"),
    [
        ({"recordurl": "https://r.example/1", "recordfilename": "1.wav"}, "https://r.example/1"),
        ({"recordfilename": "1.wav"}, "1.wav"),
        ({"recordfilename": "/a/1.wav", "downloadip": "192.0.2.1"}, "192.0.2.1/a/1.wav"),
        ({"downloadip": "192.0.2.1"}, None),
        ({}, None),
    ],
)
def test_recording(fields: dict[str, object], recording: str | None) -> None:
    event = event_of({**CDR_002, **fields})
    assert event.recording == recording
    if "downloadip" in fields:
        assert event.extra["downloadip"] == fields["downloadip"]


def test_a_cdr_that_names_buuid_alone() -> None:
    event = event_of({**CDR_001, "uuid": "", "buuid": B_000})
    assert (event.ids, event.leg, event.uuid) == ((B_000,), B_000, None)


def test_a_cdr_without_its_end_happened_when_it_came() -> None:
    event = event_of({**CDR_001, "endtime": ""})
    assert (event.ended_at, event.occurred_at, event.clock) == (None, NOW, "ingress")


@pytest.mark.parametrize(
    "name", ["hangupcause", "hangupdirection", "disnumber", "recordurl", "taskid", "extnumber"]
)
@pytest.mark.parametrize("value", [{"a": 1}, ["x"]])
def test_an_unreadable_optional_field_is_kept_apart(name: str, value: object) -> None:
    assert event_of({**CDR_002, name: value}).extra[name] == value


def test_a_text_without_end_is_kept_apart() -> None:
    event = event_of({**RING_000, "customuuid": "x" * 5000})
    assert event.customer_ref is None
    assert event.extra["customuuid"] == "x" * 5000


def test_every_reason_at_once() -> None:
    assert reasons_of({"status": "boom", "starttime": "soon", "buuid": "a\x00b"}).keys() == {
        ("status", "unknown-status"),
        ("buuid", "unprintable"),
    }


def test_a_field_never_costs_a_callback() -> None:
    event = event_of(
        {
            "uuid": "x" * 257,
            "buuid": B_000,
            "starttime": "2021-02-30 10:00:00",
            "answertime": "10:00",
            "endtime": "2221-02-09 10:00:00",
            "duration": -1,
            "billsec": "99999999",
            "hangupcause": "NORMAL_CLEARING",
            "disnumber": ["1"],
            "direction": "sideways",
        }
    )
    assert {doubt.field: doubt.code for doubt in event.doubts} == {
        "uuid": "too-long",
        "starttime": "nonexistent-time",
        "answertime": "malformed-time",
        "endtime": "out-of-range",
        "duration": "out-of-range",
        "billsec": "out-of-range",
        "hangupcause": "malformed-number",
        "disnumber": "malformed-text",
        "direction": "unknown-word",
    }
    assert (event.ids, event.outcome, event.hangup_cause) == ((B_000,), None, None)
    assert event.extra["hangupcause"] == "NORMAL_CLEARING"
    assert CallEvent.from_json(event.to_json()) == event


def test_what_the_documents_send_is_in_no_doubt() -> None:
    ring = posted(RING_000, received_at=1_598_598_960_000_000)
    assert not any(event_of(sample).doubts for sample in (ring, CDR_001, CDR_002))


@pytest.mark.parametrize(
    ("status", "seconds", "held_back"),
    [("ring", 60, False), ("ring", 200, True), ("answer", 200, False), ("answer", 900, True)],
)
def test_a_status_that_the_provider_held_back_is_in_doubt(status: str, seconds: int, held_back: bool) -> None:
    called_at = 1_598_598_959
    for ids in ({}, {"uuid": "no-time-in-it"}):
        late = posted({**RING_000, **ids, "status": status}, received_at=(called_at + seconds) * 1_000_000)
        assert event_of(late).is_held_back == held_back
    hangup = posted({**RING_000, "status": "hangup"}, received_at=(called_at + 90_000) * 1_000_000)
    assert not event_of(hangup).is_held_back


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({}, {("status", "missing"), ("uuid", "missing")}),
        ({"uuid": A_000}, {("status", "missing")}),
        ({"uuid": ZERO, "buuid": "0", "status": "ring"}, {("uuid", "missing")}),
        ({"billsec": 1}, {("uuid", "missing")}),
        ({"uuid": {"a": 1}, "status": "ring"}, {("uuid", "malformed-id")}),
        ({"uuid": A_000, "status": ["ring"]}, {("status", "unknown-status")}),
    ],
)
def test_reasons(payload: dict[str, object], expected: set[tuple[str, str]]) -> None:
    assert reasons_of(payload).keys() == expected


def test_reasons_hold_nothing_of_the_payload() -> None:
    secret = "supersecret"
    reasons = reasons_of({"status": secret, "uuid": f"{secret}\x00", "starttime": secret})
    assert secret not in "".join(reasons.values())


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("2021-02-30 10:00:00", "nonexistent-time"),
        ("2021-02-09 25:00:00", "nonexistent-time"),
        ("2021-02-09 24:00:00", "nonexistent-time"),
        ("2021-02-09 10:60:00", "nonexistent-time"),
        ("2021-02-09 10:00:60", "nonexistent-time"),
        ("2021-03-28 02:30:00", "nonexistent-time"),
        ("1999-02-09 10:00:00", "out-of-range"),
        ("2100-01-01 12:00:00", "out-of-range"),
        ("2021-02-09", "malformed-time"),
        ("٢٠٢١-02-09 10:00:00", "malformed-time"),
        (["2021-02-09 10:00:00"], "malformed-time"),
    ],
)
def test_times_that_a_cdr_can_not_have(text: object, code: str) -> None:
    event = event_of({**CDR_001, "starttime": text}, zone=ZoneInfo("Europe/Berlin"))
    assert [(doubt.field, doubt.code) for doubt in event.doubts] == [("starttime", code)]
    assert event.started_at is None
    assert event.extra["starttime"] == text


@pytest.mark.parametrize(
    "word", ["null", "(null)", "None", "NIL", "undefined", "N/A", "-", "${uuid}", "{{uuid}}", "0"]
)
def test_a_word_that_stands_for_nothing_is_no_id(word: str) -> None:
    assert event_of({**RING_000, "buuid": word}).ids == (A_000,)


@pytest.mark.parametrize("value", [True, False, 1.5, 1e300])
def test_booleans_and_fractions_are_no_ids(value: object) -> None:
    event = event_of({**RING_000, "status": "hangup", "buuid": value})
    assert event.ids == (A_000,)
    assert [doubt.code for doubt in event.doubts] == ["malformed-id"]


@pytest.mark.parametrize("spelled", [A_000.upper(), f"{{{A_000}}}", f"urn:uuid:{A_000}"])
def test_uuids_are_compared_in_one_form_and_shown_as_written(spelled: str) -> None:
    event = event_of({**CDR_001, "uuid": spelled})
    assert (event.ids, event.leg, event.uuid, event.written) == ((A_000,), A_000, spelled, {A_000: spelled})
    assert call_of([event]).legs == (spelled,)
    assert call_of([event, event_of({**RING_000, "buuid": ""})]).legs == tuple(sorted((A_000, spelled)))


def test_zero_stands_for_nothing_where_the_provider_uses_it_so() -> None:
    event = event_of({**CDR_002, "taskid": "0", "customuuid": "0", "round": 0, "recordurl": "0"})
    assert (event.campaign, event.customer_ref, event.round, event.recording) == (None, None, None, None)


def test_a_truth_of_json_is_no_name() -> None:
    event = event_of({**CDR_002, "taskid": True, "customuuid": False})
    assert (event.campaign, event.customer_ref) == (None, None)
    assert {doubt.field: doubt.code for doubt in event.doubts} == dict.fromkeys(
        ("customuuid", "taskid"), "malformed-text"
    )


def test_what_is_in_doubt_is_computed_from_times() -> None:
    times = {"answertime": "2021-02-09 10:00:10", "endtime": "2021-02-09 10:00:40"}
    event = event_of({**CDR_001, **times, "billsec": -1, "duration": "?"})
    assert (event.ring_time, event.talk_time, event.outcome) == (7_000_000, 30_000_000, "answered")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0:01:33", 93), ("01:33", 93), ("93.0", 93), (93.5, 93.5), ("9.3e1", 93), ("1:00:00", 3600)],
)
def test_durations_in_their_spellings(text: object, seconds: float) -> None:
    assert event_of({**CDR_001, "billsec": text}).talk_time == seconds * 1_000_000


def test_a_bill_with_a_status_is_both() -> None:
    outcome = normalize(posted({**CDR_002, "status": "hangup"}), "common-api", ZoneInfo("Asia/Shanghai"))
    assert isinstance(outcome, Normalized)
    bill, hangup = outcome.events
    assert (bill.kind, hangup.kind, bill.leg) == ("cdr", "hangup", hangup.leg)
    assert bill.event_id != hangup.event_id


def test_a_status_that_is_unknown_takes_nothing_from_a_bill() -> None:
    event = event_of({**CDR_002, "status": "completed"})
    assert event.kind == "cdr"
    assert [(doubt.field, doubt.code) for doubt in event.doubts] == [("status", "unknown-word")]


def test_a_notice_bills_nothing() -> None:
    event = event_of({"uuid": A_000, "recordurl": "https://r.example/1", "duration": 93})
    assert (event.kind, event.recording, event.outcome, event.ring_time) == (
        "notice",
        "https://r.example/1",
        None,
        None,
    )
    assert event.extra == {"duration": 93}


def test_names_in_another_case() -> None:
    shouted = {f" {name.upper()} ": value for name, value in CDR_002.items()}
    assert said(event_of(shouted)) | {"event_id": ""} == said(event_of(CDR_002)) | {"event_id": ""}


@pytest.mark.parametrize(
    ("times", "durations", "ended_at"),
    [
        (("02:09:48", "02:10:00", "02:30:00"), (12, 1200), "00:30:00"),
        (("02:09:48", "02:10:00", "02:30:00"), (12, 4800), "01:30:00"),
        (("02:09:48", "02:30:00", "02:31:00"), (4812, 60), "01:31:00"),
        (("02:09:48", "", "02:30:00"), (4812, 0), "01:30:00"),
        (("02:09:48", "", "02:09:47"), (0, 0), "00:09:47"),
    ],
)
def test_a_call_while_clocks_go_back_lasts_as_long_as_its_bill_says(
    times: tuple[str, str, str], durations: tuple[int, int], ended_at: str
) -> None:
    written = [time and f"2021-10-31 {time}" for time in times]
    cdr = event_of(
        CDR_002
        | {"uuid": uuid_of(us("2021-10-31 00:09:48"))}
        | dict(zip(("starttime", "answertime", "endtime"), written, strict=True))
        | dict(zip(("duration", "billsec"), durations, strict=True)),
        zone=ZoneInfo("Europe/Berlin"),
    )
    assert (cdr.started_at, cdr.ended_at) == (us("2021-10-31 00:09:48"), us(f"2021-10-31 {ended_at}"))
    assert (cdr.ring_time, cdr.talk_time) == tuple(seconds * 1_000_000 for seconds in durations)
    assert not cdr.doubts
