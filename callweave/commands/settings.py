"""`callweave settings`: the settings in force, and what each of them means."""

from __future__ import annotations

import json
import os
import textwrap
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from pydantic import SecretStr

from runtime.reading import fields_of
from runtime.settings import Settings, load_from
from runtime.terminal import echo, visible_json

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runtime.reading import Loaded

MASK = "***"


@click.command()
def settings() -> None:
    """Print the settings in force, each with its meaning.

    As TOML, with secrets masked: a good start for a callweave.toml.
    """
    echo("\n".join(document(load_from(os.environ))), lines=True)


def document(loaded: Loaded[Settings]) -> Iterator[str]:
    """Return the settings as TOML, with secrets masked."""
    table = ""
    for name, info in fields_of(Settings):
        section, _, key = name.rpartition(".")
        if section != table:
            table = section
            meaning = (type(getattr(loaded.settings, section)).__doc__ or "").partition("\n")[0]
            yield from ("", f"[{section}]", f"# {meaning}")
        yield ""
        yield from textwrap.wrap(
            info.description or "", 100, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
        )
        if name in loaded.origins:
            yield f"# Set by {loaded.origins[name]}."
        owner: Any = getattr(loaded.settings, section) if section else loaded.settings
        value = getattr(owner, key)
        yield f"# {key} is not set" if value is None else f"{key} = {toml(value)}"


def toml(value: str | float | Path | SecretStr) -> str:
    """Write a value as TOML; a secret as a mask, or as "" if it is empty."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, SecretStr):
        return toml(MASK if value.get_secret_value() else "")
    if isinstance(value, str | Path):
        return visible_json(json.dumps(str(value), ensure_ascii=False))
    return repr(value)
