from __future__ import annotations

import pytest

from operations.audit.identity import (
    Counts,
    Group,
    Problem,
    Verdict,
    certain,
    rejected_yet_told,
    remedies,
    tally,
    total,
    verdict,
)
from operations.audit.offsets import Lag

CALLED = Group("pbx", rejected=False, codes="", events=1, calls=1, held=1, callbacks=5)
MESSAGES = Group("pbx", rejected=False, codes="", events=1, calls=0, held=0, callbacks=2)
REFUSED = Group("pbx", rejected=True, codes="missing", events=0, calls=0, held=0, callbacks=3)
UNTOLD = Group("pbx", rejected=False, codes="", events=0, calls=0, held=0, callbacks=1)
UNCALLED = Group("pbx", rejected=False, codes="", events=1, calls=1, held=0, callbacks=1)
LAG = Lag("sink", "callbacks.raw", 0, 5, 7)


def test_where_all_is_well_the_differences_are_zero() -> None:
    counts = tally([CALLED, MESSAGES, REFUSED])
    assert counts == {
        "pbx": Counts(archived=10, rejected=counts["pbx"].rejected, normalized=7, not_calls=2, in_calls=5)
    }
    assert counts["pbx"].rejected == {"missing": 3}
    assert counts["pbx"].acknowledged == 10
    assert counts["pbx"].differences() == (0, 0, 0)
    assert verdict(counts, []) is Verdict.WHOLE


@pytest.mark.parametrize(
    ("group", "differences"), [(UNTOLD, (0, 1, 0)), (UNCALLED, (0, 0, 1))], ids=["no event", "no call"]
)
def test_what_is_missing_after_the_archive_is_a_hole_once_all_is_quiet(
    group: Group, differences: tuple[int, int, int]
) -> None:
    counts = tally([CALLED, group])
    assert counts["pbx"].differences() == differences
    assert verdict(counts, []) is Verdict.HOLE
    assert verdict(counts, [LAG]) is Verdict.UNTOLD


def test_only_what_is_short_of_something_and_wholly_known_by_name_can_be_looked_at_again() -> None:
    names = (("acme", "c1"), ("acme", "c2"))
    assert not CALLED.is_named
    assert UNCALLED._replace(callbacks=2, short=names).is_named
    assert not UNCALLED._replace(callbacks=3, short=names).is_named


def test_an_event_of_two_calls_must_be_in_both() -> None:
    half = Group("pbx", rejected=False, codes="", events=2, calls=2, held=1, callbacks=1)
    assert tally([half])["pbx"].differences() == (0, 0, 1)


@pytest.mark.parametrize("name", ["missing", "undecided"])
def test_what_the_sink_has_passed_over_is_a_hole_at_once(name: str) -> None:
    counts = {"pbx": Counts(archived=1, normalized=1, in_calls=1)}
    setattr(counts["pbx"], name, 1)
    assert counts["pbx"].difference() == 1
    assert verdict(counts, [LAG]) is Verdict.HOLE


def test_until_all_is_quiet_only_what_the_sink_has_passed_over_is_certain() -> None:
    counts = {"lost": Counts(archived=3, missing=1, undecided=1), "under way": Counts(archived=5)}
    assert certain(counts, [LAG]) == {"lost": 2, "under way": 0}
    assert certain(counts, [], ["a doubt"]) == {"lost": 2, "under way": 0}
    assert certain(counts, []) == {"lost": 5, "under way": 5}


def test_while_stages_work_and_where_offsets_tell_nothing_nothing_is_claimed() -> None:
    counts = tally([CALLED])
    assert verdict(counts, [LAG]) is Verdict.UNTOLD
    assert verdict(counts, [], ["the topic was made anew"]) is Verdict.UNTOLD


def test_nothing_at_all_is_whole() -> None:
    assert verdict({}, []) is Verdict.WHOLE


def test_two_differences_never_make_up_for_each_other() -> None:
    counts = tally([UNTOLD, UNCALLED])
    assert all(difference >= 0 for difference in counts["pbx"].differences())
    assert counts["pbx"].difference() == 2


def test_a_callback_that_a_replay_has_rejected_keeps_its_events() -> None:
    both = Group("pbx", rejected=True, codes="missing", events=1, calls=1, held=1, callbacks=4)
    assert rejected_yet_told([CALLED, both, REFUSED]) == 4
    assert verdict(tally([both]), []) is Verdict.WHOLE


def test_the_total_is_of_all_sources() -> None:
    counts = tally([CALLED, CALLED._replace(source="other"), REFUSED._replace(source="other")])
    assert total(counts).archived == 13
    assert total(counts).rejected == {"missing": 3}
    assert total(counts).difference() == 0


def test_each_problem_has_its_remedy_once() -> None:
    assert len(list(remedies([*Problem, *Problem]))) == len(Problem)
