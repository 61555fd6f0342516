"""`callweave schemas`: the topics' messages as JSON Schema and AsyncAPI."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from runtime.terminal import echo
from schemas import documents

ROOT = Path(__file__).parents[2]


@click.group()
def schemas() -> None:
    """Write or check the schemas of the topics.

    As JSON Schema and AsyncAPI, for other languages.
    """


FOLDER = click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=ROOT,
    help="Folder for the documents; default: the project's root.",
)


@schemas.command()
@FOLDER
def write(folder: Path) -> None:
    """Write the documents from the Python definitions."""
    for name, text in documents.render().items():
        path = folder / name
        if not _is(path, text):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
            echo(f"wrote {name}")


@schemas.command()
@FOLDER
def check(folder: Path) -> None:
    """Exit with status 1 if a document on disk differs from the definitions."""
    stale = [name for name, text in documents.render().items() if not _is(folder / name, text)]
    for name in stale:
        echo(f"callweave: {name} is out of date: run `callweave schemas write`.", err=True)
    if stale:
        sys.exit(1)


def _is(path: Path, text: str) -> bool:
    try:
        return path.read_text("utf-8") == text
    except FileNotFoundError:
        return False
