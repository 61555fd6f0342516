"""How a source's provider is asked: the table `[sources.NAME.provider]` of the sources file.

    [sources.acme-pbx.provider]
    base_url = "https://api.example.com/api/ver1.0"
    client_id = "@me"
    token_file = "/run/secrets/acme-pbx"     # or token_variable = "ACME_PBX_TOKEN"

In place of a token of its own, an application's id and secret get one (OAuth 2.0, client credentials):
`app_id` with `app_secret_file` or `app_secret_variable`. No secret ever stands in the table itself: the
sources file is read by every ingress, and only the commands that ask the provider need to know it.

The documents don't show how requests are authorised ("Creating and authorizing applications" is not among
them); that it is by a bearer token, and where one is got, is assumed from what public clients of the API do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit, urlunsplit

from pydantic import AfterValidator, Field, SecretStr, ValidationError

from runtime import sources
from runtime.addresses import is_loopback
from runtime.errors import CallweaveError
from runtime.mistakes import words
from runtime.settings import Section
from runtime.urls import checked_base
from schemas.dialects import WITH_API, one_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

TABLE = "provider"

SECRETS = ("token", "app_secret")
"""Each is set by `…_file` or `…_variable`."""


class ProviderSettingsError(CallweaveError):
    """A source's provider settings can't be used; the text says what to do, a line for each mistake."""


def checked_url(text: str) -> str:
    """A URL that secrets may be sent to, without a slash at its end."""
    url = checked_base(text, "https://api.example.com/api/ver1.0")
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        raise ValueError("must begin with https://, since the token and phone numbers travel with it")
    return url


Url = Annotated[str, AfterValidator(checked_url)]
Name = Annotated[str, Field(min_length=1)]
Seconds = Annotated[float, Field(gt=0, le=600)]


class ProviderSettings(Section):
    """Where the API is, who we are there, and how patient we are."""

    base_url: Url
    """Base URL of the documents' paths, such as https://api.example.com/api/ver1.0."""
    client_id: Name = "@me"
    """The client whose call history and limits are used; `@me` is the token's own."""
    token_file: Path | None = None
    """File with the bearer token."""
    token_variable: Name | None = None
    """Environment variable with the bearer token."""
    app_id: Name | None = None
    """Id of an application, which gets tokens with its secret."""
    app_secret_file: Path | None = None
    """File with the application's secret."""
    app_secret_variable: Name | None = None
    """Environment variable with the application's secret."""
    token_url: Url | None = None
    """Where an application gets its token; default: `/oauth/token` on the API's host."""
    connect_timeout_seconds: Seconds = 5.0
    """How long connecting may take."""
    answer_timeout_seconds: Seconds = 30.0
    """How long the API may stay silent."""
    attempts: int = Field(default=5, ge=1, le=20)
    """How often a request that is safe to repeat is tried."""
    longest_pause_seconds: Seconds = 60.0
    """The longest pause between two tries; if the provider asks for a longer one, we give up."""
    requests_per_second: float = Field(default=5.0, gt=0, le=1000)
    """At most this many requests of `callweave backfill`."""

    def contradictions(self) -> Iterator[tuple[str, str]]:
        """There must be one secret, and it must suit how we identify ourselves."""
        for secret in SECRETS:
            if all(self._set(secret)):
                yield f"{secret}_file", f"and {secret}_variable are both set: keep one"
        token, app_secret = any(self._set("token")), any(self._set("app_secret"))
        if token and (app_secret or self.app_id):
            yield "a token", "is set, and an application too: keep one"
        elif self.app_id and not app_secret:
            yield "app_secret_file", "or app_secret_variable must be set, since app_id is"
        elif app_secret and not self.app_id:
            yield "app_id", "must be set, since its secret is"
        elif not token and not app_secret:
            yield "token_file", "or token_variable must be set, or app_id with its secret"

    def _set(self, secret: str) -> list[bool]:
        return [getattr(self, f"{secret}_{kind}") is not None for kind in ("file", "variable")]

    @property
    def oauth_url(self) -> str:
        if self.token_url is not None:
            return self.token_url
        parts = urlsplit(self.base_url)
        return urlunsplit((parts.scheme, parts.netloc, "/oauth/token", "", ""))

    @property
    def local(self) -> bool:
        """Whether the API is on this machine, for which no proxy is used."""
        return is_loopback(urlsplit(self.base_url).hostname or "")


