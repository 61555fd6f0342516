"""Every setting of callweave, with its default, its unit, its meaning and its check.

Read from, first wins: environment (`CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS`), secret files
(`CALLWEAVE_KAFKA__SASL_PASSWORD_FILE` names a file that holds the value), and the TOML file that
`CALLWEAVE_SETTINGS` names (`callweave.toml` in the working folder otherwise), where a secret may come
from a file as well (`sasl_password_file` in `[kafka]`). Paths are relative to the working folder.
"""

from __future__ import annotations

import base64
import os
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator
from pydantic_core import PydanticCustomError

from runtime.addresses import parsed, written
from runtime.errors import SettingsError
from runtime.reading import CONTRADICTION, Loaded, read
from runtime.urls import checked_base

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "CALLWEAVE_"
FILE_VARIABLE = "CALLWEAVE_SETTINGS"
DEFAULT_FILE = "callweave.toml"
IGNORED = (FILE_VARIABLE, "CALLWEAVE_TEST_")
"""Variables of ours that are not settings."""

PROBLEMS = "problems"

STAGES = ("ingest", "normalize", "correlate", "sink", "watch", "console")
"""In the order of the flow, and who looks at it; each has a section of its own."""


def _addresses(text: str) -> str:
    if not all(re.fullmatch(r"(\[[0-9A-Fa-f:.]+\]|[^\s:,\[\]]+):\d{1,5}", part) for part in text.split(",")):
        raise ValueError("must be host:port, several separated by commas without spaces")
    return _with_ports(text)


def _with_ports(text: str) -> str:
    """Check the ports of addresses between commas: clients take one that is too high for another one."""
    if any(parsed(part)[1] > LAST_PORT for part in text.split(",") if part):
        raise ValueError(f"must have ports up to {LAST_PORT}")
    return text


def _prefix(text: str) -> str:
    if not re.fullmatch(r"([a-z0-9][a-z0-9_-]*\.)?", text):
        raise ValueError("must be lower-case letters, digits, - and _, and end in a dot, as in 'staging.'")
    return text


def _database(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", text):
        raise ValueError("must be letters, digits and _, at most 63, not beginning with a digit")
    return text


def _url(text: str) -> str:
    return checked_base(text, "https://calls.example.com")


def checked_timezone(text: str) -> str:
    """Check an IANA name."""
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError):  # zoneinfo raises each of these for a name that is none
        raise ValueError("must be an IANA time zone, such as Asia/Shanghai") from None
    return text


Host = Annotated[str, Field(min_length=1)]
LAST_PORT = 65535
Port = Annotated[int, Field(ge=0, le=LAST_PORT)]
Seconds = Annotated[float, Field(gt=0, le=3600)]
OptionalSecret = Annotated[SecretStr | None, BeforeValidator(lambda value: value or None)]
"""An empty text is none: compose files can't leave a variable out."""
Days = Annotated[int, Field(ge=0, le=36_500)]
LONGEST_WAIT_SECONDS = 1e8
"""Over three years: more of a call's silence is a slip of the hand, and in microseconds may be no number."""


class Section(BaseModel):
    """A group of settings; a name that is not a setting is an error."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        use_attribute_docstrings=True,  # `callweave settings` prints them
        hide_input_in_errors=True,
    )

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Return settings that exclude each other: a setting's name and a sentence about it."""
        yield from ()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        problems = list(self.contradictions())
        if problems:
            sentences = "; ".join(f"{name} {sentence}" for name, sentence in problems)
            context = {"sentences": sentences, PROBLEMS: problems}
            raise PydanticCustomError(CONTRADICTION, "{sentences}", context)
        return self


