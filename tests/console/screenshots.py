"""Pictures of each page, light, dark and on a phone: `python -m tests.console.screenshots [FOLDER]`.

A week of simulated calls is written to the tables, and a few more are sent to the running pipeline.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from uuid import uuid4

from playwright.sync_api import sync_playwright

from tests.console import stack
from tests.console.stack import CHROMIUM, SOURCE, ring
from tests.rows import until
from tests.servers import kafka_node

if TYPE_CHECKING:
    from playwright.sync_api import Browser

    from compose.embedded.clickhouse.node import ClickHouseNode
    from tests.console.stack import Running

DOCS = Path(__file__).parents[2] / "docs" / "console"
HISTORY_DAYS, HISTORY_CALLS = 8, 6_000
QUALITY = 70
"""Of a JPEG: text stays clear, and all pictures together are about a megabyte."""
CUSTOMER = "87847569524"
LOOKS: dict[str, tuple[int, int, Literal["light", "dark"]]] = {
    "light": (1280, 860, "light"),
    "dark": (1280, 860, "dark"),
    "phone": (390, 844, "light"),
}


def main() -> None:
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else DOCS
    if CHROMIUM is None:
        sys.exit("make screenshots: there is no chromium here: install it.")
    with tempfile.TemporaryDirectory() as name:
        data = Path(name)
        with (
            kafka_node(data / "kafka") as kafka,
            stack.clickhouse(data) as node,
            stack.running(kafka.bootstrap, node, data, sign_in="auto") as running,
        ):
            paths = told(running, node)
            shoot(running.url, paths, folder)


def told(running: Running, node: ClickHouseNode) -> dict[str, str]:
    """Tell what is to be seen; the paths of the pages by the names of their pictures."""
    now = int(time.time() * 1e6)
    history = (str(now - HISTORY_DAYS * 86_400 * 1_000_000), str(now))
    command = [sys.executable, "-m", "tests.bench.simulated_calls", node.host, str(node.port), node.database]
    subprocess.run([*command, "1", str(HISTORY_CALLS), *history], check=True, capture_output=True)
    leg = whole_call(running)
    for number in range(9):
        waiting = str(uuid4())
        running.post(ring(f"878{number}5550{number:03}", waiting, extnumber=f"80{number:02}"))
        if number % 3:
            running.post(
                ring(f"878{number}5550{number:03}", waiting, extnumber=f"80{number:02}", status="answer")
            )
    for body in (b'{"uuid": "x", "status": ', b'{"status":"ring"}', b'{"uuid":"1","status":"dreaming"}'):
        running.post(body)
    until(running.settings, "SELECT count() FROM calls WHERE has_cdr AND source = 'acme-pbx'", 1)
    return {
        "now": "/",
        "wallboard": "/wallboard",
        "calls": "/calls",
        "call": f"/call?account=acme&id={leg}",
        "reports": "/reports",
        "service-level": "/reports?view=service_level&account=bench",
        "sources": "/sources",
        "source": f"/source/{SOURCE}",
        "first-callback": f"/source/{SOURCE}/first",
        "health": "/health",
    }


def whole_call(running: Running) -> str:
    """A call to two agents, the second of whom answers, and its bill."""
    first, second, began = str(uuid4()), str(uuid4()), int(time.time())
    running.post(ring(CUSTOMER, first, buuid=second))
    time.sleep(2)
    running.post(ring(CUSTOMER, second, uuid=first, buuid=second, isbleg="true"))
    time.sleep(3)
    running.post(ring(CUSTOMER, second, uuid=first, buuid=second, isbleg="true", status="answer"))
    time.sleep(8)
    running.post(ring(CUSTOMER, first, buuid=second, status="hangup"))
    at = {
        name: time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(began + seconds))
        for name, seconds in (("starttime", 0), ("answertime", 6), ("endtime", 13))
    }
    bill = {
        "uuid": first,
        "type": "callin",
        "duration": 6,
        "billsec": 7,
        "callerid": CUSTOMER,
        "callmethod": 3,
    }
    running.post({**bill, "destnumber": "2190240001", "extnumber": "8001", "customuuid": "order 4711", **at})
    return min(first, second)


def shoot(url: str, paths: dict[str, str], folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        for look in LOOKS:
            _shoot(browser, url, paths, folder, look)
        browser.close()


def _shoot(browser: Browser, url: str, paths: dict[str, str], folder: Path, look: str) -> None:
    width, height, scheme = LOOKS[look]
    context = browser.new_context(
        base_url=url, viewport={"width": width, "height": height}, color_scheme=scheme, locale="en-GB"
    )
    page = context.new_page()
    for name, path in paths.items():
        page.goto(path)
        page.wait_for_timeout(1_500)  # the plot, and the first figures
        page.screenshot(path=folder / f"{name}-{look}.jpg", type="jpeg", quality=QUALITY)
    context.close()


if __name__ == "__main__":
    main()
