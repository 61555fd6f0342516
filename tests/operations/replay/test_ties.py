from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from operations.replay.ties import Ties
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
