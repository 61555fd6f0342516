"""The HTTP query interface, as curl, DBeaver and Grafana use it."""

from __future__ import annotations

import base64
import contextlib
import gzip
import http.client
import json
import socket
import zlib
from typing import TYPE_CHECKING

import pytest

from compose.embedded.clickhouse.blocks import BLOCK_INFO, skip_info, split
from compose.embedded.clickhouse.frames import compress, read_frame
from compose.embedded.clickhouse.wire import Reader

if TYPE_CHECKING:
    import httpx
    from clickhouse_driver import Client

    from compose.embedded.clickhouse.node import ClickHouseNode


def _unframe(data: bytes) -> bytes:
    pieces = iter((data,))
    source = Reader(lambda: next(pieces, b""), len(data))
    source.more()
    plain = b""
    while source.waiting:
        plain += read_frame(source)
    return plain


@pytest.fixture
def table(client: Client) -> None:
    client.execute("CREATE TABLE t (a UInt32, b String) ENGINE = MergeTree ORDER BY a")


@pytest.mark.parametrize("path", ["/", "/ping", "/replicas_status"])
def test_alive(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert (answer.status_code, answer.text) == (200, "Ok.\n")


def test_no_such_path(http: httpx.Client) -> None:
    assert http.get("/nothing").status_code == 404
    assert http.post("/nothing", content="SELECT 1").status_code == 404


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://elsewhere.example"},
        {"Origin": "null"},
        {"Origin": "http://localhost:1"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Host": "elsewhere.example"},  # a name that was made to lead here
        {"Host": "elsewhere.example:8123", "Origin": "http://elsewhere.example:8123"},
    ],
)
def test_another_web_page_can_not_ask(http: httpx.Client, table: None, headers: dict[str, str]) -> None:
    simple = {"Content-Type": "text/plain", **headers}
    refused = http.post("/", content="INSERT INTO t VALUES (1, 'x')", headers=simple)
    assert (refused.status_code, refused.headers["X-ClickHouse-Exception-Code"]) == (403, "497")
    assert http.get("/", params={"query": "SELECT 1"}, headers=headers).status_code == 403
    assert http.post("/", content="SELECT count() FROM t").text == "0\n"


def test_our_own_page_and_clients_can(http: httpx.Client) -> None:
    own = str(http.base_url).rstrip("/")
    for headers in (
        {"Origin": own, "Sec-Fetch-Site": "same-origin"},
        {"Sec-Fetch-Site": "none"},
        {"Host": "clickhouse:8123"},
        {"Host": "host.docker.internal:8123"},
        {"Host": "[::1]:8123"},
    ):
        assert http.post("/", content="SELECT 1", headers=headers).text == "1\n", headers


def test_a_page_to_ask_from_runs_on_what_this_server_has(http: httpx.Client) -> None:
    page = http.get("/play")
    assert page.status_code == 200
    assert page.headers["Content-Type"].startswith("text/html")
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "http://" not in page.text
    assert "https://" not in page.text
    asked = "?default_format=JSONCompactStrings"
    assert f'fetch("/{asked}"' in page.text
    answer = http.post(f"/{asked}", content="SELECT toUInt64(-1) AS n, NULL AS nothing").json()
    assert [column["name"] for column in answer["meta"]] == ["n", "nothing"]
    assert answer["data"] == [["18446744073709551615", "ᴺᵁᴸᴸ"]]


def test_query_in_the_url_in_the_body_and_in_both(http: httpx.Client) -> None:
    assert http.get("/", params={"query": "SELECT 1, 'a'"}).text == "1\ta\n"
    assert http.post("/", content="SELECT 2").text == "2\n"
    assert http.post("/", params={"query": "SELECT 3"}).text == "3\n"
    assert http.post("/", params={"query": "SELECT 4"}, content="+ 1").text == "5\n"


