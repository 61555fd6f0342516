from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr

from callweave.commands.settings import document
from runtime.errors import SettingsError
from runtime.reading import fields_of, is_secret
from runtime.settings import KafkaSettings, Settings, load_from

if TYPE_CHECKING:
    from pathlib import Path

HUNTER = "hunter2-hunter2"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def load(**variables: str) -> Settings:
    return load_from({f"CALLWEAVE_{name}": value for name, value in variables.items()}).settings


def problems(**variables: str) -> list[str]:
    with pytest.raises(SettingsError) as raised:
        load(**variables)
    return raised.value.problems


def write(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_without_anything_the_defaults_are_those_of_make_run() -> None:
    settings = load()
    assert settings.kafka.bootstrap_servers == "127.0.0.1:9092"
    assert (settings.clickhouse.port, settings.clickhouse.http_port) == (9000, 8123)
    assert settings.clickhouse.database == "callweave"
    assert (settings.ingest.host, settings.ingest.port) == ("127.0.0.1", 8080)
    assert settings == Settings()


def test_environment_beats_file(folder: Path) -> None:
    write(folder / "callweave.toml", "data = 'd'\n[ingest]\nport = 1\nthreads = 3\n")
    settings = load(INGEST__PORT="2")
    assert (settings.ingest.port, settings.ingest.threads, str(settings.data)) == (2, 3, "d")


def test_the_file_may_have_another_name(folder: Path) -> None:
    path = write(folder / "other.toml", "[ingest]\nport = 1\n")
    assert load(SETTINGS=path).ingest.port == 1


def test_a_named_file_must_be_there() -> None:
    assert problems(SETTINGS="nowhere.toml") == ["CALLWEAVE_SETTINGS: there is no file nowhere.toml"]


def test_a_file_that_is_no_toml_is_said_with_its_place_and_without_its_content(folder: Path) -> None:
    path = write(folder / "s.toml", f"[kafka]\nsasl_password = {HUNTER}\n")
    (problem,) = problems(SETTINGS=path)
    assert problem.startswith(f"{path} is not TOML: mistake at line 2")
    assert HUNTER not in problem


def test_a_file_that_is_not_utf8(folder: Path) -> None:
    (folder / "s.toml").write_bytes(b"\xff")
    assert problems(SETTINGS="s.toml") == ["s.toml is not UTF-8"]


def test_a_folder_in_place_of_the_file(folder: Path) -> None:
    (problem,) = problems(SETTINGS=str(folder))
    assert problem.endswith("can't be read: Is a directory")


def test_every_mistake_is_said_at_once(folder: Path) -> None:
    write(folder / "callweave.toml", "[sink]\nbatch_rows = 0\nbatchrows = 1\n[ingest]\nthreads = 'many'\n")
    assert problems(
        INGEST__PORT="70000",
        LOG__LEVEL="loud",
        KAFKA__SECURITY_PROTOCOL="SASL_SSL",
        KAFKA__PARTITION="1",
        KAFKA__PREFIX="Staging",
        CLICKHOUSE__SECURE="perhaps",
        CORRELATE__SILENCE_SECONDS="inf",
    ) == [
        "CALLWEAVE_KAFKA__PARTITION is not a setting: did you mean CALLWEAVE_KAFKA__PARTITIONS?",
        "callweave.toml: sink.batchrows is not a setting: did you mean sink.batch_rows?",
        (
            "CALLWEAVE_KAFKA__PREFIX (kafka.prefix): must be lower-case letters, digits, - and _, "
            "and end in a dot, as in 'staging.'"
        ),
        "CALLWEAVE_CLICKHOUSE__SECURE (clickhouse.secure): must be true or false",
        "CALLWEAVE_INGEST__PORT (ingest.port): must be ≤ 65535",
        "callweave.toml (ingest.threads): must be a whole number",
        "CALLWEAVE_CORRELATE__SILENCE_SECONDS (correlate.silence_seconds): must be a finite number",
        "callweave.toml (sink.batch_rows): must be ≥ 1",
        "CALLWEAVE_LOG__LEVEL (log.level): must be 'debug', 'info', 'warning' or 'error'",
    ]


NEVER_USED = "is never used, since kafka.security_protocol is PLAINTEXT"
TO_LOG_IN = "must be set, since kafka.security_protocol is SASL_PLAINTEXT"


@pytest.mark.parametrize(
    ("variables", "setting", "why"),
    [
        ({"KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "kafka.sasl_username", TO_LOG_IN),
        ({"KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT"}, "kafka.sasl_password", TO_LOG_IN),
        ({"KAFKA__SASL_USERNAME": "me"}, "kafka.sasl_username", NEVER_USED),
        (
            {"KAFKA__SSL_CERTFILE": "pem", "KAFKA__SECURITY_PROTOCOL": "SSL"},
            "kafka.ssl_keyfile",
            "must be set, since kafka.ssl_certfile is",
        ),
        (
            {"KAFKA__SSL_KEYFILE": "pem", "KAFKA__SECURITY_PROTOCOL": "SSL"},
            "kafka.ssl_certfile",
            "must be set, since kafka.ssl_keyfile is",
        ),
        ({"KAFKA__SSL_CAFILE": "pem"}, "kafka.ssl_cafile", NEVER_USED),
        (
            {"KAFKA__SSL_CAFILE": "none", "KAFKA__SECURITY_PROTOCOL": "SSL"},
            "kafka.ssl_cafile",
            "does not name a readable file",
        ),
        (
            {"CLICKHOUSE__CA_CERTS": "pem"},
            "clickhouse.ca_certs",
            "is never used, since clickhouse.secure is false",
        ),
        ({"CORRELATE__FORGET_SECONDS": "1e305"}, "correlate.forget_seconds", "must be ≤ 1e+08"),
        (
            {"CORRELATE__SILENCE_SECONDS": "61", "CORRELATE__FORGET_SECONDS": "60"},
            "correlate.silence_seconds",
            "must be ≤ correlate.forget_seconds: a forgotten call is never closed",
        ),
        ({"SINK__METRICS_PORT": "9101"}, "sink.metrics_port", "must differ from normalize.metrics_port"),
    ],
)
def test_settings_that_do_not_go_together(
    folder: Path, variables: dict[str, str], setting: str, why: str
) -> None:
    write(folder / "pem", "")
    variable = f"CALLWEAVE_{setting.replace('.', '__').upper()}"
    assert f"{variable} ({setting}): {why}" in problems(**variables)


def test_contradictions_of_one_section_are_said_beside_mistakes_of_another() -> None:
    found = problems(KAFKA__SASL_USERNAME="me", INGEST__PORT="x")
    assert [problem.partition(":")[0] for problem in found] == [
        "CALLWEAVE_KAFKA__SASL_USERNAME (kafka.sasl_username)",
        "CALLWEAVE_INGEST__PORT (ingest.port)",
    ]


def test_ports_of_0_may_be_the_same() -> None:
    assert load(SINK__METRICS_PORT="0", NORMALIZE__METRICS_PORT="0").sink.metrics_port == 0


@pytest.mark.parametrize("text", ["a:1,b:2", "[::1]:9092", "kafka.example.com:9092"])
def test_brokers(text: str) -> None:
    settings = load(KAFKA__BOOTSTRAP_SERVERS=text).kafka
    assert ",".join(f"[{h}]:{p}" if ":" in h else f"{h}:{p}" for h, p in settings.addresses()) == text


@pytest.mark.parametrize("text", ["a", "a:b", ":1", "a:1,", "a:1, b:2", "a:1234567", "kafka://a:1"])
def test_what_is_no_list_of_brokers(text: str) -> None:
    (problem,) = problems(KAFKA__BOOTSTRAP_SERVERS=text)
    assert "must be host:port" in problem


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("KAFKA__BOOTSTRAP_SERVERS", "a:9092,b:65536"),
        ("WATCH__INGEST_METRICS", "a:99999"),
        ("CONSOLE__PROBES", "ingest=a:9100,sink=[::1]:74639"),
    ],
)
def test_there_is_no_port_beyond_the_last(name: str, text: str) -> None:
    """The system's resolver would take the rest of a division: 74639 as 9103."""
    (problem,) = problems(**{name: text})
    assert "must have ports up to 65535" in problem


def test_topics_and_consumer_groups_have_the_prefix() -> None:
    # another name of a group would read everything again, and begin with an empty state
    kafka = KafkaSettings(prefix="staging.")
    assert kafka.topic("calls.events") == "staging.calls.events"
    assert kafka.group("sink") == "staging.callweave-sink"
    assert KafkaSettings().group("correlate") == "callweave-correlate"


def test_the_public_url_loses_its_last_slash() -> None:
    assert load(INGEST__PUBLIC_URL="https://calls.example.com/in/").ingest.public_url == (
        "https://calls.example.com/in"
    )


@pytest.mark.parametrize(
    "text",
    [
        "calls.example.com",
        "ftp://x",
        "https://",
        "https://u:p@x",
        "https://x?a=1",
        "https://x#a",
        "https://[::1",
        "http://x:0",
        "http://x:99999",
    ],
)
def test_what_is_no_public_url(text: str) -> None:
    (problem,) = problems(INGEST__PUBLIC_URL=text)
    assert "must be as in https://calls.example.com" in problem


def test_a_secret_from_a_file_that_a_variable_names(folder: Path) -> None:
    path = write(folder / "secret", f"{HUNTER}\n")
    assert load(CLICKHOUSE__PASSWORD_FILE=path).clickhouse.password.get_secret_value() == HUNTER


def test_a_secret_from_a_file_that_the_settings_file_names(folder: Path) -> None:
    path = write(folder / "secret", f" {HUNTER} \r\n")
    write(folder / "callweave.toml", f"[clickhouse]\npassword_file = '{path}'\n")
    assert load().clickhouse.password.get_secret_value() == f" {HUNTER} "


def test_a_variable_beats_the_secret_file_of_the_settings_file(folder: Path) -> None:
    write(folder / "callweave.toml", "[clickhouse]\npassword_file = 'nowhere'\n")
    assert load(CLICKHOUSE__PASSWORD=HUNTER).clickhouse.password.get_secret_value() == HUNTER


def test_a_secret_given_twice_at_one_place_is_a_mistake(folder: Path) -> None:
    path = write(folder / "secret", "x")
    assert problems(CLICKHOUSE__PASSWORD=HUNTER, CLICKHOUSE__PASSWORD_FILE=path) == [
        (
            "CALLWEAVE_CLICKHOUSE__PASSWORD_FILE (clickhouse.password): "
            "CALLWEAVE_CLICKHOUSE__PASSWORD is set too: keep one"
        )
    ]
    write(folder / "callweave.toml", f"[clickhouse]\npassword_file = '{path}'\npassword = 'x'\n")
    assert problems() == [
        "callweave.toml (clickhouse.password_file): clickhouse.password is set too: keep one"
    ]


@pytest.mark.parametrize("name", ["nowhere", "."])
def test_a_secret_file_that_can_not_be_read(name: str) -> None:
    (problem,) = problems(CLICKHOUSE__PASSWORD_FILE=name)
    assert problem.startswith(
        "CALLWEAVE_CLICKHOUSE__PASSWORD_FILE (clickhouse.password): the secret's file can't be read: "
    )


def test_only_secrets_come_from_files() -> None:
    (problem,) = problems(INGEST__PORT_FILE="x")
    assert problem.startswith("CALLWEAVE_INGEST__PORT_FILE is not a setting")


def test_an_empty_variable_is_not_set() -> None:
    assert load(INGEST__PORT="", INGEST__PUBLIC_URL="", SETTINGS="", NONSENSE="") == Settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TEST_SCALE", "long"),
        ("INGEST_SERVICE_HOST", "10.0.0.1"),
        ("INGEST_SERVICE_PORT", "8080"),
        ("INGEST_SERVICE_PORT_HTTP", "8080"),
        ("INGEST_PORT", "tcp://10.0.0.1:8080"),
        ("INGEST_PORT_8080_TCP", "tcp://10.0.0.1:8080"),
        ("INGEST_PORT_8080_TCP_ADDR", "10.0.0.1"),
        ("INGEST_PORT_8080_TCP_PROTO", "tcp"),
    ],
)
def test_variables_that_are_no_settings_of_ours(name: str, value: str) -> None:
    assert load(**{name: value}) == Settings()


