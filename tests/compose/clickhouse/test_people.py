"""People beside the owner read what their roles let them, and nothing else."""

from __future__ import annotations

import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlencode

import pytest
from clickhouse_driver import Client
from clickhouse_driver.errors import ServerException

from compose.embedded.clickhouse.node import ClickHouseNode
from compose.embedded.clickhouse.people import read_roles
from runtime.addresses import free_port
from runtime.settings import ClickHouseSettings, Settings
from sinks.migrate import migrate

if TYPE_CHECKING:
    from collections.abc import Iterator

ROLES = Path(__file__).parents[3] / "compose" / "access.sql"
DENIED, WRONG = 497, 516
PEOPLE = """
[ana]
password = "secret"
roles = ["masked"]

[otto]
password = ""
roles = ["analyst", "operator"]
"""


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ClickHouseNode]:
    """With all tables and views."""
    folder = tmp_path_factory.mktemp("people")
    people = folder / "people.toml"
    people.write_text(PEOPLE)
    with ClickHouseNode(
        folder / "clickhouse", port=free_port(), http_port=free_port(), people=people, roles=ROLES
    ) as started:
        migrate(Settings(clickhouse=ClickHouseSettings(port=started.port)))
        yield started


@pytest.fixture
def masked(node: ClickHouseNode) -> Iterator[Client]:
    client = Client(node.host, node.port, user="ana", password="secret", database="callweave")
    yield client
    client.disconnect()


def refused(client: Client, sql: str) -> int:
    with pytest.raises(ServerException) as raised:
        client.execute(sql)
    return int(raised.value.code)


def test_the_masked_role_reads_masked_views_and_no_others(masked: Client) -> None:
    assert masked.execute("SELECT count() FROM calls_masked") == [(0,)]
    assert masked.execute("SELECT count() FROM calls_by_hour") == [(0,)]
    for name in ("calls", "stored_calls", "callbacks", "pseudonym_keys", "number_places"):
        assert refused(masked, f"SELECT count() FROM {name}") == DENIED
    assert refused(masked, "DROP TABLE stored_calls") == DENIED
    (tables,) = zip(*masked.execute("SHOW TABLES"), strict=True)
    assert "calls_masked" in tables
    assert "calls" not in tables


def test_roles_are_kept(masked: Client) -> None:
    assert masked.execute("SELECT currentRoles()") == [(["masked"],)]
    for sql in ("SET ROLE ALL", "set /* */ role owner", "SET DEFAULT ROLE owner TO default"):
        assert refused(masked, sql) == DENIED
    masked.execute("SET max_threads = 1")
    masked.execute("SELECT 1", settings={"max_block_size": 100})  # another connection to the engine
    masked.execute("SELECT 1")
    assert masked.execute("SELECT currentRoles()") == [(["masked"],)]


def test_files_are_the_owners(node: ClickHouseNode, masked: Client, tmp_path: Path) -> None:
    secret, made = tmp_path / "secret", tmp_path / "made"
    secret.write_text("secret")
    for sql in (
        f"SELECT file('{secret}')",
        f"SELECT file /* */ ('{secret}')",
        f"SELECT `file`('{secret}')",
        f"SELECT `fi\\x6ce`('{secret}')",
        f"SELECT \"fi\\Nle\"('{secret}')",
        f"SELECT * APPLY(file) FROM (SELECT '{secret}' AS path)",
        f"SELECT * FROM file('{secret}', 'LineAsString')",
        f"SELECT 1 SETTINGS additional_result_filter = 'throwIf(1,\\nfile(\\'{secret}\\'))'",
        f"SET additional_result_filter = 'throwIf(1, `fi\\\\x6ce`(\\'{secret}\\'))'",
        f"SELECT 1 SETTINGS format_template_resultset = '{secret}'",
        f"SELECT 1 INTO OUTFILE '{made}'",
        f"INSERT INTO stored_calls FROM INFILE '{secret}' FORMAT Native",
        "SELECT * FROM eval('SELECT 1') SETTINGS allow_experimental_eval_table_function = 1",
    ):
        assert refused(masked, sql) == DENIED, sql
    given = {"additional_result_filter": f"throwIf(1, file('{secret}'))"}
    with pytest.raises(ServerException) as raised:
        masked.execute("SELECT 1", settings=given)
    assert raised.value.code == DENIED
    assert not made.exists()
    assert masked.execute("SELECT 'profile', 'interval'") == [("profile", "interval")]
    with Client(node.host, node.port, database="callweave") as owner:
        assert owner.execute(f"SELECT file('{secret}')") == [("secret",)]


def test_what_others_ask_is_not_shown(node: ClickHouseNode, masked: Client) -> None:
    with Client(node.host, node.port, database="callweave") as owner:
        with pytest.raises(ServerException):
            owner.execute("SELECT toUUID('secret')")
        assert owner.execute("SELECT count() > 0 FROM system.errors") == [(1,)]
    for sql in (
        "SELECT last_error_message FROM system.errors",
        "SELECT last_error_message FROM merge('system', '^err')",
        "SELECT query FROM system.processes",
        "SELECT query FROM system.`proc\\x65sses`",
        "SHOW PROCESSLIST",
        "KILL QUERY WHERE 1",
    ):
        assert refused(masked, sql) == DENIED, sql


def test_other_roles_and_the_owner(node: ClickHouseNode) -> None:
    with Client(node.host, node.port, user="otto", database="callweave") as client:
        assert client.execute("SELECT count() FROM calls") == [(0,)]
        assert client.execute("SELECT count() FROM calls_masked") == [(0,)]
        assert refused(client, "SELECT count() FROM pseudonym_keys") == DENIED
        assert client.execute("SELECT arraySort(currentRoles())") == [(["analyst", "operator"],)]
        assert refused(client, "CREATE TABLE other (a Int8) ENGINE = Memory") == DENIED
    with Client(node.host, node.port, database="callweave") as client:
        client.execute("CREATE TABLE other (a Int8) ENGINE = Memory")
        client.execute("DROP TABLE other")


def test_a_wrong_password_is_refused(node: ClickHouseNode) -> None:
    for user, password in (("ana", ""), ("ana", "wrong"), ("nobody", "secret")):
        with Client(node.host, node.port, user=user, password=password) as client:
            assert refused(client, "SELECT 1") == WRONG


def test_people_ask_by_http_too(node: ClickHouseNode) -> None:
    def ask(table: str) -> str:
        asked = {"user": "ana", "password": "secret", "query": f"SELECT count() FROM {table}"}
        with urllib.request.urlopen(f"{node.url}/?{urlencode(asked)}") as answer:
            return str(answer.read().decode().strip())

    assert ask("calls_masked") == "0"
    with pytest.raises(urllib.error.HTTPError) as raised:
        ask("calls")
    raised.value.close()
    assert raised.value.headers["X-ClickHouse-Exception-Code"] == str(DENIED)


def test_the_roles_are_those_of_access_sql() -> None:
    roles = read_roles(ROLES)
    assert set(roles) == {"masked", "analyst", "operator"}
    key = "REVOKE SELECT ON callweave.pseudonym_keys"
    assert roles["analyst"] == ["GRANT SELECT ON callweave.*", key]
    assert "GRANT SELECT ON callweave.calls_masked" in roles["masked"]
    assert roles["operator"] == []