def test_headers_of_an_answer(http: httpx.Client) -> None:
    answer = http.get("/", params={"query": "SELECT number FROM numbers(3)", "query_id": "mine-1"})
    assert answer.headers["X-ClickHouse-Query-Id"] == "mine-1"
    assert answer.headers["X-ClickHouse-Format"] == "TabSeparated"
    assert answer.headers["X-ClickHouse-Timezone"]
    assert answer.headers["Content-Type"] == "text/tab-separated-values; charset=UTF-8"
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["read_rows"] == "3"
    assert http.get("/", params={"query": "SELECT 1"}).headers["X-ClickHouse-Query-Id"]


def test_formats(http: httpx.Client) -> None:
    query = "SELECT 1 AS a, 'x' AS b"
    answer = http.get("/", params={"query": query, "default_format": "JSON"})
    assert answer.headers["Content-Type"] == "application/json; charset=UTF-8"
    assert answer.json()["meta"] == [{"name": "a", "type": "UInt8"}, {"name": "b", "type": "String"}]
    assert answer.json()["data"] == [{"a": 1, "b": "x"}]
    assert http.get("/", params={"query": query + " FORMAT CSVWithNames"}).text == '"a","b"\n1,"x"\n'
    assert http.get("/", params={"query": query}, headers={"X-ClickHouse-Format": "JSONEachRow"}).json()
    assert http.get("/", params={"query": "SHOW DATABASES FORMAT JSONCompact"}).json()["data"]
    totals = "SELECT number AS n, count() AS c FROM numbers(2) GROUP BY n WITH TOTALS FORMAT JSON"
    assert http.get("/", params={"query": totals}).json()["totals"] == {"n": 0, "c": 2}


@pytest.mark.parametrize(
    "form", ["TSVWithNamesAndTypes", "CSVWithNames", "JSONCompactEachRowWithNamesAndTypes"]
)
def test_names_stand_once_in_a_long_result(http: httpx.Client, form: str) -> None:
    query = f"SELECT number AS `a\"b`, 'x' AS c FROM numbers(200000) FORMAT {form}"
    answer = http.get("/", params={"query": query})
    assert answer.headers["Transfer-Encoding"] == "chunked"
    lines = answer.text.splitlines()
    header_rows = 2 if form.endswith("Types") else 1
    assert len(lines) == 200_000 + header_rows
    assert sum("b" in line for line in lines) == 1


def test_names_stand_once_in_a_long_binary_result(http: httpx.Client) -> None:
    query = "SELECT number AS n FROM numbers(200000) FORMAT RowBinaryWithNamesAndTypes"
    content = http.get("/", params={"query": query}).content
    assert content.startswith(b"\x01\x01n\x06UInt64")
    assert len(content) == 10 + 200_000 * 8


def test_native_with_and_without_block_info(http: httpx.Client) -> None:
    query = {"query": "SELECT number FROM numbers(200000) FORMAT Native"}
    assert sum(block.rows for block in split(http.get("/", params=query).content)) == 200_000
    content = http.get(
        "/", params={**query, "client_protocol_version": "54405", "max_block_size": "1000000"}
    ).content
    assert content.startswith(BLOCK_INFO)
    pieces = iter((content,))
    source = Reader(lambda: next(pieces, b""), len(content))
    skip_info(source)
    assert next(split(bytes(source.data[source.position :]))).rows == 200_000


def test_parameters(http: httpx.Client) -> None:
    query = "SELECT {text:String}, {list:Array(UInt8)}, {at:DateTime64(6, 'UTC')} FORMAT JSONCompactEachRow"
    values = {"param_text": "it's a\\tb", "param_list": "[1,2]", "param_at": "2021-02-09 02:00:03.5"}
    answer = http.get("/", params={"query": query, **values})
    assert answer.json() == ["it's a\tb", [1, 2], "2021-02-09 02:00:03.500000"]
    missing = http.get("/", params={"query": query})
    assert missing.headers["X-ClickHouse-Exception-Code"] == "456"