class KafkaSettings(Section):
    """How to reach Kafka, and the shape of our topics."""

    bootstrap_servers: Annotated[str, AfterValidator(_addresses)] = "127.0.0.1:9092"
    """The first brokers to ask, as host:port, separated by commas."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """Whether to encrypt (SSL) and to log in (SASL)."""
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    """How to log in."""
    sasl_username: str | None = None
    """The user to log in as."""
    sasl_password: SecretStr | None = None
    """The password of that user."""
    ssl_cafile: Path | None = None
    """PEM file of the authorities that sign the brokers' certificates; the system's if not set."""
    ssl_certfile: Path | None = None
    """PEM file with our own certificate, if brokers ask for one."""
    ssl_keyfile: Path | None = None
    """PEM file with its key, not encrypted."""
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions of every topic; the same for all, because events and links of one leg must share a number.
    """
    replication_factor: int = Field(default=1, ge=1, le=16)
    """Copies of every partition, changelogs included: 3 if losing a broker must not lose calls."""
    prefix: Annotated[str, AfterValidator(_prefix)] = ""
    """Prefix of every topic and consumer group, so that installations can share a cluster."""
    session_timeout_seconds: float = Field(default=6.0, ge=1, le=300)
    """How long a dead worker's partitions wait for another worker."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Logins and certificates are given in pairs, and need the protocol that uses them."""
        yield from self._login()
        yield from self._certificates()

    def _login(self) -> Iterator[tuple[str, str]]:
        used = self.logs_in
        for name in ("sasl_username", "sasl_password"):
            given = getattr(self, name) is not None
            if given != used:
                what = "must be set" if used else "is never used"
                yield name, f"{what}, since kafka.security_protocol is {self.security_protocol}"

    def _certificates(self) -> Iterator[tuple[str, str]]:
        if self.ssl_certfile and not self.ssl_keyfile:
            yield "ssl_keyfile", "must be set, since kafka.ssl_certfile is"
        if self.ssl_keyfile and not self.ssl_certfile:
            yield "ssl_certfile", "must be set, since kafka.ssl_keyfile is"
        for name in ("ssl_cafile", "ssl_certfile", "ssl_keyfile"):
            path: Path | None = getattr(self, name)
            if path and not self.encrypts:
                yield name, f"is never used, since kafka.security_protocol is {self.security_protocol}"
            elif path and not os.access(path, os.R_OK):
                yield name, "does not name a readable file"

    @property
    def encrypts(self) -> bool:
        return self.security_protocol.endswith("SSL")

    @property
    def logs_in(self) -> bool:
        return self.security_protocol.startswith("SASL")

    @property
    def password(self) -> str | None:
        """What to log in with: never log it."""
        return self.sasl_password.get_secret_value() if self.sasl_password is not None else None

    @property
    def servers(self) -> list[str]:
        return self.bootstrap_servers.split(",")

    def topic(self, name: str) -> str:
        return f"{self.prefix}{name}"

    def group(self, stage: str) -> str:
        """Return the consumer group of a stage; Faust's changelog topics begin with it too."""
        return f"{self.prefix}callweave-{stage}"

    @property
    def changelog(self) -> str:
        """The topic in which correlate keeps its state."""
        return f"{self.group('correlate')}-legs-changelog"

    def addresses(self) -> list[tuple[str, int]]:
        """The first brokers to ask, as host and port."""
        return [parsed(each) for each in self.servers]


class ClickHouseSettings(Section):
    """How to reach ClickHouse's native protocol."""

    host: Host = "127.0.0.1"
    """Its host."""
    port: Port = 9000
    """Its native port: usually 9000, or 9440 with `secure`."""
    http_port: Port = 8123
    """For people's SQL clients and the embedded engine only; callweave uses the native protocol."""
    database: Annotated[str, AfterValidator(_database)] = "callweave"
    """The database of all tables and views."""
    user: str = "default"
    """The user to log in as."""
    password: SecretStr = SecretStr("")
    """The password of that user."""
    secure: bool = False
    """Whether to encrypt."""
    verify: bool = True
    """Whether to check the server's certificate."""
    ca_certs: Path | None = None
    """PEM file of the authorities that sign the server's certificate; the system's if not set."""
    connect_timeout_seconds: Seconds = 5.0
    """How long a connection may take."""
    query_timeout_seconds: Seconds = 60.0
    """How long the server may stay silent during a query or an insert."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Certificates need encryption."""
        if self.ca_certs is None:
            return
        if not self.secure:
            yield "ca_certs", "is never used, since clickhouse.secure is false"
        elif not os.access(self.ca_certs, os.R_OK):
            yield "ca_certs", "does not name a readable file"


