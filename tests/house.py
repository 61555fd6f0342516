"""Measure the shape of the house: `python -m tests.house [FOLDER]`, of this checkout or of another.

It reads files and imports nothing of them, so that an older checkout can be measured as well. The floors
are those of pyproject.toml. A checkout from before there were any has those of `OLD_FLOORS`.
"""

from __future__ import annotations

import ast
import io
import re
import subprocess
import tokenize
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import click

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

LONGEST_FUNCTION = 40
SHORTEST_RUN = 6
COMMAND = ("callweave.cli", "callweave.commands", "callweave.__main__")
"""On the old floors, the command was on top, and the rest of its room under all others."""
OLD_FLOORS = (
    "compose",
    "callweave (command)",
    "ingest | processors | provider | sinks",
    "schemas",
    "callweave",
)
SUPPRESSION = re.compile(r"#\s*(?:noqa|type:\s*ignore)\b(?::?\s*[A-Z]+\d+(?:,\s*[A-Z]+\d+)*|\[[\w, -]+\])?")
UNNAMED = ("__init__", "__main__", "conftest")
"""Names that many modules must share."""


@dataclass(frozen=True)
class Module:
    """A file of Python."""

    path: Path
    """From the checkout's root."""
    text: str
    tree: ast.Module

    @property
    def name(self) -> str:
        return ".".join(self.path.with_suffix("").parts).removesuffix(".__init__")

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def is_test(self) -> bool:
        return self.path.parts[0] == "tests"

    @property
    def room(self) -> str:
        """The folder at the root; of tests, the one below `tests`."""
        inside = len(self.path.parts) > 2
        return "/".join(self.path.parts[: 2 if self.is_test and inside else 1])


def read(root: Path) -> list[Module]:
    """Every Python file that git knows in a checkout."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.py"],
        cwd=root,
        check=True,
        capture_output=True,
        text=True,
    )
    paths = [Path(line) for line in listed.stdout.splitlines() if (root / line).is_file()]
    texts = {path: (root / path).read_text("utf-8") for path in paths if len(path.parts) > 1}
    return [Module(path, text, ast.parse(text)) for path, text in texts.items()]


def rooms(modules: Sequence[Module]) -> list[tuple[str, int, int]]:
    """Each room with its files and lines."""
    files, lines = Counter[str](), Counter[str]()
    for each in modules:
        files[each.room] += 1
        lines[each.room] += len(each.lines)
    return [(room, files[room], lines[room]) for room in sorted(files)]


class Import(NamedTuple):
    """A module that needs another, at its top, in a function or for its types alone."""

    by: str
    of: str


def imports(modules: Sequence[Module]) -> set[Import]:
    """Those among these modules."""
    known = {each.name for each in modules}
    found = set()
    for each in modules:
        for name in imported(each):
            of = name if name in known else name.rpartition(".")[0]
            if of in known and of != each.name:
                found.add(Import(each.name, of))
    return found


def imported(module: Module) -> Iterator[str]:
    """The dotted names in a module's imports."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def floors(root: Path) -> dict[str, int]:
    """The height of each room."""
    contracts = tomllib.loads((root / "pyproject.toml").read_text()).get("tool", {}).get("importlinter", {})
    layers = [each["layers"] for each in contracts.get("contracts", []) if each["type"] == "layers"]
    named = layers[0] if layers else OLD_FLOORS
    return {room.strip(): -floor for floor, names in enumerate(named) for room in names.split("|")}


def arrows(found: Iterable[Import], heights: dict[str, int]) -> tuple[Counter[str], Counter[str]]:
    """Arrows between rooms with the number of their imports: all, and those that run up or sideways."""
    between, wrong = Counter[str](), Counter[str]()
    for each in found:
        by, of = (_room(name, heights) for name in each)
        if by != of:
            between[f"{by} → {of}"] += 1
            if heights[of] >= heights[by]:
                wrong[f"{by} → {of}"] += 1
    return between, wrong


def _room(name: str, heights: dict[str, int]) -> str:
    is_command = any(name == each or name.startswith(f"{each}.") for each in COMMAND)
    above = "callweave (command)"
    return above if is_command and above in heights else name.partition(".")[0]


def both_ways(found: Iterable[Import]) -> list[str]:
    """Rooms that import each other."""
    pairs = {(by.partition(".")[0], of.partition(".")[0]) for by, of in found}
    return [f"{one} ↔ {other}" for one, other in sorted(pairs) if one < other and (other, one) in pairs]


def circles(found: Iterable[Import]) -> list[str]:
    """Circles of imports; of those that share an import, one."""
    graph: dict[str, set[str]] = defaultdict(set)
    for by, of in sorted(found):
        graph[by].add(of)
    seen = []
    while True:
        try:
            TopologicalSorter(graph).prepare()
        except CycleError as error:
            circle: list[str] = list(reversed(error.args[1]))
            seen.append(" → ".join(circle))
            graph[circle[0]].discard(circle[1])
        else:
            return seen


