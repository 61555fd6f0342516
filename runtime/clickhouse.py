"""How clickhouse-driver connects to ClickHouse, and what to do if it can't."""

from __future__ import annotations

import re
import struct
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from clickhouse_driver import Client
from clickhouse_driver.errors import (
    CannotParseDomainError,
    CannotParseUuidError,
    Error,
    ErrorCodes,
    LogicalError,
    ServerException,
    TooLargeStringSize,
    TypeMismatchError,
    UnknownTypeError,
)

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
ACCESS_DENIED = 497
GRANT = re.compile(r"the grant ([A-Z ]+(?:\([\w, `]+\))? ON [\w.*`]*[\w*`])")
"""The missing grant, in the text of ACCESS_DENIED: the only part of any error's text that holds no value."""
REFUSED_BY_DRIVER = (
    struct.error,
    TypeError,
    ValueError,
    AttributeError,
    LookupError,
    ArithmeticError,
    LogicalError,
    UnknownTypeError,
    TypeMismatchError,
    TooLargeStringSize,
    CannotParseUuidError,
    CannotParseDomainError,
)
"""How clickhouse-driver refuses values before it sends them, or the type of their column."""
CODE_NAMES = {code: name for name, code in vars(ErrorCodes).items() if name.isupper()}


class RefusedError(StartError, ServerException):  # type: ignore[misc] # the driver has no types
    """ClickHouse refuses a query; the text says what to do, and repeats nothing of the query.

    Commands print it like each `CallweaveError`. `code` is the server's, as in each `ServerException`.
    """

    def __init__(self, sentence: str, refusal: ServerException) -> None:
        super().__init__(sentence, refusal.code)
        self.words = first_line(refusal)
        """The server's own: only for who wrote the query."""

    def __str__(self) -> str:
        return str(self.message)


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

    If the server can't be reached or refuses us, raise a `StartError` that says what to do; if it refuses a
    query, a `RefusedError`.
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
        raise RefusedError(trouble(server, error), error) from None
    except (Error, OSError, EOFError) as error:
        raise StartError(trouble(server, error)) from None
    finally:
        client.disconnect()


def trouble(settings: ClickHouseSettings, error: Exception) -> str:
    """Describe what went wrong with ClickHouse and what to do, in one sentence.

    Without the server's own words: they may repeat the query and its values.
    """
    where = f"ClickHouse at {settings.host}:{settings.port}"
    if isinstance(error, ServerException):
        return _refusal(settings, where, error)
    if isinstance(error, UnknownTypeError):
        return f"{where} answers with a column of a type that can't be read: cast it, as with toString()."
    if is_about_a_value(error):
        return (
            f"{where} can't be sent a value that does not fit its column ({type(error).__name__}): if "
            "somebody changed the table, undo that; otherwise please report it."
        )
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


def is_about_a_value(error: Exception) -> bool:
    """Return whether clickhouse-driver refused a value before it sent anything."""
    return isinstance(error, REFUSED_BY_DRIVER) and not isinstance(error, OSError)  # a certificate's is both


def _refusal(settings: ClickHouseSettings, where: str, error: ServerException) -> str:
    if error.code in LOGIN_CODES:
        return f"{where} refuses the login: check clickhouse.user and clickhouse.password."
    if error.code == UNKNOWN_DATABASE:
        return f"{where} has no database {settings.database}: run `callweave migrate`."
    if error.code in OTHER_TABLES_CODES:
        return OTHER_TABLES
    if error.code == ACCESS_DENIED and (lacking := GRANT.search(first_line(error))):
        return f"{where} refuses: the user {settings.user} lacks the grant {lacking[1]}."
    name = CODE_NAMES.get(error.code, "an error of a later release")
    return f"{where} refuses (code {error.code}, {name}): its log says why."


def first_line(error: ServerException) -> str:
    message = str(error.message).partition("Stack trace:")[0].strip()
    return message.partition("\n")[0].removeprefix("DB::Exception: ")


def rows(client: Client, sql: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return a query's rows, by the names of their columns."""
    found, columns = client.execute(sql, values, with_column_types=True)
    names = [name for name, _ in columns]
    return [dict(zip(names, row, strict=True)) for row in found]


def version(client: Client) -> tuple[int, ...]:
    """Return the server's version, such as (24, 8, 1, 2684)."""
    text = str(client.execute("SELECT version()")[0][0])
    return tuple(int(part) for part in text.split(".") if part.isdigit())
