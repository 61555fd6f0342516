from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from provider import settings as providers
from provider.settings import ProviderSettingsError, checked, credentials, provider_of, set_provider
from runtime import sources

if TYPE_CHECKING:
    from pathlib import Path

URL = "https://api.example.com/api/ver1.0"
SECRET = "very-secret-4711"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A sources file with one source of each dialect."""
    path = tmp_path / "sources.toml"
    sources.add(path, "pbx", "acme", "extension-events", "UTC")
    sources.add(path, "centre", "acme", "common-api", "UTC")
    return path


def problems(table: Any) -> list[str]:
    with pytest.raises(ProviderSettingsError) as caught:
        checked("pbx", table)
    assert SECRET not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value).splitlines()


def test_every_mistake_is_named_at_once() -> None:
    assert problems(
        {
            "base_url": "http://api.example.com",
            "client_id": "",
            "attempts": 0,
            "token": SECRET,
            "colour": "red",
            "answer_timeout_seconds": float("nan"),
        }
    ) == [
        "sources.pbx.provider.base_url must begin with https://, since the token and phone numbers travel "
        "with it.",
        "sources.pbx.provider.client_id must not be empty.",
        "sources.pbx.provider.answer_timeout_seconds must be a finite number.",
        "sources.pbx.provider.attempts must be ≥ 1.",
        "sources.pbx.provider.token must not stand in the sources file: write it to a file, and name that in "
        "token_file.",
        "sources.pbx.provider.colour is not a setting.",
    ]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({}, "token_file or token_variable must be set, or app_id with its secret"),
        ({"token_file": "a", "token_variable": "B"}, "token_file and token_variable are both set: keep one"),
        ({"token_file": "a", "app_id": "b"}, "a token is set, and an application too: keep one"),
        ({"app_id": "b"}, "app_secret_file or app_secret_variable must be set, since app_id is"),
        ({"app_secret_file": "b"}, "app_id must be set, since its secret is"),
    ],
)
def test_one_way_in_is_enough_and_needed(changes: dict[str, str], sentence: str) -> None:
    assert problems({"base_url": URL, **changes}) == [f"sources.pbx.provider: {sentence}."]


@pytest.mark.parametrize("table", [None, "https://api.example.com", [1]])
def test_a_table_that_is_none(table: Any) -> None:
    assert problems(table)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a",
        "https://",
        f"https://u:{SECRET}@a",
        f"https://a/?token={SECRET}",
        "https://a#b",
        "https://a:0",
    ],
)
def test_a_base_url_that_is_none(url: str) -> None:
    (problem,) = problems({"base_url": url, "token_file": "a"})
    assert problem.startswith("sources.pbx.provider.base_url must be as in https://")


@pytest.mark.parametrize("host", ["127.0.0.1:8081", "localhost", "[::1]:80", "127.8.8.8"])
def test_this_machine_may_be_asked_without_encryption(host: str) -> None:
    settings = checked("pbx", {"base_url": f"http://{host}/api/", "token_file": "a"})
    assert settings.base_url == f"http://{host}/api"
    assert settings.local


def test_where_an_application_gets_its_token() -> None:
    table = {"base_url": "https://api.example.com:8443/api/ver1.0", "app_id": "a", "app_secret_file": "b"}
    assert checked("pbx", table).oauth_url == "https://api.example.com:8443/oauth/token"
    assert (
        checked("pbx", table | {"token_url": "https://t.example.com/x"}).oauth_url
        == "https://t.example.com/x"
    )


def test_the_secret_comes_from_a_file_or_a_variable(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_text(f"{SECRET}\n")
    by_file = checked("pbx", {"base_url": URL, "token_file": path})
    by_variable = checked("pbx", {"base_url": URL, "app_id": "a", "app_secret_variable": "S"})
    assert credentials(by_file, {}).secret.get_secret_value() == SECRET
    found = credentials(by_variable, {"S": SECRET})
    assert (found.app_id, found.secret.get_secret_value()) == ("a", SECRET)
    assert SECRET not in repr(found)


@pytest.mark.parametrize("content", [b"", b"\n", b"two words", "tök".encode(), b"\xff\xfe", None])
def test_a_secret_that_can_not_be_one(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "token"
    if content is not None:
        path.write_bytes(content)
    settings = checked("pbx", {"base_url": URL, "token_file": path})
    with pytest.raises(ProviderSettingsError, match="token"):
        credentials(settings, {})


def test_an_unset_variable() -> None:
    settings = checked("pbx", {"base_url": URL, "token_variable": "PBX_TOKEN"})
    with pytest.raises(ProviderSettingsError, match="the environment variable PBX_TOKEN"):
        credentials(settings, {})


def test_settings_are_written_beside_the_source_and_read_back(file: Path) -> None:
    set_provider(file, "pbx", {"base_url": URL, "token_file": "/run/secrets/pbx"})
    set_provider(file, "pbx", {"client_id": "1001"})
    provider = provider_of(file, "pbx")
    assert provider.source.name == "pbx"
    assert provider.settings.model_dump(exclude_defaults=True, mode="json") == {
        "base_url": URL,
        "client_id": "1001",
        "token_file": "/run/secrets/pbx",
    }
    sources.rotate(file, "pbx")
    assert provider_of(file, "pbx").settings == provider.settings


@pytest.mark.parametrize(
    ("before", "given", "after"),
    [
        ({"token_file": "a"}, {"token_variable": "B"}, {"token_variable": "B"}),
        (
            {"token_file": "a"},
            {"app_id": "i", "app_secret_file": "s"},
            {"app_id": "i", "app_secret_file": "s"},
        ),
        ({"app_id": "i", "app_secret_file": "s"}, {"token_file": "a"}, {"token_file": "a"}),
        (
            {"app_id": "i", "app_secret_file": "s"},
            {"app_secret_variable": "S"},
            {"app_id": "i", "app_secret_variable": "S"},
        ),
        (
            {"app_id": "i", "app_secret_file": "s"},
            {"app_id": "j"},
            {"app_id": "j", "app_secret_file": "s"},
        ),
        ({"token_file": "a"}, {"client_id": "7"}, {"token_file": "a", "client_id": "7"}),
    ],
)
def test_a_new_secret_takes_the_place_of_the_old_one(
    file: Path, before: dict[str, str], given: dict[str, str], after: dict[str, str]
) -> None:
    set_provider(file, "pbx", {"base_url": URL, **before})
    settings = set_provider(file, "pbx", given)
    assert settings.model_dump(exclude_defaults=True, mode="json") == {"base_url": URL, **after}


def test_a_mistake_writes_nothing(file: Path) -> None:
    set_provider(file, "pbx", {"base_url": URL, "token_file": "a"})
    before = file.read_text()
    with pytest.raises(ProviderSettingsError):
        set_provider(file, "pbx", {"base_url": "nowhere"})
    assert file.read_text() == before


def test_it_can_be_forgotten(file: Path) -> None:
    set_provider(file, "pbx", {"base_url": URL, "token_file": "a"})
    providers.unset_provider(file, "pbx")
    with pytest.raises(ProviderSettingsError, match="callweave source provider pbx --base-url"):
        provider_of(file, "pbx")


@pytest.mark.parametrize(
    ("name", "sentence"),
    [("nobody", "there is no source nobody"), ("centre", "common-api, whose documents describe no REST API")],
)
def test_a_source_that_can_not_be_asked(file: Path, name: str, sentence: str) -> None:
    with pytest.raises(ProviderSettingsError, match=sentence):
        provider_of(file, name)


def test_a_removed_source(file: Path) -> None:
    sources.remove(file, "pbx")
    with pytest.raises(ProviderSettingsError, match="was removed"):
        provider_of(file, "pbx")


def test_a_source_of_the_other_dialect_is_given_none(file: Path) -> None:
    with pytest.raises(ProviderSettingsError, match="common-api"):
        set_provider(file, "centre", {"base_url": URL, "token_file": "a"})
