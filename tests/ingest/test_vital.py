"""A thread without which a process is of no use takes the process with it."""

from __future__ import annotations

import subprocess
import sys

from tests.servers import PATIENCE

PROGRAM = """
import time
from ingest.vital import vital

def work():
    raise RuntimeError("secret-87847569524")

vital("publisher", work).start()
time.sleep(60)
"""


def test_an_error_that_nobody_expected_ends_the_process() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, timeout=PATIENCE, check=False
    )
    assert ended.returncode == 1
    said = (ended.stdout + ended.stderr).decode()
    assert "publisher" in said
    assert "RuntimeError" in said
    assert "secret" not in said
