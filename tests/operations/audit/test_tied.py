"""Events of truncated calls that no row names are in their call, and those tied to no row are in none."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from operations.audit.identity import Group, tally
from operations.audit.tied import Fate, Linked, Loose, Walk, joined, parts
from tests.scale import examples

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sinks.batch import Leg

SHORT = Group("pbx", rejected=False, codes="", events=2, calls=2, held=0, callbacks=1)


class Told(NamedTuple):
    account: str
    ids: frozenset[str]
    is_named: bool

    @property
    def legs(self) -> set[Leg]:
        return {(self.account, name) for name in self.ids}


TOLD = st.lists(
    st.builds(
        Told,
        st.sampled_from(["acme", "other"]),
        st.frozensets(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=3),
        st.integers(0, 7).map(lambda number: number == 0),
    ),
    max_size=24,
)


class Table:
    """`event_ids` of these events; it finds ids of any account, as a question that names ids alone."""

    def __init__(self, told: Iterable[Told]) -> None:
        self._told = list(told)
        self.asked: list[Leg] = []

    def linked(self, legs: Collection[Leg]) -> list[Linked]:
        self.asked += legs
        ids = {name for _, name in legs}
        named: dict[Leg, list[Told]] = defaultdict(list)
        for each in self._told:
            for name in each.ids & ids:
                named[each.account, name].append(each)
        return [
            Linked(*leg, any(each.is_named for each in some), beside(leg, some))
            for leg, some in named.items()
        ]

    def walked(self, legs: Collection[Leg]) -> set[Leg]:
        walk = Walk(legs)
        while ahead := walk.ahead():
            walk.go_on(ahead, self.linked(ahead))
        return walk.tied()


def beside(leg: Leg, told: Iterable[Told]) -> list[str]:
    return sorted({name for each in told for name in each.ids} - {leg[1]})


def reached(told: Iterable[Told]) -> set[Leg]:
    """Every id that is tied to a named event, by hand."""
    told, before = list(told), -1
    found: set[Leg] = set()
    while before != len(found):
        before = len(found)
        for each in told:
            if each.is_named or each.legs & found:
                found |= each.legs
    return found


@given(TOLD)
@examples(normal=300, long=10_000)
def test_ids_are_tied_to_what_a_row_names_in_their_own_account_alone(told: list[Told]) -> None:
    legs = {leg for each in told for leg in each.legs}
    table = Table(told)
    assert table.walked(legs) == reached(told)
    assert len(table.asked) == len(set(table.asked)), "no id is asked for twice"
    for leg in legs:
        assert Table(told).walked({leg}) == {leg} & reached(told)


@given(TOLD)
@examples(normal=300, long=10_000)
def test_an_event_that_is_tied_to_no_row_stays_a_hole(told: list[Told]) -> None:
    lost = [each for each in told if not each.legs & reached(told)]
    loose = [Loose(each.account, str(number), [sorted(each.ids)]) for number, each in enumerate(told)]
    fate = Fate(SHORT._replace(events=1, calls=1, callbacks=len(loose)), loose)
    groups = list(fate.settled(Table(told).walked(fate.legs)))
    counts = tally(groups)
    assert sum(each.difference() for each in counts.values()) == len(lost)
    assert sum(each.archived for each in counts.values()) == len(told)
    assert sum(len(group.short) for group in groups) == len(lost)
    assert all(group.is_named == bool(group.short) for group in groups)


def test_a_chain_of_any_length_is_walked_from_each_of_its_ids() -> None:
    names = [f"{number:03}" for number in range(200)]
    told = [Told("acme", frozenset(two), "000" in two) for two in pairwise(names)]
    for name in names:
        assert Table(told).walked({("acme", name)}) == {("acme", name)}


def test_a_walk_ends_where_it_arrives() -> None:
    told = [Told("acme", frozenset("ab"), is_named=True), Told("acme", frozenset("bc"), is_named=False)]
    table = Table(told)
    assert table.walked({("acme", "a")}) == {("acme", "a")}
    assert table.asked == [("acme", "a")]


def test_a_callback_counts_as_held_once_all_its_events_are() -> None:
    loose = [Loose("acme", "none", [["x"], ["y"]]), Loose("acme", "half", [["a"], ["y"]])]
    loose += [Loose("acme", "all", [["a"], ["y", "b"]]), Loose("other", "else", [["a"], ["b"]])]
    fate = Fate(SHORT._replace(callbacks=6), loose)  # two are not named
    assert set(fate.settled({("acme", "a"), ("acme", "b")})) == {
        SHORT._replace(callbacks=4, short=(("acme", "none"), ("other", "else"))),
        SHORT._replace(held=1, short=(("acme", "half"),)),
        SHORT._replace(held=2),
    }


def test_what_is_not_short_stays_as_it_is() -> None:
    whole = Fate(SHORT._replace(held=2, callbacks=9), [])
    untold = Fate(SHORT._replace(events=0, calls=0, callbacks=2), [Loose("acme", "c", [])])
    rejected = Fate(SHORT._replace(rejected=True, callbacks=9), [])
    assert parts([whole, untold, rejected], 1) == 1
    assert list(whole.settled(set())) == [whole.group]
    assert list(untold.settled(set())) == [untold.group._replace(short=(("acme", "c"),))]
    assert list(rejected.settled(set())) == [rejected.group]


def test_callbacks_of_which_some_are_not_named_are_cut_into_parts() -> None:
    named = [Loose("acme", str(number), [["x"]]) for number in range(3)]
    assert parts([Fate(SHORT._replace(callbacks=3), named)], 3) == 1
    assert parts([Fate(SHORT._replace(callbacks=4), named)], 3) > 1
    assert parts([], 3) == 1


def test_groups_of_one_fate_are_joined_and_name_few() -> None:
    a, b, c = (("acme", name) for name in "abc")
    groups = [SHORT._replace(short=(a,)), SHORT._replace(callbacks=2, short=(b, c)), SHORT._replace(held=2)]
    assert joined(groups, 2) == [SHORT._replace(callbacks=3, short=(a, b)), SHORT._replace(held=2)]
