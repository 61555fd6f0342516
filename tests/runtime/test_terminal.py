from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runtime.terminal import visible
from tests.scale import examples


def test_control_characters_become_visible() -> None:
    assert visible("a\tb\nc é 中") == "a\\tb\\nc é 中"
    assert visible("a\nb", lines=True) == "a\nb"
    assert visible("\x1b[2J\x9b1A\u202e\r\n", lines=True) == "\\x1b[2J\\x9b1A\\u202e\\r\n"


@given(st.text())
@examples(200, 5000)
def test_whatever_is_said_nothing_commands_a_terminal(text: str) -> None:
    assert visible(text).isprintable()
    assert visible(text, lines=True).replace("\n", "").isprintable()
    assert visible(text, lines=True).split("\n") == [visible(line) for line in text.split("\n")]
