"""What a run tells: its seeds, which `CALLWEAVE_TEST_SEED` sets to repeat it, and how long things took."""

from __future__ import annotations

import os
import random
import secrets


def new_rng(what: str) -> random.Random:
    """A generator for one test; what the processes make of their moments is chance all the same."""
    given = os.environ.get("CALLWEAVE_TEST_SEED")
    seed = int(given) if given else secrets.randbits(32)
    say(f"{what}: CALLWEAVE_TEST_SEED={seed}")
    return random.Random(seed)


def say(line: str) -> None:
    """For whoever reads the report of a failed test, or runs pytest with `-s`."""
    print(line, flush=True)
