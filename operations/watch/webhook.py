"""Alerts to a webhook, signed by Standard Webhooks, and tried again until they are taken.

A receiver may get one twice: its `webhook-id` is the same then.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import httpx
import orjson
import structlog
from standardwebhooks.webhooks import Webhook

from operations.watch.metrics import POSTED
from schemas.times import moment

if TYPE_CHECKING:
    from pydantic import SecretStr

    from operations.watch.alerts import Alert

log = structlog.get_logger(__name__)

SECONDS = 10.0


class Post:
    """One webhook; `send` is for one thread."""

    def __init__(self, url: SecretStr, secret: SecretStr) -> None:
        self._url = url.get_secret_value()
        self._webhook = Webhook(secret.get_secret_value())
        self._client = httpx.Client(timeout=SECONDS, follow_redirects=False)

    def send(self, alert: Alert) -> Alert | None:
        """Post the next thing that it does not have; the alert as it is then, None for a failure."""
        step = alert.posted + 1
        body = orjson.dumps(message(alert, step)).decode()
        name, now = f"{alert.id}-{step}", datetime.now(UTC)
        headers = {
            "content-type": "application/json",
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._webhook.sign(name, now, body),
        }
        try:
            answer = self._client.post(self._url, content=body, headers=headers)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            POSTED.labels("failed").inc()
            log.warning("the webhook does not answer; it is tried again", error=type(error).__name__)
            return None
        if not answer.is_success:
            POSTED.labels("refused").inc()
            log.warning("the webhook refuses an alert; it is tried again", status=answer.status_code)
            return None
        POSTED.labels("told").inc()
        return replace(alert, posted=step)

    def close(self) -> None:
        self._client.close()


def message(alert: Alert, step: int) -> dict[str, object]:
    """What is posted: `alert.raised` first, `alert.cleared` second."""
    finding, cleared = alert.finding, alert.cleared_at if step == 2 else None
    return {
        "type": "alert.raised" if step == 1 else "alert.cleared",
        "timestamp": moment(alert.raised_at if cleared is None else cleared).isoformat(),
        "data": {
            "id": alert.id,
            "kind": finding.key.kind,
            "source": finding.key.source,
            "account": finding.account,
            "text": finding.text,
            "value": finding.value,
            "allowed": finding.allowed,
            "raised_at": moment(alert.raised_at).isoformat(),
            "cleared_at": None if cleared is None else moment(cleared).isoformat(),
        },
    }
