"""The bearer token of every request: given, or issued to an application (OAuth 2.0, client credentials).

Not in the documents: a `POST` of `grant_type`, `client_id` and `client_secret` as a form to `/oauth/token`,
answered with `access_token` and `expires_in` in seconds (RFC 6749, 4.4), as public clients of the API do it.
"""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import orjson
from pydantic import BaseModel, ConfigDict, SecretStr, ValidationError

from provider.rest.answers import error_of
from provider.rest.errors import UnavailableError, UnreadableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tenacity import Retrying

    from provider.settings import Credentials, ProviderSettings

MARGIN_SECONDS = 60.0
"""A token is renewed this long before it expires: a request must not outlive it."""
WHAT = "getting a token"


class Issued(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    access_token: SecretStr
    expires_in: float = 3600.0


class Tokens:
    def __init__(
        self,
        settings: ProviderSettings,
        credentials: Credentials,
        http: httpx.Client,
        retrying: Retrying,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = settings.oauth_url
        self._credentials = credentials
        self._http = http
        self._retrying = retrying
        self._monotonic = monotonic
        self._issued: SecretStr | None = None
        self._good_until = 0.0

    def current(self) -> str:
        """The token; an application's is requested first, which is always safe to repeat."""
        if self._credentials.app_id is None:
            return self._credentials.secret.get_secret_value()
        if self._issued is None or self._monotonic() >= self._good_until:
            asked_at = self._monotonic()
            issued = self._retrying.copy()(self._ask)
            self._issued = issued.access_token
            self._good_until = asked_at + max(0.0, issued.expires_in - MARGIN_SECONDS)
        return self._issued.get_secret_value()

    def renew(self) -> bool:
        """Forget a token that was refused; return whether there can be another."""
        self._issued = None
        return self._credentials.app_id is not None

    def _ask(self) -> Issued:
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.app_id,
            "client_secret": self._credentials.secret.get_secret_value(),
        }
        try:
            answer = self._http.post(self._url, data=form)
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise UnavailableError(
                f"{WHAT}: the provider can't be reached ({type(error).__name__})."
            ) from None
        now = datetime.now(UTC)
        failed = error_of(WHAT, answer.status_code, answer.headers, answer.content, now, repeatable=True)
        if failed is not None:
            raise failed
        try:
            return Issued.model_validate(orjson.loads(answer.content))
        except (orjson.JSONDecodeError, ValidationError):
            raise UnreadableError(f"{WHAT}: the provider's answer holds none.") from None
