"""Whether work on another database's tables goes on, and where."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operations.replay.archive import FIRST, Key
from operations.replay.building import BUILT, FOLDING, READING, Building, decide
from runtime.errors import CallweaveError
from tests.scale import examples

KEYS = st.builds(Key, st.sampled_from(("acme", "other")), st.integers(0, 2**50), st.text(max_size=3))
BUILDINGS = st.builds(
    Building,
    begun_at=st.integers(0, 2**50),
    home=st.sampled_from(("", "here", "there")),
    selection=st.sampled_from(("all", "some")),
    code=st.sampled_from(("old", "new")),
    part=st.sampled_from((READING, FOLDING, BUILT)),
    after=KEYS,
    done=st.integers(0, 2**40),
)


def fresh(building: Building) -> Building:
    return replace(building, part=READING, after=FIRST, done=0)


@examples(normal=300, long=5_000)
@given(asked=BUILDINGS.map(fresh), known=st.none() | BUILDINGS, tables=st.booleans())
def test_tables_go_on_only_if_the_same_was_asked_for(
    asked: Building, known: Building | None, *, tables: bool
) -> None:
    """What nobody here has made is never cleared, and nothing is without a word."""
    if tables and (known is None or known.home != asked.home):
        with pytest.raises(CallweaveError, match="has tables"):
            decide(asked, known, "other", tables=tables)
        return
    decision = decide(asked, known, "other", tables=tables)
    same = known is not None and (known.selection, known.code) == (asked.selection, asked.code)
    assert decision.building == (known if tables and same else asked)
    assert decision.clear is (tables and not same)
    assert bool(decision.said) is tables


def test_what_is_said_names_what_differs() -> None:
    asked = Building(1_700_000_000_000_000, "here", "all", "new")

    def said(known: Building) -> str:
        return decide(asked, known, "other", tables=True).said

    begun = "The tables in other, begun at 2023-11-14 22:13:20 UTC, are "
    assert said(asked) == f"{begun}continued."
    assert said(replace(asked, code="old")) == f"{begun}by other code or sources: they are rebuilt."
    assert said(replace(asked, selection="some", code="old")) == (
        f"{begun}of another part of an archive and by other code or sources: they are rebuilt."
    )
    assert said(asked.next().next()) == (
        "The tables in other are those of 2023-11-14 22:13:20 UTC; DROP DATABASE other to rebuild them."
    )


def test_each_part_begins_at_the_first_callback() -> None:
    key = Key("acme", 5, "x")
    read = Building(1, "here", "all", "new").went_on(key, 3).went_on(key, 2)
    assert (read.part, read.after, read.done) == (READING, key, 5)
    folding = read.next()
    assert (folding.part, folding.after, folding.done) == (FOLDING, FIRST, 0)
    assert folding.next().part == BUILT
