"""CSV files of who is who: what they say, and everything that is wrong with them."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from operations.directory.entries import Defaults, Entry, parse
from tests.scale import examples

HEADER = "kind,id,name,team,valid_from\n"
NEW_YEAR = 1_767_225_600_000_000
"""2026-01-01 00:00 UTC."""
HOUR = 3_600_000_000
ACME = Defaults(account="acme")


def said(text: str, defaults: Defaults = ACME) -> list[Entry]:
    entries, problems = parse(text.encode(), defaults)
    assert problems == []
    return entries


def wrong(text: str | bytes, defaults: Defaults = ACME) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    return [str(problem) for problem in parse(data, defaults)[1]]


def test_each_kind() -> None:
    assert said(
        HEADER
        + "extension,200,Ada Lovelace,Sales,2026-01-01T00:00:00Z\n"
        + "User, 9001 ,Ada Lovelace,,2026-01-01T08:00:00+08:00\n"
        + "\n"
        + 'campaign,8842,"Spring, renewals",,2026-01-01T00:00Z\n'
        + "number,+86 138 1234 5678,ACME,,2026-01-01T00:00:00.000001Z\n"
        + "number,0571-88888888,ACME,,2026-01-01T00:00:00Z\n"
        + "extension,200,,,2026-01-01T01:00:00Z\n"
    ) == [
        Entry("acme", "extension", "200", NEW_YEAR, "Ada Lovelace", "Sales"),
        Entry("acme", "user", "9001", NEW_YEAR, "Ada Lovelace"),
        Entry("acme", "campaign", "8842", NEW_YEAR, "Spring, renewals"),
        Entry("acme", "number", "+8613812345678", NEW_YEAR + 1, "ACME"),
        Entry("acme", "number", "0571-88888888", NEW_YEAR, "ACME"),  # as the provider writes it
        Entry("acme", "extension", "200", NEW_YEAR + HOUR, ""),
    ]


def test_what_the_command_says_holds_for_rows_that_say_nothing() -> None:
    defaults = Defaults("acme", ZoneInfo("Asia/Shanghai"), "CN")
    text = (
        "valid_from;account;kind;id;name\n2026-01-01;other;number;13812345678;A\n2026-01-01T08:00;;user;1;B\n"
    )
    assert said("\ufeff" + text.replace("\n", "\r\n"), defaults) == [
        Entry("other", "number", "+8613812345678", NEW_YEAR - 8 * HOUR, "A"),
        Entry("acme", "user", "1", NEW_YEAR, "B"),
    ]


def test_every_error_with_its_line() -> None:
    assert wrong(
        "kind,id,name,team,valid_from,account\n"
        'robot,1,"A\nB",,2026-01-01T00:00Z,acme\n'  # one row of two lines
        "extension,,A,,yesterday,acme\n"
        "campaign,1,A,Sales,2026-01-01T00:00,\n"
        "user,1,,Sales,2026-01-01T00:00Z,acme\n"
        "user,2,A\n"
        "user,3,A,,2026-01-01T00:00Z,acme\n"
        "number,+86 1,A,,2300-01-01T00:00Z,acme\n"
        f"user,4,{'A' * 201},,2026-01-01T00:00Z,acme\n"
        "user,3,B,,2026-01-01T08:00+08:00,acme\n",
        Defaults(),
    ) == [
        "line 2, name: must be text on one line, of at most 200 characters",
        "line 2, kind: must be one of extension, user, campaign, number",
        "line 4, id: is missing",
        "line 4, valid_from: must be a date or a time as in 2026-01-31 or 2026-01-31T08:00:00+08:00",
        "line 5, account: is missing: add the column, or give --account",
        "line 5, team: must be empty: a campaign has none",
        "line 5, valid_from: has no offset: write one, as in 2026-01-31T08:00:00+08:00, or give --timezone",
        "line 6, name: must not be empty beside a team",
        "line 7: has 3 cells, but the first line names 6 columns",
        "line 9, id: is not a number that can be dialled",
        "line 9, valid_from: is too early or too late to be stored",
        "line 10, name: must be text on one line, of at most 200 characters",
        "line 11: repeats the id and time of line 8",
    ]


def test_times_that_a_zone_has_twice_or_never() -> None:
    berlin = Defaults("acme", ZoneInfo("Europe/Berlin"))
    rows = "user,1,A,,2026-03-29T02:30\nuser,1,A,,2026-10-25T02:30\nuser,1,A,,2026-10-25T02:30+01:00\n"
    problem = "valid_from: happens twice or never as the clocks of this time zone change: write an offset"
    assert wrong(HEADER + rows, berlin) == [f"line 2, {problem}", f"line 3, {problem}"]


def test_files_that_are_none() -> None:
    assert wrong("") == ["line 1: the file is empty"]
    assert wrong(b"kind,id\nuser,\xff\n") == ["line 2: is not UTF-8: save the file as “CSV UTF-8”"]
    assert wrong("kind,kind,colour\n") == [
        "line 1, kind: is there more than once",
        "line 1: has a column that is none of kind, id, name, valid_from, team, account",
        "line 1, id: is missing among the columns",
        "line 1, name: is missing among the columns",
        "line 1, valid_from: is missing among the columns",
    ]
    assert wrong(HEADER + 'user,1,A,,2026-01-01T00:00Z\nuser,"1"2,A,,\n') == [
        "line 3: is not CSV: ',' expected after '\"'"
    ]


@examples(200, 5_000)
@given(data=st.one_of(st.binary(), st.text('kindueramp,;\t"\n\r+0123-TZ:é\x00').map(str.encode)))
def test_whatever_comes_is_entries_or_problems(data: bytes) -> None:
    for head in (b"", HEADER.encode()):
        entries, problems = parse(head + data, ACME)
        assert all(0 < problem.line <= data.count(b"\n") + data.count(b"\r") + 2 for problem in problems)
        assert len({entry.key for entry in entries}) == len(entries) or problems


@examples(200, 5_000)
@given(number=st.from_regex(r"\+?[0-9]{3,30}", fullmatch=True))
def test_no_problem_tells_a_number(number: str) -> None:
    for problem in wrong(f"{HEADER}number,{number},A,Sales,{number}\nnumber,{number},{number}\n", Defaults()):
        assert number not in problem.replace("2026-01-31", "")
