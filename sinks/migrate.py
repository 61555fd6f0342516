"""Bring ClickHouse's tables and views up to date. May be run again, and by several at the same time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from clickhouse_driver.errors import ServerException

from runtime import clickhouse
from runtime.errors import CallweaveError, StartError
from sinks import indexes, pseudonyms, retention, statements

if TYPE_CHECKING:
    from collections.abc import Collection

    from clickhouse_driver import Client

    from runtime.settings import Settings
    from sinks.statements import SqlFile

APPLIED = """
CREATE TABLE IF NOT EXISTS schema_migrations
(
    `name` String COMMENT 'The file in sinks/migrations or sinks/queries',
    `checksum` String COMMENT 'SHA-256 of its text when it was applied',
    `applied_at` DateTime64(6, 'UTC') COMMENT 'When, by the clock of ClickHouse'
)
ENGINE = ReplacingMergeTree(applied_at)
ORDER BY name
COMMENT 'Which migrations and views are applied'
"""


class MigrationError(CallweaveError):
    """The tables can't be brought up to date; the text says what to do."""


def migrate(settings: Settings) -> list[str]:
    """Apply what is pending, and return its names. Raises `MigrationError` or `StartError`.

    Every statement may be repeated: after a failure, or beside another migrator, just run it again.
    """
    _create_database(settings)
    with clickhouse.connected(settings.clickhouse) as client:
        client.execute(APPLIED)
        unknown = _unknown(client)
        pending = _pending(client, unknown)
        for file in pending:
            _apply(client, file)
        indexes.ensure(client, unknown)
        pseudonyms.ensure_key(client)
        retention.drop(client, settings.retention, datetime.now(UTC).date())
    return [file.name for file in pending]


def pending(settings: Settings) -> list[str]:
    """Return the names of what `migrate` would apply now. Raises `MigrationError` or `StartError`."""
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        known = client.execute(
            "SELECT count() FROM system.tables WHERE database = %(database)s AND name = 'schema_migrations'",
            {"database": settings.clickhouse.database},
        )
    if known == [(0,)]:
        return [file.name for file in (*statements.migrations(), *statements.views())]
    with clickhouse.connected(settings.clickhouse) as client:
        return [file.name for file in _pending(client, _unknown(client))]


def pending_tables(settings: Settings) -> list[str]:
    """Return the pending migrations' names; views may be those of another release. Raises the same."""
    files = {file.name for file in statements.migrations()}
    return [name for name in pending(settings) if name in files]


def _create_database(settings: Settings) -> None:
    name = settings.clickhouse.database
    with clickhouse.connected(settings.clickhouse, database="default") as client:
        version = clickhouse.version(client)
        if version < clickhouse.MINIMUM_VERSION:
            found, wanted = (".".join(map(str, each)) for each in (version, clickhouse.MINIMUM_VERSION))
            raise StartError(f"ClickHouse is {found}, but callweave needs {wanted} or later: update it.")
        # asked first: who may not create databases may still use the one that was made for us
        if client.execute("SELECT count() FROM system.databases WHERE name = %(name)s", {"name": name}) == [
            (0,)
        ]:
            client.execute(f"CREATE DATABASE IF NOT EXISTS `{name}`")


def _pending(client: Client, unknown: Collection[str]) -> list[SqlFile]:
    """Return what is not applied yet: a view again once the server knows more of its settings."""
    applied = dict(client.execute("SELECT name, checksum FROM schema_migrations FINAL"))
    there = {
        name
        for (name,) in client.execute("SELECT name FROM system.tables WHERE database = currentDatabase()")
    }
    migrations = [file for file in statements.migrations() if not _is_applied(file, applied)]
    views = [
        file
        for file in statements.views(unknown)
        if applied.get(file.name) != file.checksum or file.name.removesuffix(".sql") not in there
    ]
    return [*migrations, *views]


def _is_applied(file: SqlFile, applied: dict[str, str]) -> bool:
    checksum = applied.get(file.name)
    if checksum not in {None, file.checksum}:
        raise MigrationError(
            f"The migration {file.name} was applied with another text: restore the file, "
            "and put the change into a new migration."
        )
    return checksum is not None


def _unknown(client: Client) -> set[str]:
    """Return the settings of views that this server does not know yet."""
    known = client.execute(
        "SELECT name FROM system.settings WHERE name IN %(later)s", {"later": statements.LATER}
    )
    return {*statements.LATER}.difference(name for (name,) in known)


def _apply(client: Client, file: SqlFile) -> None:
    for statement in file.statements:
        try:
            client.execute(statement)
        except ServerException as error:
            raise MigrationError(
                f"ClickHouse refuses the migration {file.name}: {clickhouse.first_line(error)}"
            ) from None
    client.execute(
        "INSERT INTO schema_migrations (name, checksum, applied_at) "
        "SELECT %(name)s, %(checksum)s, now64(6, 'UTC')",
        {"name": file.name, "checksum": file.checksum},
    )
