"""All benches, and `RESULTS.md` of what they found: `python -m tests.bench [--quick] [BENCH …]`."""

from __future__ import annotations

import platform
import re
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tests.bench import backlog, ingest, machine, memory, million, pipeline, processors, simulate, start

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.bench.report import Section

RESULTS = Path(__file__).with_name("RESULTS.md")


BENCHES: dict[str, Callable[..., list[Section]]] = {
    "start": lambda folder, *, quick: [start.bench(folder, quick=quick)],
    "ingest": lambda folder, *, quick: [ingest.bench(folder, quick=quick)],
    "processors": lambda folder, *, quick: [processors.bench(folder, quick=quick)],
    "pipeline": pipeline.bench,
    "backlog": lambda folder, *, quick: [backlog.bench(folder, quick=quick)],
    "memory": lambda folder, *, quick: [memory.bench(folder, quick=quick)],
    "million": million.bench,
    "ten-million": million.ten,
    "simulate": lambda folder, *, quick: [simulate.bench(folder, quick=quick)],
}


@click.command()
@click.argument("benches", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--quick", is_flag=True, help="Short runs: figures to develop by, not to quote.")
@click.option("--beside", metavar="COMMIT", help="Measure the ingress of another commit in the same run.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS,
    help="Where to write the report; it is printed as well.",
)
def main(benches: tuple[str, ...], output: Path, beside: str | None, *, quick: bool) -> None:
    """Measure speed and memory, of all parts or of some, and write down what was found."""
    sections: list[Section] = []
    chosen = BENCHES | {"ingest": lambda folder, quick: [ingest.bench(folder, quick=quick, beside=beside)]}
    for name in benches or [name for name in BENCHES if name != "ten-million"]:
        click.echo(f"== {name}", err=True)
        with tempfile.TemporaryDirectory(prefix="callweave-bench-") as folder:
            found = chosen[name](Path(folder), quick=quick)
        for section in found:
            click.echo(section.markdown())
        sections += found
    asked = [*benches, *(["--beside", beside] if beside else []), *(["--quick"] if quick else [])]
    by = f"By `{' '.join(['python -m tests.bench', *asked])}` at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC."
    earlier = output.read_text() if output.exists() else ""
    output.write_text(report(earlier, sections, by))


def report(earlier: str, sections: list[Section], by: str) -> str:
    """The whole file: what was found, `by` which command, in the place of what was found of it before."""
    _, *parts = re.split(r"^(?=## )", earlier, flags=re.MULTILINE)
    known = {part.partition("\n")[0].removeprefix("## "): part for part in parts}
    known |= {section.title: f"{section.markdown()}\n{by}\n\n" for section in sections}
    return f"{head()}\n{''.join(known.values()).rstrip()}\n"


def head() -> str:
    return f"""# Measured

- by `make bench`, or by parts of it: each part says when, and whether the machine was quiet.
- on {machine.cores()} cores, {machine.cpu_model()}; Python {platform.python_version()}.
- Ratios are of figures taken side by side in one run, and say more than the figures themselves: those are
  this machine's. Events per second and core are events by seconds of processor time, user and system, of the
  one process. Measure on a machine that does nothing else.
"""


if __name__ == "__main__":
    main()
