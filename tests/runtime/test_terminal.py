from __future__ import annotations

import ast
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runtime.terminal import visible, visible_json
from tests.scale import examples
from tests.test_architecture import ROOMS, ROOT, tree


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


@given(st.text())
@examples(200, 5000)
def test_json_that_commands_no_terminal_means_the_same(text: str) -> None:
    shown = visible_json(json.dumps({text: text}, ensure_ascii=False))
    assert shown.isprintable()
    assert json.loads(shown) == {text: text}


PRINTERS = {
    "runtime/terminal.py",
    "callweave/commands/tables.py",  # rich's tables, whose cells are made visible
    "callweave/commands/call.py",  # rich's lines, captured and printed by `echo_styled`
    "simulator/progress.py",  # numbers of our own
}
PRINTING = {"print", "click.echo", "click.secho", "console.print"} | {
    f"sys.{stream}.{method}" for stream in ("stdout", "stderr") for method in ("write", "writelines")
}


def prints(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) in PRINTING


@pytest.mark.parametrize("room", ROOMS)
def test_everything_is_printed_by_the_function_that_escapes(room: str) -> None:
    printing = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / room).rglob("*.py")
        if any(prints(node) for node in ast.walk(tree(path)))
    }
    assert printing <= PRINTERS