@dataclass(frozen=True)
class Provider:
    source: sources.Source
    settings: ProviderSettings


@dataclass(frozen=True)
class Credentials:
    """A bearer token, or with `app_id` the secret of an application that gets one."""

    secret: SecretStr
    app_id: str | None = None


def provider_of(path: Path, name: str) -> Provider:
    """Return a source with its provider settings; raise `SourcesError` or `ProviderSettingsError`."""
    source = sources.load(path).get(name)
    if source is None:
        raise ProviderSettingsError(f"there is no source {name}: `callweave source list` names them.")
    if not source.active:
        raise ProviderSettingsError(f"the source {name} was removed.")
    if source.dialect not in WITH_API:
        raise ProviderSettingsError(
            f"the source {name} speaks {source.dialect}, whose documents describe no REST API; "
            f"{one_of(WITH_API)} has one."
        )
    table = (source.model_extra or {}).get(TABLE)
    if table is None:
        raise ProviderSettingsError(
            f"the source {name} has no provider settings: "
            f"`callweave source provider {name} --base-url URL --token-file FILE`."
        )
    return Provider(source, checked(name, table))


def checked(name: str, table: Any) -> ProviderSettings:
    """Return the settings of a source's table; raise `ProviderSettingsError` with every mistake at once."""
    try:
        return ProviderSettings.model_validate(table)
    except ValidationError as error:
        lines = []
        for detail in error.errors(include_url=False, include_input=False):
            key = ".".join(str(part) for part in detail["loc"])
            mistake = words(detail)
            if key in SECRETS:
                mistake = f"must not be in the sources file: write it to a file, and name that in {key}_file"
            where = f"sources.{name}.{TABLE}"
            lines.append(f"{where}.{key} {mistake}." if key else f"{where}: {mistake}.")
        raise ProviderSettingsError("\n".join(lines)) from None  # the cause repeats the values


def credentials(settings: ProviderSettings, environ: Mapping[str, str]) -> Credentials:
    """Return the secret that the settings name; raise `ProviderSettingsError` if it can't be read."""
    if settings.app_id is not None:
        secret = _secret(settings.app_secret_file, settings.app_secret_variable, environ)
        return Credentials(secret, settings.app_id)
    return Credentials(_secret(settings.token_file, settings.token_variable, environ))


def _secret(file: Path | None, variable: str | None, environ: Mapping[str, str]) -> SecretStr:
    if file is None:
        text, where = environ.get(variable or "", ""), f"the environment variable {variable}"
    else:
        where = f"the file {file}"
        try:
            text = file.read_text("utf-8").strip()
        except OSError as error:
            raise ProviderSettingsError(
                f"{where} can't be read for the provider's secret: {error.strerror}."
            ) from None
        except UnicodeDecodeError:
            raise ProviderSettingsError(f"{where} is not a text file, so it holds no secret.") from None
    if not text:
        raise ProviderSettingsError(f"{where} should hold the provider's secret, but is empty.")
    if not (text.isascii() and text.isprintable() and " " not in text):
        raise ProviderSettingsError(f"{where} does not hold a valid secret.")
    return SecretStr(text)


def set_provider(path: Path, name: str, given: Mapping[str, object]) -> ProviderSettings:
    """Change what is given, keep the rest, and write it; a new secret replaces the old one."""
    with sources.edited(path) as tables:
        source = sources.active(path, tables, name)
        if source["dialect"] not in WITH_API:
            raise ProviderSettingsError(
                f"the source {name} speaks {source['dialect']}, whose documents describe no REST API."
            )
        table = dict(source.get(TABLE, {}))
        for replaced in _replaced(given):
            table.pop(replaced, None)
        table |= given
        settings = checked(name, table)
        source[TABLE] = table
        return settings


def _replaced(given: Mapping[str, object]) -> Iterator[str]:
    """Return the settings that a newly given secret replaces."""
    names = [f"{secret}_{kind}" for secret in SECRETS for kind in ("file", "variable")]
    if not any(name in given for name in (*names, "app_id")):
        return
    for name in names:
        same_app = name.startswith("app_secret") and "app_id" in given
        if name not in given and not (same_app and not any(each in given for each in names)):
            yield name
    if any(name in given for name in ("token_file", "token_variable")):
        yield "app_id"


def unset_provider(path: Path, name: str) -> None:
    with sources.edited(path) as tables:
        sources.active(path, tables, name).pop(TABLE, None)