def long_functions(module: Module) -> list[str]:
    """Functions that are too long, with their lines."""
    functions = (
        each for each in ast.walk(module.tree) if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    lengths = ((each.name, (each.end_lineno or each.lineno) - each.lineno + 1) for each in functions)
    return [f"{module.path}: {name}, {length}" for name, length in lengths if length > LONGEST_FUNCTION]


def suppressions(module: Module) -> tuple[list[str], list[str]]:
    """Those of the linters and of mypy: with a reason beside them, and without."""
    reasoned: list[str] = []
    bare: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(module.text).readline):
        if token.type == tokenize.COMMENT and SUPPRESSION.search(token.string):
            has_reason = re.search(r"\w", SUPPRESSION.sub("", token.string))
            (reasoned if has_reason else bare).append(f"{module.path}:{token.start[0]}")
    return reasoned, bare


def shared_names(modules: Sequence[Module]) -> list[str]:
    """Names that more than one file has."""
    names = Counter(each.path.stem for each in modules if each.path.stem not in UNNAMED)
    return [f"{name}, {count} files" for name, count in sorted(names.items()) if count > 1]


def duplicate_runs(modules: Sequence[Module]) -> list[str]:
    """Runs of equal lines, imports and empty lines left out, where the first of each is not counted."""
    seen: dict[tuple[str, ...], tuple[int, int]] = {}
    texts = [_said(each) for each in modules]
    found = []
    for which, said in enumerate(texts):
        place = 0
        while place + SHORTEST_RUN <= len(said):
            window = tuple(text for _, text in said[place : place + SHORTEST_RUN])
            other, start = seen.setdefault(window, (which, place))
            overlaps = (other, start) == (which, place) or (other == which and start + SHORTEST_RUN > place)
            length = 1 if overlaps else _equal(texts[other][start:], said[place:])
            if not overlaps:
                first, second = texts[other][start][0], said[place][0]
                found.append(
                    f"{modules[which].path}:{second} as {modules[other].path}:{first}, {length} lines"
                )
            place += length
    return found


def _equal(one: Sequence[tuple[int, str]], other: Sequence[tuple[int, str]]) -> int:
    pairs = zip(one, other, strict=False)
    return next((n for n, (a, b) in enumerate(pairs) if a[1] != b[1]), min(len(one), len(other)))


def _said(module: Module) -> list[tuple[int, str]]:
    """The lines that say something, without their indentation, by number."""
    nodes = [each for each in ast.walk(module.tree) if isinstance(each, ast.Import | ast.ImportFrom)]
    imports = {
        number for each in nodes for number in range(each.lineno, (each.end_lineno or each.lineno) + 1)
    }
    numbered = (
        (number, line.strip()) for number, line in enumerate(module.lines, 1) if number not in imports
    )
    return [(number, line) for number, line in numbered if line]


def measured(modules: Sequence[Module]) -> Iterator[tuple[str, list[str]]]:
    """What is to be few, with the places."""
    told = [suppressions(each) for each in modules]
    yield "functions over 40 lines", [place for each in modules for place in long_functions(each)]
    yield "suppressions with a reason", [place for reasoned, _ in told for place in reasoned]
    yield "suppressions without a reason", [place for _, bare in told for place in bare]
    yield "names that modules share", shared_names(modules)
    yield "duplicate runs of six or more lines", duplicate_runs(modules)


@click.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--places", is_flag=True, help="Name the places of everything that is counted.")
def main(folder: Path, *, places: bool) -> None:
    """Print the measures of a checkout, of source and of tests."""
    everything = read(folder)
    source = [each for each in everything if not each.is_test]
    tests = [each for each in everything if each.is_test]
    for name, part in (("source", source), ("tests", tests)):
        counted = rooms(part)
        click.echo(f"{name:26} files   lines")
        for room, files, lines in counted:
            click.echo(f"  {room:24} {files:5} {lines:7}")
        click.echo(f"  {'all':24} {len(part):5} {sum(lines for *_, lines in counted):7}\n")
    found = imports(source)
    between, wrong = arrows(found, floors(folder))
    click.echo(f"{'':44} source   tests")
    say(f"arrows between rooms ({sum(between.values())} imports)", [list(between)], places=False)
    upwards = [f"{arrow}, {count} imports" for arrow, count in sorted(wrong.items())]
    say("arrows upwards or sideways", [upwards], places=places)
    say("rooms that import each other", [both_ways(found)], places=places)
    say("circles of imports between files", [circles(found)], places=places)
    for (name, of_source), (_, of_tests) in zip(measured(source), measured(tests), strict=True):
        say(name, [of_source, of_tests], places=places)


def say(name: str, counted: Sequence[list[str]], *, places: bool) -> None:
    """A row of the table, and the places under it."""
    click.echo(f"{name:44} " + "".join(f"{len(each):6}  " for each in counted).rstrip())
    if places:
        click.echo("".join(f"    {place}\n" for each in counted for place in each), nl=False)


if __name__ == "__main__":
    main()
