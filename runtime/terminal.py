"""What the commands print. Text of others is escaped: a provider must not move our reader's cursor."""

from __future__ import annotations

import json
import os
import sys

import click


def visible(text: str, *, lines: bool = False) -> str:
    """Escape control characters. With `lines`, the text may have several lines."""
    return "".join(
        char if char.isprintable() or (lines and char == "\n") else char.encode("unicode_escape").decode()
        for char in text
    )


def visible_json(text: str) -> str:
    r"""Escape control characters in JSON as JSON does, as in \u009b, so that it means the same."""
    return "".join(char if char.isprintable() or char == "\n" else json.dumps(char)[1:-1] for char in text)


def echo(text: str = "", *, err: bool = False, lines: bool = False) -> None:
    """Print a line, or several with `lines`. Every command prints through this function."""
    click.echo(visible(text, lines=lines), err=err)


def echo_json(text: str | bytes) -> None:
    click.echo(visible_json(text if isinstance(text, str) else text.decode()))


def echo_styled(text: str) -> None:
    """Print text with our own colours. The caller has made others' text `visible`."""
    click.echo(text)


def abandon_output() -> None:
    """Drop what could not be printed: Python would try it again at its end, and change the exit status."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    os.close(nowhere)
