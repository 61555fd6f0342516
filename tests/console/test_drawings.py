from __future__ import annotations

from dataclasses import replace

import pytest

from console.drawings import MOST_MARKS, drawing
from operations.timeline.timeline import timeline
from schemas.times import SECOND
from tests.operations.timeline.test_document import HANGUP, NOW, RING
from tests.operations.timeline.wholes import whole


@pytest.mark.parametrize("seconds", [0, 1, 59, 3_600, 86_400, 10 * 86_400, 50 * 365 * 86_400])
def test_a_time_line_has_few_marks_however_wrong_a_clock_is(seconds: int) -> None:
    late = replace(HANGUP, occurred_at=RING.occurred_at + seconds * SECOND)
    laid_out = timeline(whole([RING, late]), NOW)
    drawn = drawing(laid_out, {}, {each.event.event_id: "#1" for each in laid_out.moments})
    assert drawn is not None
    assert 1 <= len(drawn.marks) <= MOST_MARKS + 1
