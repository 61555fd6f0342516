"""All benches, and `RESULTS.md` of what they found: `python -m tests.bench [--quick] [BENCH …]`."""

from __future__ import annotations

import platform
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tests.bench import machine, memory, million, pipeline, processors, simulate
from tests.bench.report import Section

if TYPE_CHECKING:
    from collections.abc import Callable

RESULTS = Path(__file__).with_name("RESULTS.md")


def ingest(folder: Path, *, quick: bool) -> list[Section]:
    """The ingress's bench is a program of its own, and its report is text."""
    del folder  # it makes its own
    options = ["--rounds", "2", "--seconds", "2"] if quick else []
    report = printed("tests.bench.ingest", *options)
    meaning = (
        "Acknowledged callbacks per second against a Flask route that does nothing: same server, same load, "
        "by turns. Then the latency at half of the highest acknowledged rate."
    )
    profile = printed("tests.bench.ingest_profile")
    steps = (
        "Processor time of one request, by steps, in one thread with no server around it. What the running "
        "server takes beyond that is the server itself, and threads that wait for each other, for the broker "
        "and for Python's global lock."
    )
    return [
        Section(title="Ingest", meaning=meaning, text=report),
        Section(title="Where the ingress's time goes", meaning=steps, text=profile),
    ]


def printed(program: str, *options: str) -> str:
    """What a bench of its own prints."""
    command = [sys.executable, "-m", program, *options]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


BENCHES: dict[str, Callable[..., list[Section]]] = {
    "ingest": ingest,
    "processors": lambda folder, *, quick: [processors.bench(folder, quick=quick)],
    "pipeline": pipeline.bench,
    "memory": lambda folder, *, quick: [memory.bench(folder, quick=quick)],
    "million": million.bench,
    "simulate": lambda folder, *, quick: [simulate.bench(folder, quick=quick)],
}


@click.command()
@click.argument("benches", nargs=-1, type=click.Choice(list(BENCHES)))
@click.option("--quick", is_flag=True, help="Short runs: figures to develop by, not to quote.")
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default=RESULTS,
    help="Where to write the report; it is printed as well.",
)
def main(benches: tuple[str, ...], output: Path, *, quick: bool) -> None:
    """Measure speed and memory, of all parts or of some, and write down what was found."""
    sections: list[Section] = []
    for name in benches or BENCHES:
        click.echo(f"== {name}", err=True)
        with tempfile.TemporaryDirectory(prefix="callweave-bench-") as folder:
            found = BENCHES[name](Path(folder), quick=quick)
        for section in found:
            click.echo(section.markdown())
        sections += found
    output.write_text(report(sections, list(benches), quick=quick))


def report(sections: list[Section], benches: list[str], *, quick: bool) -> str:
    """The whole file."""
    command = " ".join(["python -m tests.bench", *benches, *(["--quick"] if quick else [])])
    length = "Short runs: figures to develop by, not to quote." if quick else "Full runs."
    head = f"""# Measured

- by `{command}` (`make bench` runs them all) at {datetime.now(UTC):%Y-%m-%d %H:%M} UTC. {length}
- on {machine.cores()} cores, {machine.cpu_model()}; Python {platform.python_version()}.
- Ratios are of figures taken side by side in one run, and say more than the figures themselves: those are
  this machine's. Events per second and core are events by seconds of processor time, user and system, of the
  one process. Measure on a machine that does nothing else.
"""
    return "\n".join([head, *(section.markdown() for section in sections)])


if __name__ == "__main__":
    main()
