from __future__ import annotations

from operations.replay.archive import Key
from operations.replay.progress import Progress, decide

BEGUN = Progress(1_700_000_000_000_000, "code")
LATER = Progress(1_700_000_100_000_000, "code")
KEY = Key("acme", 5, "x")


def test_what_was_sent_is_counted() -> None:
    progress = BEGUN.went_on(KEY, 3).went_on(KEY, 2)
    assert (progress.sent, progress.after) == (5, KEY)


def test_a_later_replay_has_a_higher_number() -> None:
    assert 1 < BEGUN.reading < LATER.reading == LATER.went_on(KEY, 3).reading
    assert 10_000_000 * LATER.reading < 2**64


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
    asked = Progress(LATER.replayed_at + 1, "code")
    progress, said = decide(asked, BEGUN.went_on(KEY, 3), LATER)
    assert progress == asked
    assert said == (
        "The replay begun at 2023-11-14 22:13:20 UTC was followed by another, begun at "
        "2023-11-14 22:15:00 UTC: it starts over, though 3 callbacks were sent already."
    )