def test_a_single_underscore_is_a_mistake_and_not_a_service() -> None:
    assert problems(INGEST_PORT="8081") == [
        "CALLWEAVE_INGEST_PORT is not a setting: did you mean CALLWEAVE_INGEST__PORT?"
    ]


def test_a_key_where_a_table_should_be(folder: Path) -> None:
    write(folder / "callweave.toml", "kafka = 'a:1'\n[ingest.port]\nx = 1\n[nonsense]\nx = 1\n")
    assert problems() == [
        "callweave.toml (kafka): must be a table: [kafka]",
        "callweave.toml: nonsense is not a setting",
        "callweave.toml (ingest.port): must be a whole number",
    ]


NAMES = [name for name, _ in fields_of(Settings)]
SECRETS = [name for name, info in fields_of(Settings) if is_secret(info)]


def test_the_secrets_are_known() -> None:
    assert SECRETS == [
        "kafka.sasl_password",
        "clickhouse.password",
        "watch.callback_url",
        "watch.webhook_url",
        "watch.webhook_secret",
        "console.session_key",
    ]


@given(st.dictionaries(st.sampled_from(NAMES), st.just(HUNTER), min_size=1))
def test_no_sentence_repeats_a_value(values: dict[str, str]) -> None:
    variables = {name.replace(".", "__").upper(): value for name, value in values.items()}
    try:
        settings = load(**variables)
    except SettingsError as error:
        said = [str(error), repr(error), repr(error.__cause__)]
    else:
        said = [repr(settings.kafka.sasl_password), repr(settings.clickhouse.password)]
    assert HUNTER not in "".join(said)