class IngestSettings(Section):
    """The ingress, which takes callbacks by HTTP."""

    host: Host = "127.0.0.1"
    """The address to listen on."""
    port: Port = 8080
    """The port to listen on for callbacks."""
    metrics_port: Port = 9100
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    """How providers reach the ingress, such as https://calls.example.com; callback URLs begin with it."""
    threads: int = Field(default=32, ge=1, le=512)
    """Groups of requests that may wait for the broker at once."""
    max_connections: int = Field(default=8192, ge=16, le=1_000_000)
    """Connections at the same time; one more closes the one that has been of no use for longest."""
    max_connections_per_peer: int = Field(default=2048, ge=1, le=1_000_000)
    """The same of one address: a load balancer's are those of all providers behind it."""
    trusted_proxies: int = Field(default=0, ge=0, le=16)
    """How many of our own proxies are in front; each adds its caller's address to X-Forwarded-For."""
    keep_headers: Annotated[str, Field(pattern=r"^([A-Za-z0-9-]+(,[A-Za-z0-9-]+)*)?$")] = ""
    """Request headers that are kept with each callback, divided by commas, beyond those of signatures and
    Content-Encoding."""
    max_in_flight: int = Field(default=512, ge=1, le=100_000)
    """Requests to one callback URL that may wait for their answers; one more is answered with 503."""
    header_seconds: Seconds = 10.0
    """How long a new connection may say nothing, and how long a request's headers may take: else 408."""
    body_seconds: Seconds = 30.0
    """How long a request's body may take: else 408."""
    keep_alive_seconds: Seconds = 75.0
    """How long a connection may rest between two requests: longer than load balancers let it, mostly 60."""
    max_body_bytes: int = Field(default=512 * 1024, ge=1024, le=900 * 1024)
    """A larger body is answered with 413."""
    max_query_bytes: int = Field(default=16 * 1024, ge=256, le=48 * 1024)
    """A longer query string is answered with 414; a URL and its headers may have 64 KiB together."""
    acknowledge_timeout_seconds: float = Field(default=2.0, gt=0, le=30)
    """How long the broker may take to acknowledge a callback; without a spool the answer is 503 then."""
    spool: Path | None = None
    """Folder for callbacks that the broker does not acknowledge, on a disk that survives us; `spool` in
    `data` otherwise."""
    spool_max_bytes: int = Field(default=1024 * 1024 * 1024, ge=0)
    """How large that may become; more are answered with 503. 0: nothing is kept there."""
    spool_after_seconds: float = Field(default=0.25, gt=0, le=30)
    """How long a callback waits for the broker before it goes there."""
    retry_after_seconds: int = Field(default=5, ge=1, le=3600)
    """When a provider should try again after a 503."""
    drain_seconds: float = Field(default=10.0, ge=0, le=300)
    """How long requests in flight may take once ingest is told to stop."""

    @property
    def base_url(self) -> str:
        """The ingress's public URL, or else the address on which it listens."""
        return self.public_url or f"http://{written(self.host, self.port)}"

    def callback_url(self, token: str) -> str:
        """A secret: whoever knows it may send."""
        return f"{self.base_url}/callbacks/{token}"


class NormalizeSettings(Section):
    """The processor from callbacks to events."""

    metrics_port: Port = 9101
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    batch: int = Field(default=500, ge=1, le=100_000)
    """Callbacks processed at once."""
    stuck_seconds: float = Field(default=60.0, gt=0)
    """/readyz says no once the same batch has been tried for this long, or nothing was committed for this
    long although there is lag."""