def test_settings_and_database(http: httpx.Client, client: Client, database: str) -> None:
    query = {"query": "SELECT getSetting('max_block_size'), currentDatabase()"}
    assert http.get("/", params={**query, "max_block_size": "77"}).text == f"77\t{database}\n"
    assert (
        http.get("/", params={**query, "max_block_size": "7", "database": "default"}).text == "7\tdefault\n"
    )


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT nothing", 404, 47),
        ("SELECT * FROM nothing", 404, 60),
        ("SELEC 1", 400, 62),
        ("", 400, 62),
        ("SELECT 1 SETTINGS nothing = 1", 404, 115),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT toUInt8('x')", 400, 6),
        ("SELECT 1 FORMAT Nothing", 404, 73),
        ("INSERT INTO nothing VALUES (1)", 404, 60),
    ],
)
def test_errors(http: httpx.Client, query: str, status: int, code: int) -> None:
    answer = http.post("/", content=query)
    assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (status, str(code))
    assert answer.text.startswith(f"Code: {code}. DB::Exception: ")
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"


def test_unknown_settings_and_databases(http: httpx.Client) -> None:
    assert (
        http.get("/", params={"query": "SELECT 1", "nothing": "1"}).headers["X-ClickHouse-Exception-Code"]
        == "115"
    )
    assert (
        http.get("/", params={"query": "SELECT 1", "database": "no"}).headers["X-ClickHouse-Exception-Code"]
        == "81"
    )


def test_an_error_in_the_middle_of_a_result_cuts_it_off(node: ClickHouseNode) -> None:
    connection = http.client.HTTPConnection(node.host, node.http_port, timeout=60)
    connection.request("POST", "/", "SELECT throwIf(number = 9000000) FROM numbers(10000000)")
    answer = connection.getresponse()
    assert answer.status == 200
    with pytest.raises(http.client.IncompleteRead) as caught:
        answer.read()
    assert b"Code: 395" in caught.value.partial
    connection.close()


def test_get_changes_nothing(http: httpx.Client, table: None) -> None:
    for query in ("INSERT INTO t VALUES (1, 'a')", "DROP TABLE t", "CREATE TABLE u (a Int8) ENGINE = Memory"):
        answer = http.get("/", params={"query": query})
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (500, "164")
    assert http.get("/", params={"query": "SELECT count() FROM t", "max_threads": "1"}).text == "0\n"
    assert http.post("/", content="DROP TABLE t").status_code == 200


