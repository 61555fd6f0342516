"""Run SQL on the ClickHouse engine of another Python: reads a JSON list of queries, writes their answers.

Not a test: `test_old_clickhouse.py` runs it in a process of its own, with an interpreter that has nothing but
an old `chdb`.
"""

import json
import sys
from typing import Any

from chdb.session import Session


def main() -> None:
    """Each answer is text, tab-separated; an error ends it all."""
    session: Any = Session()  # type: ignore[no-untyped-call] # chdb has no types
    answers = [str(session.query(query, "TabSeparated") or "") for query in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)


if __name__ == "__main__":
    main()
