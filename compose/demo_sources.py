"""Two sources to try callweave with, and what `make run` prints about them."""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING

from operations.watch.freshness import ACCOUNT
from provider.subscriptions import token_of
from runtime import sources
from runtime.errors import StartError
from runtime.files import replace_file
from schemas.dialects import COMMON_API, EXTENSION_EVENTS
from simulator.demo import kept_urls, urls_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from runtime.settings import Settings

DEMOS = {
    "demo": ("demo", COMMON_API.name, "Asia/Shanghai"),
    "demo-pbx": ("demo-pbx", EXTENSION_EVENTS.name, "UTC"),
}
"""Account, dialect and time zone by source."""

CDR = {
    "id": 263056202,
    "companycode": "9513923",
    "direction": "callout",
    "type": "callout",
    "callmethod": 6,
    "starttime": "2025-10-16 17:31:13",
    "answertime": "",
    "endtime": "2025-10-16 17:31:21",
    "duration": 8,
    "billsec": 0,
    "disnumber": "219513923001",
    "destnumber": "81351111451",
    "extnumber": "",
    "hangupdirection": 10040,
    "hangupcause": 10020,
    "uuid": "db4a44cc-aa72-11f0-ad78-1d7ff0749d07",
}
"""The CDR of the provider's document 002."""

HANGUP = {
    "EventType": "hangup",
    "CallID": "1612857945.175",
    "CallStatus": "ANSWER",
    "CallFlow": "IN",
    "CallerIDNum": "00010005",
    "CalledExtension": "000*099",
    "CalledExtensionID": "175",
    "EventTime": "1612857983000000",
    "Duration": "31000000",
}
"""An event with the fields of the provider's document 003."""


def ensure(settings: Settings) -> dict[str, str]:
    """Return the demo sources' callback URLs by name. They are added if there is no source at all."""
    known = sources.load(settings.sources_file)
    if not any(source.active for source in known):
        tokens = {name: sources.add(settings.sources_file, name, *demo) for name, demo in DEMOS.items()}
    else:
        kept = {name: token_of(url) for name, url in kept_urls(settings).items() if name in DEMOS}
        owners = {name: known.by_token(token) for name, token in kept.items()}
        tokens = {name: kept[name] for name, owner in owners.items() if owner and owner.name == name}
    urls = {name: settings.ingest.callback_url(token) for name, token in tokens.items()}
    if urls:
        _keep(urls_file(settings), urls)
    return urls


def required(settings: Settings) -> dict[str, str]:
    """Return both demo sources' callback URLs by name. Missing ones are added beside other sources.

    Raises `StartError` for one whose URL is not kept.
    """
    urls = ensure(settings)
    known = sources.load(settings.sources_file)
    for name, demo in DEMOS.items():
        source = known.get(name)
        if name in urls:
            continue
        if source is not None and source.active:
            raise StartError(
                f"the callback URL of the source {name} is not kept in {urls_file(settings)}: "
                f"`callweave source remove {name}`, and it is added again."
            )
        urls[name] = settings.ingest.callback_url(sources.add(settings.sources_file, name, *demo))
    _keep(urls_file(settings), urls)
    return urls


def panel(settings: Settings, urls: dict[str, str], logs: Path) -> list[str]:
    """Return the lines that `make run` prints once it runs."""
    engine = settings.clickhouse
    http = f"http://{engine.host}:{engine.http_port}"
    return [
        "",
        f"The console: {settings.console.base_url}",
        "",
        f"callweave runs. Callbacks: {settings.ingest.base_url}/callbacks/…   Ctrl-C stops everything.",
        "",
        *_sources_lines(settings, urls),
        "Then, in another terminal:",
        '  .venv/bin/callweave sql "SELECT * FROM calls"',
        f"or in a browser: {http}/play",
        f"or with any SQL client: {http} (HTTP), {engine.host}:{engine.port} (native).",
        f"Logs: {logs}/*.log",
        "",
    ]


def _sources_lines(settings: Settings, urls: dict[str, str]) -> Iterator[str]:
    if not urls:
        known = sources.load(settings.sources_file)
        names = ", ".join(source.name for source in known if source.active and source.account != ACCOUNT)
        yield f"Sources: {names}. `.venv/bin/callweave source rotate NAME` gives one a new callback URL."
        yield ""
    for name, url in urls.items():
        yield f"Send a callback as the source {name} ({DEMOS[name][1]}):"
        yield f"  {curl(name, url)}"
        yield ""
    if urls.keys() >= DEMOS.keys():
        yield "Or let a simulated provider make calls up, and send all of their callbacks:"
        yield "  .venv/bin/callweave simulate --calls 200 --speedup 20"
        yield ""


def curl(name: str, url: str) -> str:
    if DEMOS[name][1] == COMMON_API.name:
        body = json.dumps(CDR, separators=(",", ":"))
        return shlex.join(["curl", "-s", url, "-H", "Content-Type: application/json", "-d", body])
    fields = [part for key, value in HANGUP.items() for part in ("-d", f"{key}={value}")]
    return shlex.join(["curl", "-s", url, *fields])


def _keep(path: Path, urls: dict[str, str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, "".join(f"{name} {url}\n" for name, url in urls.items()).encode())
