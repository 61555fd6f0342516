"""Every setting of callweave, with its default, its unit and its check.

Read from, first wins: environment (`CALLWEAVE_KAFKA__BOOTSTRAP_SERVERS`), secret files
(`CALLWEAVE_KAFKA__SASL_PASSWORD_FILE` names a file that holds the value), and the TOML file that
`CALLWEAVE_SETTINGS` names (`callweave.toml` in the working folder otherwise).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr
from pydantic_settings import (
    BaseSettings,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

Port = Field(ge=0, le=65535)


class Section(BaseModel):
    """A group of settings; a name that is not a setting is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class KafkaSettings(Section):
    """How to reach Kafka, and the shape of our topics."""

    bootstrap_servers: str = "127.0.0.1:9092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = None
    ssl_certfile: Path | None = None
    ssl_keyfile: Path | None = None
    partitions: int = Field(default=4, ge=1, le=1024)
    """Partitions of every topic: events and links of one leg must meet on one number."""
    replication_factor: int = Field(default=1, ge=1, le=16)
    prefix: str = Field(default="", pattern=r"^([a-z0-9][a-z0-9_-]*\.)?$")
    """Put before the name of every topic and consumer group, so that installations can share a cluster."""
    session_timeout_seconds: float = Field(default=6.0, ge=1, le=300)
    """How long a dead worker's partitions stand still."""


class ClickHouseSettings(Section):
    """How to reach ClickHouse's native protocol."""

    host: str = "127.0.0.1"
    port: int = Field(default=9000, ge=0, le=65535)
    http_port: int = Field(default=8123, ge=0, le=65535)
    """Used by people's SQL clients and by the embedded engine alone; callweave speaks the native protocol."""
    database: str = Field(default="callweave", pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,62}$")
    user: str = "default"
    password: SecretStr = SecretStr("")
    secure: bool = False
    verify: bool = True
    ca_certs: Path | None = None
    connect_timeout_seconds: float = Field(default=5.0, gt=0, le=120)
    query_timeout_seconds: float = Field(default=60.0, gt=0, le=3600)


class IngestSettings(Section):
    """The HTTP side."""

    host: str = "127.0.0.1"
    port: int = Field(default=8080, ge=0, le=65535)
    public_url: str | None = None
    """What providers reach us by, as in https://calls.example.com; the callback URLs begin with it."""
    threads: int = Field(default=32, ge=1, le=512)
    """Requests that may wait for the broker at the same time."""
    max_body_bytes: int = Field(default=512 * 1024, ge=1024, le=900 * 1024)
    max_query_bytes: int = Field(default=16 * 1024, ge=256, le=64 * 1024)
    acknowledge_timeout_seconds: float = Field(default=2.0, gt=0, le=30)
    """How long a callback may wait for the broker before the answer is 503."""
    retry_after_seconds: int = Field(default=5, ge=1, le=3600)
    drain_seconds: float = Field(default=10.0, ge=0, le=300)
    """How long requests in flight may take once we are told to stop."""


class NormalizeSettings(Section):
    """The processor from callbacks to events."""

    metrics_port: int = Field(default=9101, ge=0, le=65535)
    batch: int = Field(default=2000, ge=1, le=100_000)


class CorrelateSettings(Section):
    """The processor from events to calls."""

    metrics_port: int = Field(default=9102, ge=0, le=65535)
    batch: int = Field(default=2000, ge=1, le=100_000)
    silence_seconds: float = Field(default=4 * 3600, ge=1)
    """A call without news for so long is closed, with `close_reason` `timeout`."""
    forget_seconds: float = Field(default=48 * 3600, ge=1)
    """A leg without news for so long is dropped from the correlator's state; links live twice as long."""


class SinkSettings(Section):
    """The way into ClickHouse."""

    metrics_port: int = Field(default=9103, ge=0, le=65535)
    batch_rows: int = Field(default=10_000, ge=1, le=1_000_000)
    batch_seconds: float = Field(default=0.25, gt=0, le=60)
    """An insert is made when either is reached."""


class LogSettings(Section):
    """What processes say on standard error."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "console", "json"] = "auto"
    """`auto` is console on a terminal and JSON elsewhere."""


class Settings(BaseSettings):
    """All settings, validated together."""

    model_config = SettingsConfigDict(
        env_prefix="CALLWEAVE_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    kafka: KafkaSettings = KafkaSettings()
    clickhouse: ClickHouseSettings = ClickHouseSettings()
    ingest: IngestSettings = IngestSettings()
    normalize: NormalizeSettings = NormalizeSettings()
    correlate: CorrelateSettings = CorrelateSettings()
    sink: SinkSettings = SinkSettings()
    log: LogSettings = LogSettings()
    sources_file: Path = Path("var/sources.toml")
    data: Path = Path("var")
    """Where the embedded servers and the processors keep what survives a restart."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Arguments, then environment, then the TOML file."""
        del dotenv_settings, file_secret_settings
        path = Path(os.environ.get("CALLWEAVE_SETTINGS", "callweave.toml"))
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls, path)