class CorrelateSettings(Section):
    """The processor from events to calls."""

    metrics_port: Port = 9102
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    batch: int = Field(default=6000, ge=1, le=100_000)
    """Events processed at once."""
    stuck_seconds: float = Field(default=60.0, gt=0)
    """/readyz says no once the same batch has been tried for this long, or nothing was committed for this
    long although there is lag."""
    silence_seconds: float = Field(default=4 * 3600.0, ge=1, le=LONGEST_WAIT_SECONDS)
    """A call without news for this long is closed, with `close_reason` `timeout`."""
    forget_seconds: float = Field(default=48 * 3600.0, ge=1, le=LONGEST_WAIT_SECONDS)
    """A closed call is dropped from the correlator's state after this long, a complete one already
    after `silence_seconds`; late news brings it back from ClickHouse.
    """
    events_per_call: int = Field(default=300, ge=20, le=400)
    """This many events of one call are kept one by one: of a call that has more, events of legs that have
    ended are summed up, and its row says `truncated`."""
    calls_per_id: int = Field(default=100, ge=2, le=1000)
    """An id may tie this many calls of an hour together; one that ties more is suspect, and links no more."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """A call must be closed before it is forgotten."""
        if self.silence_seconds > self.forget_seconds:
            yield "silence_seconds", "must be ≤ correlate.forget_seconds: a forgotten call is never closed"


class SinkSettings(Section):
    """The sink, which writes to ClickHouse."""

    metrics_port: Port = 9103
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    batch_rows: int = Field(default=10_000, ge=1, le=1_000_000)
    """An insert is made when this many rows wait …"""
    batch_seconds: float = Field(default=0.4, gt=0, le=60)
    """… or when the oldest has waited this long; three times as long for callbacks and events."""
    stuck_seconds: float = Field(default=60.0, gt=0)
    """/readyz says no once the same batch has been tried for this long, or nothing was committed for this
    long although there is lag."""


class WatchSettings(Section):
    """The watch, which raises alerts. One process of it is enough."""

    metrics_port: Port = 9104
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    check_seconds: float = Field(default=10.0, gt=0, le=300)
    """How often silence, lag and spools are looked at; shares of rejections and doubts a sixth as often."""
    audit_seconds: float = Field(default=60.0, ge=1, le=3600)
    """How often the audit is run …"""
    audit_hours: float = Field(default=2.0, gt=0, le=168)
    """… on the callbacks of this many hours."""
    callback_url: OptionalSecret = None
    """Callback URL of a source with the account `callweave` and the dialect `extension-events`: a message
    goes there twice a minute, and SQL must show it. Otherwise the one in the file `watch-url` in `data`,
    which `make run` writes; without any, freshness is not measured."""
    fresh_seconds: Seconds = 60.0
    """How long such a callback may take until SQL shows it."""
    ingest_metrics: Annotated[str, AfterValidator(lambda text: text and _addresses(text))] = ""
    """Where all ingresses serve /metrics, as host:port, separated by commas, to see their spools; empty: the
    one with these settings."""
    webhook_url: OptionalSecret = None
    """Where alerts are posted, as Standard Webhooks."""
    webhook_secret: OptionalSecret = None
    """What they are signed with: base64 of at least 24 bytes, `whsec_` before it."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """A webhook is signed."""
        if self.webhook_url is not None and self.webhook_secret is None:
            yield "webhook_secret", "must be set, since watch.webhook_url is"
        if self.webhook_secret is not None and not _is_secret(self.webhook_secret.get_secret_value()):
            yield "webhook_secret", "must be base64 of at least 24 bytes, as in whsec_…"

    def ingresses(self, default: tuple[str, int]) -> list[tuple[str, int]]:
        """Where to ask for spools, as host and port."""
        return [parsed(each) for each in self.ingest_metrics.split(",")] if self.ingest_metrics else [default]


def _is_secret(text: str) -> bool:
    try:
        return len(base64.b64decode(text.removeprefix("whsec_"), validate=True)) >= 24
    except ValueError:
        return False


class ConsoleSettings(Section):
    """The console: the pages on which people see calls, sources and the pipeline."""

    host: Host = "127.0.0.1"
    """The address to listen on."""
    port: Port = 8090
    """The port to listen on for browsers."""
    metrics_port: Port = 9105
    """Of /metrics, /healthz and /readyz; 0 takes a free one."""
    public_url: Annotated[str, AfterValidator(_url)] | None = None
    """How browsers reach the console through a proxy, such as https://calls.example.com; without it only
    names of this machine and `host` are answered."""
    sign_in: Literal["auto", "always"] = "auto"
    """`always`: people sign in with their user and password of ClickHouse. `auto`: the same, unless console
    and ClickHouse are both of this machine and ClickHouse asks for no password."""
    operator_role: str = Field(default="operator", min_length=1)
    """The role in ClickHouse of those who may change things: sources, and what was rejected."""
    session_hours: float = Field(default=12.0, gt=0, le=24 * 30)
    """How long somebody stays signed in."""
    session_key: SecretStr | None = None
    """Signs the cookies; several consoles behind one address need the same. A key is made in `data`
    otherwise."""
    timezone: Annotated[str, AfterValidator(checked_timezone)] = "UTC"
    """The time zone in which pages show times, and in which the day of *Now* begins."""
    probes: Annotated[
        str,
        Field(pattern=r"^([a-z]+=[^\s,=]+:\d{1,5}(,[a-z]+=[^\s,=]+:\d{1,5})*)?$"),
        AfterValidator(_with_ports),
    ] = ""
    """Where other stages answer /readyz and /metrics, as ingest=host:9100, divided by commas; on this machine
    otherwise."""
    service_level_seconds: Seconds = 20.0
    """A call that is answered within this time is answered in time."""

    @property
    def base_url(self) -> str:
        """The console's public URL, or else the address on which it listens."""
        return self.public_url or f"http://{written(self.host, self.port)}"


