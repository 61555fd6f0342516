"""A load of calls, evenly, in a process of its own: what it costs can be told apart from what it measures.

`python -m tests.bench.load_calls PORT TOKEN RATE SECONDS` prints one line when its requests are prepared,
begins when it reads one, and prints what came of it as JSON.
"""

from __future__ import annotations

import itertools
import math
import sys

import orjson

from tests.bench import calls
from tests.bench.ingest import CONNECTIONS, request
from tests.bench.load import open_loop


def main(port: int, token: str, rate: float, seconds: float) -> None:
    """Prepare, wait for the word, send, tell."""
    count = math.ceil(rate * seconds)
    payloads = calls.payloads(math.ceil(count / calls.EVENTS_A_CALL))
    requests = [request(token, orjson.dumps(payload)) for payload in itertools.islice(payloads, count)]
    sys.stdout.write("prepared\n")
    sys.stdout.flush()
    sys.stdin.readline()
    result = open_loop("127.0.0.1", port, requests, CONNECTIONS, seconds=seconds, rate=rate)
    found = {
        "rate": result.rate,
        "seconds": result.seconds,
        "accepted": result.statuses[200],
        "requests": count,
        "p50": result.quantile(0.5),
        "p99": result.quantile(0.99),
    }
    sys.stdout.buffer.write(orjson.dumps(found) + b"\n")


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]), float(sys.argv[4]))
