from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from operations.replay.ties import Ties
from tests.kit.events import event
from tests.scale import examples

LEGS = st.lists(st.sampled_from("abcdefghij"), min_size=1, max_size=4)


def components(named: list[list[str]]) -> list[set[str]]:
    found: list[set[str]] = []
    for legs in named:
        touched = [each for each in found if each & set(legs)]
        found = [each for each in found if not each & set(legs)] + [set(legs).union(*touched)]
    return found


@examples(normal=200, long=5_000)
@given(named=st.lists(LEGS, max_size=12))
def test_a_calls_root_is_the_smallest_of_its_legs(named: list[list[str]]) -> None:
    with TemporaryDirectory() as folder, Ties(Path(folder) / "ties") as ties:
        for legs in named:
            ties.tie("acme", legs)
            assert ties.root("acme", legs[0]) <= legs[0]
        for component in components(named):
            assert {ties.root("acme", leg) for leg in component} == {min(component)}


def test_accounts_never_meet(tmp_path: Path) -> None:
    with Ties(tmp_path / "ties") as ties:
        ties.tie("acme", ("a", "b"))
        assert ties.root("acme", "b") == "a"
        assert ties.root("other", "b") == "b"
    assert not (tmp_path / "ties").exists()


def test_a_suspect_id_ties_nothing(tmp_path: Path) -> None:
    events = [event(event_id=name, ids=("a", name), leg=name) for name in "bc"]
    with Ties(tmp_path / "ties", {("acme", "a")}) as ties:
        for each in [*events, event(event_id="a", ids=("a",), leg="a")]:
            ties.add(each)
        assert [(call.root, [each.event_id for each in call.told]) for call in ties.calls()] == [
            ("a", ["a"]),
            ("b", ["b"]),
            ("c", ["c"]),
        ]


@examples(normal=50, long=2_000)
@given(named=st.lists(LEGS, max_size=12))
def test_each_call_has_its_own_events_in_order(named: list[list[str]]) -> None:
    events = [
        event(event_id=f"e{number}", ids=tuple(sorted(set(legs))), leg=legs[0])
        for number, legs in enumerate(named)
    ]
    with TemporaryDirectory() as folder, Ties(Path(folder) / "ties") as ties:
        for each in events:
            ties.add(each)
        calls = [(call.root, {each.event_id for each in call.told}) for call in ties.calls()]
        assert calls == sorted(
            (min(component), {each.event_id for each in events if each.leg in component})
            for component in components(named)
        )
        for number, (root, _) in enumerate(calls):
            assert [call.root for call in ties.calls("acme", root)] == [
                root for root, _ in calls[number + 1 :]
            ]


def test_what_names_no_leg_is_in_no_call(tmp_path: Path) -> None:
    with Ties(tmp_path / "ties") as ties:
        ties.add(event(kind="message", ids=(), leg=""))
        assert list(ties.calls()) == []
