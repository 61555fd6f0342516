from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from operations.replay.archive import Key
from operations.replay.progress import NEXT, Progress, decide

BEGUN = Progress(1_700_000_000_000_000, "code")
LATER = Progress(1_700_000_100_000_000, "code")
KEY = Key("acme", 5, "x")


def test_what_was_sent_is_counted() -> None:
    progress = BEGUN.went_on(KEY, 3).went_on(KEY, 2)
    assert (progress.sent, progress.after) == (5, KEY)


def test_a_later_replay_has_a_higher_number() -> None:
    assert 1 < BEGUN.reading < LATER.reading == LATER.went_on(KEY, 3).reading
    assert 10_000_000 * LATER.reading < 2**64


@given(began=st.integers(0, 2 * NEXT), known=st.integers(-NEXT, NEXT), latest=st.integers(-NEXT, 2 * NEXT))
def test_a_replay_has_a_higher_number_than_any_before_whatever_the_clock_says(
    began: int, known: int, latest: int
) -> None:
    """Its voids and its decisions too."""
    asked = Progress(BEGUN.replayed_at + began, "new")
    before = [Progress(BEGUN.replayed_at + known, "code"), Progress(BEGUN.replayed_at, "code", ahead=latest)]
    for progress, _ in (decide(asked, *before), decide(asked, None, before[1])):
        assert progress.replayed_at == asked.replayed_at, "what arrived since is left out"
        assert progress.reading - 1 > before[1].reading
        assert progress.counts_as > before[1].counts_as
        assert progress.ahead == 0 or progress.replayed_at - NEXT < max(each.counts_as for each in before)
    assert decide(asked, *before)[0].reading - 1 > before[0].reading


def test_what_is_new_begins_without_a_word() -> None:
    assert decide(LATER, None, BEGUN) == (LATER, "")


def test_what_was_interrupted_goes_on_and_says_so() -> None:
    known = BEGUN.went_on(KEY, 3)
    assert (
        decide(LATER, known, BEGUN)
        == decide(LATER, known, None)
        == (
            known,
            "The replay begun at 2023-11-14 22:13:20 UTC continues: 3 callbacks were sent already, "
            "and what arrived since then is left out.",
        )
    )


def test_what_was_sent_by_other_code_is_sent_again() -> None:
    progress, said = decide(LATER, Progress(BEGUN.replayed_at, "other", sent=3, after=KEY), None)
    assert progress == LATER
    assert said == (
        "The replay begun at 2023-11-14 22:13:20 UTC was by other code or sources: it starts over, "
        "though 3 callbacks were sent already."
    )


def test_what_another_was_begun_after_is_sent_again() -> None:
    """The later one has the higher number, and would win wherever both have sent."""
    asked = Progress(LATER.replayed_at + NEXT, "code")
    progress, said = decide(asked, BEGUN.went_on(KEY, 3), LATER)
    assert progress == asked
    assert said == (
        "The replay begun at 2023-11-14 22:13:20 UTC was followed by another, begun at "
        "2023-11-14 22:15:00 UTC: it starts over, though 3 callbacks were sent already."
    )
