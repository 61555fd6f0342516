"""How clickhouse-driver connects to ClickHouse, and what to do if it can't."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clickhouse_driver import Client
from clickhouse_driver.errors import Error, ErrorCodes, ServerException

from runtime.errors import StartError
from runtime.tls import distrust

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from runtime.settings import ClickHouseSettings

MINIMUM_VERSION = (24, 8)

LOGIN_CODES = {192, 193, 194, 516}
"""UNKNOWN_USER, WRONG_PASSWORD, REQUIRED_PASSWORD, AUTHENTICATION_FAILED in ClickHouse's ErrorCodes.cpp."""
UNKNOWN_DATABASE = 81
OTHER_TABLES_CODES = {47, 60}
"""UNKNOWN_IDENTIFIER, UNKNOWN_TABLE: our own queries are right for the tables of their release."""
OTHER_TABLES = "The tables are not those of this release: run `callweave migrate`."
"""What is wrong, whatever the server says of it."""
NAMES_OF_CODES = {code: name for name, code in vars(ErrorCodes).items() if isinstance(code, int)}
"""Codes of later releases are not among them."""


def client_options(
    settings: ClickHouseSettings, *, database: str | None = None, as_bytes: bool = False
) -> dict[str, Any]:
    """Keyword arguments for clickhouse-driver's `Client`. They hold the password: never log them.

    `database` replaces the one in the settings: `default` where ours may not exist yet. With `as_bytes` every
    String is returned as bytes, for columns that are not always UTF-8.
    """
    options: dict[str, Any] = {
        "host": settings.host,
        "port": settings.port,
        "database": settings.database if database is None else database,
        "user": settings.user,
        "password": settings.password.get_secret_value(),
        "connect_timeout": settings.connect_timeout_seconds,
        "send_receive_timeout": settings.query_timeout_seconds,
        "client_name": "callweave",
        "compression": "lz4",
    }
    if as_bytes:
        options["settings"] = {"strings_as_bytes": True}
    if settings.secure:
        options |= {"secure": True, "verify": settings.verify}
        if settings.ca_certs is not None:
            options["ca_certs"] = str(settings.ca_certs)
    return options


@contextmanager
def connected(
    server: ClickHouseSettings,
    *,
    database: str | None = None,
    as_bytes: bool = False,
    settings: Mapping[str, Any] | None = None,
) -> Iterator[Client]:
    """Connect; `settings` are those of each query.

    If the server can't be reached or refuses us, raise a `StartError` that says what to do.

    A query that the server refuses raises `ServerException` as usual.
    """
    options = client_options(server, database=database, as_bytes=as_bytes)
    if settings:
        options["settings"] = {**options.get("settings", {}), **settings}
    client = Client(**options)
    try:
        yield client
    except ServerException as error:
        if error.code in LOGIN_CODES or error.code == UNKNOWN_DATABASE:
            raise StartError(trouble(server, error)) from None
        raise
    except (Error, OSError, EOFError) as error:
        raise StartError(trouble(server, error)) from None
    finally:
        client.disconnect()


def trouble(settings: ClickHouseSettings, error: Exception) -> str:
    """Describe what went wrong with ClickHouse and what to do, in one sentence.

    It does not quote the server, whose words may repeat a query with its values.
    """
    where = f"ClickHouse at {settings.host}:{settings.port}"
    code = error.code if isinstance(error, ServerException) else None
    if code in LOGIN_CODES:
        return f"{where} refuses the login: check clickhouse.user and clickhouse.password."
    if code in OTHER_TABLES_CODES:
        return OTHER_TABLES
    if code == UNKNOWN_DATABASE:
        return f"{where} has no database {settings.database}: run `callweave migrate`."
    if code is not None:
        name = NAMES_OF_CODES.get(code)
        return f"{where} refuses with code {code}{f' ({name})' if name else ''}: its log says why."
    if settings.secure and settings.verify:
        reason = distrust(settings.host, settings.port, settings.ca_certs)
        if reason is not None:
            return (
                f"{where} shows a certificate that is not trusted ({reason}): set clickhouse.ca_certs to the "
                "certificate of its authority, and clickhouse.host to a name that it is made for."
            )
    return (
        f"{where} does not answer ({type(error).__name__}): start it (`make run` has one), "
        "or correct clickhouse.host, clickhouse.port and clickhouse.secure."
    )


def first_line(error: Exception) -> str:
    """Return what the server says: only for people who wrote the query themselves."""
    message = str(error.message if isinstance(error, ServerException) else error)
    return message.partition("Stack trace:")[0].strip().partition("\n")[0].removeprefix("DB::Exception: ")


def rows(client: Client, sql: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return a query's rows, by the names of their columns."""
    found, columns = client.execute(sql, values, with_column_types=True)
    names = [name for name, _ in columns]
    return [dict(zip(names, row, strict=True)) for row in found]


def version(client: Client) -> tuple[int, ...]:
    """Return the server's version, such as (24, 8, 1, 2684)."""
    text = str(client.execute("SELECT version()")[0][0])
    return tuple(int(part) for part in text.split(".") if part.isdigit())