def test_every_setting_says_what_it_means() -> None:
    assert [name for name, info in fields_of(Settings) if not info.description] == []


def plain(model: BaseModel) -> dict[str, Any]:
    return model.model_dump(exclude={"kafka": {"sasl_password"}, "clickhouse": {"password"}})


def test_the_printed_settings_are_toml_that_gives_them_again_but_for_the_secrets(folder: Path) -> None:
    variables = {
        "CALLWEAVE_CLICKHOUSE__PASSWORD": HUNTER,
        "CALLWEAVE_CLICKHOUSE__USER": 'a "quoted" \\ näme',
        "CALLWEAVE_KAFKA__SECURITY_PROTOCOL": "SASL_PLAINTEXT",
        "CALLWEAVE_KAFKA__SASL_USERNAME": "me",
        "CALLWEAVE_KAFKA__SASL_PASSWORD": HUNTER,
        "CALLWEAVE_SINK__BATCH_SECONDS": "1e-05",
    }
    loaded = load_from(variables)
    text = "\n".join(document(loaded))
    assert HUNTER not in text
    assert tomllib.loads(text)["clickhouse"]["password"] == "***"
    assert "# Set by CALLWEAVE_CLICKHOUSE__USER.\n" in text
    again = load(SETTINGS=write(folder / "again.toml", text))
    assert plain(again) == plain(loaded.settings)
    assert again.kafka.sasl_password == SecretStr("***")