@pytest.mark.parametrize(
    ("query", "body"),
    [
        ("INSERT INTO t FORMAT JSONEachRow", '{"a": 1, "b": "x"}\n{"a": 2, "b": "y"}'),
        ("INSERT INTO t (b, a) FORMAT CSV", "x,1\ny,2\n"),
        ("INSERT INTO t VALUES", "(1, 'x'), (1 + 1, 'y')"),
        ("INSERT INTO t VALUES (1, 'x'),", "(2, 'y')"),
        ("INSERT INTO t SETTINGS max_threads = 1 FORMAT TSV", "1\tx\n2\ty\n"),
        ("", "INSERT INTO t FORMAT TabSeparated\n1\tx\n2\ty\n"),
        ("", "INSERT INTO t VALUES (1, 'x'), (2, 'y');"),
        ("", "INSERT INTO t SELECT 1, 'x' UNION ALL SELECT 2, 'y'"),
    ],
)
def test_inserts(http: httpx.Client, table: None, query: str, body: str) -> None:
    answer = http.post("/", params={"query": query} if query else {}, content=body)
    assert answer.text == ""
    assert json.loads(answer.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    assert http.get("/", params={"query": "SELECT * FROM t ORDER BY a"}).text == "1\tx\n2\ty\n"


def test_a_bad_row_inserts_nothing(http: httpx.Client, table: None) -> None:
    rows = b"".join(b'{"a": %d, "b": "x"}\n' % n for n in range(200_000))
    answer = http.post(
        "/", params={"query": "INSERT INTO t FORMAT JSONEachRow"}, content=rows + b'{"a": "x"}'
    )
    assert answer.status_code == 400
    assert http.get("/", params={"query": "SELECT count() FROM t"}).text == "0\n"


def test_a_body_in_chunks(http: httpx.Client, table: None) -> None:
    pieces = (b"%d\t%s\n" % (n, b"x" * 1000) for n in range(5000))
    assert http.post("/", params={"query": "INSERT INTO t FORMAT TSV"}, content=pieces).status_code == 200
    assert http.get("/", params={"query": "SELECT count(), sum(length(b)) FROM t"}).text == "5000\t5000000\n"


@pytest.mark.parametrize(("encoding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body(http: httpx.Client, table: None, encoding: str, pack: type[bytes]) -> None:
    body = pack(b"INSERT INTO t FORMAT TSV\n1\tx\n")
    assert http.post("/", content=body, headers={"Content-Encoding": encoding}).status_code == 200
    assert http.get("/", params={"query": "SELECT * FROM t"}).text == "1\tx\n"


def test_a_damaged_compressed_body(http: httpx.Client, table: None) -> None:
    body = gzip.compress(b"INSERT INTO t FORMAT TSV\n" + b"1\tx\n" * 1000)
    for broken in (body[:-10], b"nonsense"):
        assert http.post("/", content=broken, headers={"Content-Encoding": "gzip"}).status_code == 400
    assert http.post("/", content=body, headers={"Content-Encoding": "br"}).status_code == 501
    assert http.get("/", params={"query": "SELECT count() FROM t"}).text == "0\n"


def test_a_compressed_answer(http: httpx.Client) -> None:
    for count in (3, 200_000):
        query = {"query": f"SELECT number FROM numbers({count})"}
        plain = http.get("/", params=query, headers={"Accept-Encoding": "gzip"})
        assert "Content-Encoding" not in plain.headers
        packed = http.get(
            "/", params={**query, "enable_http_compression": "1"}, headers={"Accept-Encoding": "gzip"}
        )
        assert packed.headers["Content-Encoding"] == "gzip"
        assert packed.text == plain.text


def test_clickhouses_own_frames(http: httpx.Client, table: None) -> None:
    """As the JDBC driver asks for by default."""
    body = b"".join(compress(b"INSERT INTO t FORMAT TSV\n1\tx\n"))
    assert http.post("/", params={"decompress": "1"}, content=body).status_code == 200
    for query in ("SELECT * FROM t", "SELECT number FROM numbers(200000)", "SELECT nothing"):
        answer = http.post("/", params={"query": query, "compress": "1"})
        assert _unframe(answer.content).decode() == http.post("/", params={"query": query}).text


def test_authorization(node: ClickHouseNode, http: httpx.Client) -> None:
    query = {"query": "SELECT 1"}
    basic = "Basic " + base64.b64encode(b"default:").decode()
    assert http.get("/", params=query, headers={"Authorization": basic}).text == "1\n"
    assert http.get("/", params={**query, "user": "default", "password": ""}).text == "1\n"
    wrong = "Basic " + base64.b64encode(b"default:wrong").decode()
    for headers in ({"Authorization": wrong}, {"X-ClickHouse-User": "nobody"}, {"X-ClickHouse-Key": "wrong"}):
        answer = http.get("/", params=query, headers=headers)
        assert (answer.status_code, answer.headers["X-ClickHouse-Exception-Code"]) == (403, "516")


def test_head_has_no_body(http: httpx.Client) -> None:
    answer = http.head("/", params={"query": "SELECT 1"})
    assert (answer.status_code, answer.content) == (200, b"")


def test_a_connection_is_kept_alive(node: ClickHouseNode) -> None:
    connection = http.client.HTTPConnection(node.host, node.http_port, timeout=60)
    connection.connect()
    sock = connection.sock
    for query in ("SELECT 1", "SELECT nothing", "SELECT 2"):
        connection.request("POST", "/", query)
        connection.getresponse().read()
        assert connection.sock is sock
    connection.close()


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 100\r\n\r\nSELECT 1",
        b"GET /?query=%FF HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
    ids=range(7),
)
def test_nonsense_ends_its_own_connection(node: ClickHouseNode, http: httpx.Client, sent: bytes) -> None:
    with (
        socket.create_connection((node.host, node.http_port), timeout=60) as sock,
        contextlib.suppress(OSError),  # it may end the connection before it has read all we sent
    ):
        sock.sendall(sent)
        sock.shutdown(socket.SHUT_WR)
        while sock.recv(65536):
            pass
    assert http.get("/", params={"query": "SELECT 1"}).text == "1\n"
