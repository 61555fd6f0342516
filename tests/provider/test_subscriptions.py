from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provider.rest.models import Event
from provider.subscriptions import (
    EVENT_TYPES,
    Line,
    Room,
    Standing,
    Wish,
    place,
    plan,
    shown_url,
    token_of,
)
from tests.scale import examples

URL = "https://calls.example.com/callbacks/our-secret"
OLD = "https://calls.example.com/callbacks/old-secret"
ELSEWHERE = "https://crm.example.org/hook?key=their-secret"
NO_LIMIT = Room()


def event(number: int, event_type: str, url: str = URL, method: str = "POST") -> Event:
    return Event(id=number, url=url, event_type=event_type, method=method)


def wish(*events: str, extensions: tuple[str, ...] = ("175",)) -> Wish:
    return Wish(extensions, events, URL, "POST")


def standings(lines: list[Line]) -> list[tuple[str, Standing]]:
    return [(line.event_type, line.standing) for line in lines]


def test_what_is_missing_is_to_be_added() -> None:
    lines = plan(wish("dial-in", "hangup"), {"175": [event(1, "hangup")]}, NO_LIMIT)
    assert standings(lines) == [("dial-in", Standing.MISSING), ("hangup", Standing.THERE)]
    assert [line.id for line in lines] == ["", "1"]


def test_what_comes_by_the_other_method_comes() -> None:
    lines = plan(wish("hangup"), {"175": [event(1, "hangup", method="GET")]}, NO_LIMIT)
    assert standings(lines) == [("hangup", Standing.OTHER_METHOD)]


@pytest.mark.parametrize(
    "url", [f"{URL}?myid=175", f"{URL}/", f"{URL}/?myid=175#x", URL.replace("calls", "Calls", 1)]
)
def test_our_url_is_ours_also_with_a_parameter_or_a_slash(url: str) -> None:
    assert standings(plan(wish("hangup"), {"175": [event(1, "hangup", url)]}, NO_LIMIT)) == [
        ("hangup", Standing.THERE)
    ]
    both = [event(1, "hangup", url), event(2, "hangup")]
    assert Counter(standings(plan(wish("hangup"), {"175": both}, NO_LIMIT))) == {
        ("hangup", Standing.THERE): 1,
        ("hangup", Standing.TWICE): 1,
    }


def test_what_comes_twice_is_told_of() -> None:
    there = [event(1, "hangup", method="GET"), event(2, "hangup"), event(3, "hangup")]
    lines = plan(wish("hangup"), {"175": there}, NO_LIMIT)
    assert Counter(standings(lines)) == {("hangup", Standing.THERE): 1, ("hangup", Standing.TWICE): 2}
    assert next(line.id for line in lines if line.standing is Standing.THERE) == "2"
    there = [event(1, "hangup", method="get"), event(2, "hangup", method="post")]
    lines = plan(wish("hangup"), {"175": there}, NO_LIMIT)
    assert [(line.id, line.standing) for line in lines] == [("2", Standing.THERE), ("1", Standing.TWICE)]


def test_another_token_of_ours_is_an_old_one_and_others_are_left_alone() -> None:
    there = [event(1, "hangup", OLD), event(2, "hangup", ELSEWHERE), event(3, "sms", ELSEWHERE)]
    lines = plan(wish("hangup"), {"175": there}, NO_LIMIT)
    assert standings(lines) == [
        ("hangup", Standing.FOREIGN),
        ("hangup", Standing.MISSING),
        ("hangup", Standing.STALE),
        ("sms", Standing.FOREIGN),
    ]


def test_the_limit_of_an_extension_counts_what_is_there_for_others_too() -> None:
    there = {"175": [event(1, "hangup", ELSEWHERE)]}
    lines = plan(wish("dial-in", "answer", "hangup"), there, Room(of_extension=2))
    assert [standing for _, standing in standings(lines)].count(Standing.MISSING) == 1
    assert [standing for _, standing in standings(lines)].count(Standing.OVER_LIMIT) == 2


def test_the_clients_limit_is_shared_by_its_extensions() -> None:
    wanted = wish("dial-in", "hangup", extensions=("175", "176"))
    lines = plan(wanted, {"175": [], "176": []}, Room(of_client=3))
    assert [(line.extension, line.standing) for line in lines] == [
        ("175", Standing.MISSING),
        ("175", Standing.MISSING),
        ("176", Standing.MISSING),
        ("176", Standing.OVER_LIMIT),
    ]


events = st.builds(
    event,
    st.integers(1, 99),
    st.sampled_from([*EVENT_TYPES, "sms"]),
    st.sampled_from([URL, f"{URL}?myid=175", OLD, ELSEWHERE, "not a url", "http://[broken"]),
    st.sampled_from(["GET", "POST"]),
)
there_is = st.fixed_dictionaries({"175": st.lists(events, max_size=8), "@200": st.lists(events, max_size=8)})
wishes = st.builds(
    lambda names: wish(*names, extensions=("175", "@200")),
    st.lists(st.sampled_from(EVENT_TYPES), unique=True, min_size=1),
)
limits = st.none() | st.integers(0, 20)


@given(wishes, there_is, st.builds(Room, limits, limits))
@examples(100, 2000)
def test_what_the_plan_adds_is_then_there_and_nothing_is_left_to_add(
    wanted: Wish, there: dict[str, list[Event]], room: Room
) -> None:
    lines = plan(wanted, there, room)
    missing = [line for line in lines if line.standing is Standing.MISSING]
    after = {
        extension: [
            *found,
            *(
                event(1000 + n, line.event_type)
                for n, line in enumerate(missing)
                if line.extension == extension
            ),
        ]
        for extension, found in there.items()
    }
    again = plan(wanted, after, room)
    assert [line for line in again if line.standing is Standing.MISSING] == []
    assert {(line.extension, line.event_type) for line in again if line.standing is Standing.OVER_LIMIT} == {
        (line.extension, line.event_type) for line in lines if line.standing is Standing.OVER_LIMIT
    }
    for extension, found in after.items():
        added = len(found) - len(there[extension])
        assert not added or room.of_extension is None or len(found) <= room.of_extension
    total = sum(map(len, after.values()))
    assert not missing or room.of_client is None or total <= room.of_client


@given(wishes, there_is)
@examples(100, 2000)
def test_every_event_has_its_line_and_every_wish_is_answered(
    wanted: Wish, there: dict[str, list[Event]]
) -> None:
    lines = plan(wanted, there, NO_LIMIT)
    listed = [line for line in lines if line.id]
    assert len(listed) == sum(map(len, there.values()))
    for extension in wanted.extensions:
        coming = [
            line.event_type
            for line in lines
            if line.extension == extension
            and line.standing in {Standing.THERE, Standing.OTHER_METHOD, Standing.MISSING}
        ]
        assert len(coming) == len(set(coming))
        assert set(coming) >= set(wanted.events)


def test_urls_for_people_hold_no_secret() -> None:
    assert shown_url(URL) == "https://calls.example.com/…"
    assert (
        shown_url("https://user:secret@a.example.com:8443/x/y?k=secret#secret")
        == "https://a.example.com:8443/…"
    )
    assert shown_url("http://[broken/secret") == "…"
    assert (token_of(f"{URL}/?myid=175"), token_of("nonsense"), token_of("http://[x")) == (
        "our-secret",
        "nonsense",
        "",
    )
    assert (place(URL), place("http://[x")) == ("https://calls.example.com/callbacks", "")