class RetentionSettings(Section):
    """How many days the tables keep what was received, counted from the day of receipt; 0 is for ever.

    `callweave migrate` applies a change at once; the sink drops each day when its time is over.
    """

    callbacks_days: Days = 0
    """`callbacks`, with their payloads."""
    events_days: Days = 0
    """`call_events`: late news of a call whose events are gone begins a call of its own."""
    calls_days: Days = 0
    """`calls` and `call_legs`."""
    versions_days: Days = 30
    """Every row of a call that was ever visible: `call_changes` and `calls_as_of`."""
    dead_letters_days: Days = 90
    """`dead_letters`, counted from the day on which the sink put them there."""


class EmbeddedSettings(Section):
    """The servers that `make run` starts; nothing else reads these."""

    kafka_controller_port: Port = 9093
    """Of the embedded Kafka's controller; its clients use the port in `kafka.bootstrap_servers`."""
    jars: Path = Path("var/jars")
    """Kafka's jars, fetched at the first start; several installations may share them."""


class LogSettings(Section):
    """What processes write to standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    """The lowest level to log."""
    format: Literal["auto", "console", "json"] = "auto"
    """`auto` is console on a terminal and JSON elsewhere."""


class Settings(Section):
    """All settings, validated together."""

    sources_file: Path = Path("var/sources.toml")
    """The sources with their hashed tokens; `callweave source` edits it."""
    data: Path = Path("var")
    """Where the embedded servers and the commands keep what must survive a restart."""
    metrics_host: Host = "127.0.0.1"
    """The address on which every stage serves /metrics, /healthz and /readyz."""

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    ingest: IngestSettings = IngestSettings()
    normalize: NormalizeSettings = NormalizeSettings()
    correlate: CorrelateSettings = CorrelateSettings()
    sink: SinkSettings = SinkSettings()
    watch: WatchSettings = WatchSettings()
    console: ConsoleSettings = ConsoleSettings()
    retention: RetentionSettings = RetentionSettings()
    embedded: EmbeddedSettings = EmbeddedSettings()
    log: LogSettings = LogSettings()

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """Two servers of one machine can't share a port."""
        taken: dict[tuple[str, int], str] = {}
        for name, host, port in self.listeners():
            if port and (host, port) in taken:
                yield name, f"must differ from {taken[host, port]}"
            taken.setdefault((host, port), name)

    def spool_folder(self) -> Path | None:
        """Where the ingress keeps what Kafka does not acknowledge; None if that is switched off."""
        return (self.ingest.spool or self.data / "spool") if self.ingest.spool_max_bytes else None

    def probes(self) -> list[tuple[str, str, int]]:
        """Where the console asks each other stage how it is: its name, host, port."""
        if not self.console.probes:
            names = (stage for stage in STAGES if stage != "console")
            return [(name, self.metrics_host, getattr(self, name).metrics_port) for name in names]
        pairs = (each.partition("=") for each in self.console.probes.split(","))
        return [(name, *parsed(where)) for name, _, where in pairs]

    def listeners(self) -> Iterator[tuple[str, str, int]]:
        """Every address that a stage listens on: the setting's name, host, port."""
        yield "ingest.port", self.ingest.host, self.ingest.port
        yield "console.port", self.console.host, self.console.port
        for stage in STAGES:
            yield f"{stage}.metrics_port", self.metrics_host, getattr(self, stage).metrics_port


def load() -> Settings:
    """Return the settings of this process; raise `SettingsError` with every mistake."""
    return load_from(os.environ).settings


def load_from(environ: Mapping[str, str]) -> Loaded[Settings]:
    """Return the settings of an environment and of the file it names, and where each comes from."""
    path = Path(environ.get(FILE_VARIABLE) or DEFAULT_FILE)
    document = _document(path, required=bool(environ.get(FILE_VARIABLE)))
    return read(Settings, environ, document, prefix=PREFIX, origin=path.name, ignored=IGNORED)


def _document(path: Path, *, required: bool) -> dict[str, Any]:
    """Return the TOML file's content; empty if the default file does not exist."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        if required:
            raise SettingsError([f"{FILE_VARIABLE}: there is no file {path}"]) from None
        return {}
    except OSError as error:
        raise SettingsError([f"{path} can't be read: {error.strerror}"]) from None
    except UnicodeDecodeError:
        raise SettingsError([f"{path} is not UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsError([f"{path} is not TOML: {_place(str(error))}"]) from None


def _place(message: str) -> str:
    """Return where the parser stopped, without the key or value that its message may quote."""
    place = re.search(r"\(at [^()]*\)$", message)
    return f"mistake {place.group()[1:-1]}" if place else "mistake somewhere"
