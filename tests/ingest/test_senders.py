"""Who sent it: a wrong, an old, a missing proof is none, whatever else is right."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook

from ingest.senders import objection, peer_of
from runtime.senders import SecretError, Sender
from tests.scale import examples

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_700_000_000.0
BODY = b'{"uuid":"x"}'
PEER = "203.0.113.7"


def secrets(folder: Path, *values: bytes) -> list[str]:
    """Files that hold them."""
    paths = [folder / f"secret-{number}" for number in range(len(values))]
    for path, value in zip(paths, values, strict=True):
        path.write_bytes(value + b"\n")
    return [str(path) for path in paths]


def asked(**tables: Any) -> Sender:
    return Sender.model_validate(tables)


@pytest.mark.parametrize(
    ("address", "forwarded", "proxies", "peer"),
    [
        ("10.0.0.1", "", 0, "10.0.0.1"),
        ("10.0.0.1", "1.1.1.1", 0, "10.0.0.1"),  # nobody is believed
        ("10.0.0.1", "1.1.1.1", 1, "1.1.1.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1", 1, "1.1.1.1"),  # what the sender made up stands first
        ("10.0.0.1", "6.6.6.6,1.1.1.1 , 10.0.0.2", 2, "1.1.1.1"),
        ("10.0.0.1", "1.1.1.1", 2, "10.0.0.1"),  # somebody came past a proxy
        ("10.0.0.1", " , ", 1, "10.0.0.1"),
        ("10.0.0.1", "6.6.6.6, 1.1.1.1:51234", 1, "1.1.1.1"),
        ("10.0.0.1", "[2001:db8::1]:51234", 1, "2001:db8::1"),
        ("10.0.0.1", "[2001:db8::1]", 1, "2001:db8::1"),
        ("10.0.0.1", "2001:db8::1", 1, "2001:db8::1"),
        ("10.0.0.1", "::1", 1, "::1"),
    ],
)
def test_the_peer_is_who_called_our_outermost_proxy(
    address: str, forwarded: str, proxies: int, peer: str
) -> None:
    assert peer_of(address, forwarded, proxies) == peer


@pytest.mark.parametrize(
    ("peer", "taken"),
    [
        ("203.0.113.7", True),
        ("::ffff:203.0.113.7", True),
        ("2001:db8::5", True),
        ("203.0.114.7", False),
        ("2001:db9::5", False),
        ("", False),
        ("203.0.113.7, 1.1.1.1", False),
    ],
)
def test_networks(peer: str, *, taken: bool) -> None:
    sender = asked(networks=["203.0.113.0/24", "2001:db8::/32"])
    assert (objection(sender, peer, {}, BODY, NOW) is None) == taken


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ({"x-token": "old"}, True),
        ({"x-token": "new"}, True),
        ({"x-token": "other"}, False),
        ({"x-token": ""}, False),
        ({}, False),
    ],
)
def test_a_token_in_a_header(given: dict[str, str], *, taken: bool) -> None:
    sender = asked(credentials={"header": "X-Token", "sha256": [digest("old"), digest("new")]})
    assert objection(sender, PEER, given, BODY, NOW) == (None if taken else "credentials")


@pytest.mark.parametrize(
    ("value", "taken"),
    [
        (basic("user:pass:word"), True),
        (basic("user:pass:word").replace("Basic", "basic"), True),
        (basic("other:pass:word"), False),
        (basic("user:pass"), False),
        (basic("user"), False),
        ("Basic ?", False),
        ("Basic /w==", False),
        ("Bearer pass:word", False),
    ],
)
def test_http_basic(value: str, *, taken: bool) -> None:
    sender = asked(credentials={"username": "user", "sha256": [digest("pass:word")]})
    assert objection(sender, PEER, {"authorization": value}, BODY, NOW) == (None if taken else "credentials")


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
def test_a_signature_of_the_body_with_either_secret(tmp_path: Path, algorithm: str, encoding: str) -> None:
    sender = asked(
        signature={
            "algorithm": algorithm,
            "encoding": encoding,
            "prefix": "v=",
            "secret_files": secrets(tmp_path, b"old", b"new"),
        }
    )

    def signed(secret: bytes, body: bytes = BODY) -> dict[str, str]:
        made = hmac.new(secret, body, algorithm).digest()
        text = made.hex() if encoding == "hex" else base64.b64encode(made).decode()
        return {"x-signature": f"v={text}"}

    assert objection(sender, PEER, signed(b"old"), BODY, NOW) is None
    assert objection(sender, PEER, signed(b"new"), BODY, NOW) is None
    for wrong in (
        signed(b"other"),
        signed(b"old", BODY + b" "),
        {"x-signature": "v=\xe9"},
        {"x-signature": ""},
        {},
    ):
        assert objection(sender, PEER, wrong, BODY, NOW) == "signature"


@pytest.mark.parametrize("template", ["{timestamp}.{body}", "{timestamp}{body}", "{timestamp}:{body}"])
def test_a_signed_time_must_be_about_now(tmp_path: Path, template: str) -> None:
    sender = asked(
        signature={
            "timestamp_header": "X-Time",
            "signed": template,
            "tolerance_seconds": 60,
            "secret_files": secrets(tmp_path, b"secret"),
        }
    )

    def signed(timestamp: str) -> dict[str, str]:
        text = template.replace("{timestamp}", timestamp).encode().replace(b"{body}", BODY)
        return {"x-time": timestamp, "x-signature": hmac.new(b"secret", text, "sha256").hexdigest()}

    for good in (NOW, NOW - 59, NOW + 59):
        assert objection(sender, PEER, signed(f"{good:.0f}"), BODY, NOW) is None
    for bad in (f"{NOW - 61:.0f}", f"{NOW + 61:.0f}", "", "soon", "nan", "inf"):
        assert objection(sender, PEER, signed(bad), BODY, NOW) == "time"
    replayed = signed(f"{NOW - 3600:.0f}") | {"x-time": f"{NOW:.0f}"}
    assert objection(sender, PEER, replayed, BODY, NOW) == "signature"


def test_a_known_signature(tmp_path: Path) -> None:
    """GitHub's published example."""
    sender = asked(
        signature={
            "header": "X-Hub-Signature-256",
            "prefix": "sha256=",
            "secret_files": secrets(tmp_path, b"It's a Secret to Everybody"),
        }
    )
    known = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert objection(sender, PEER, {"x-hub-signature-256": known}, b"Hello, World!", NOW) is None


STANDARD_SECRET = "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
STANDARD_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
STANDARD_BODY = b'{"test": 2432232314}'


def test_the_vector_of_standard_webhooks(tmp_path: Path) -> None:
    """Of its specification's own libraries."""
    key = base64.b64decode(STANDARD_SECRET)
    text = f"{STANDARD_ID}.1614265330.".encode() + STANDARD_BODY
    made = base64.b64encode(hmac.new(key, text, "sha256").digest())
    assert made == b"g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    sender = asked(
        signature={
            "scheme": "standard-webhooks",
            "secret_files": secrets(tmp_path, f"whsec_{STANDARD_SECRET}".encode()),
        }
    )
    old = {
        "webhook-id": STANDARD_ID,
        "webhook-timestamp": "1614265330",
        "webhook-signature": f"v1,{made.decode()}",
    }
    assert objection(sender, PEER, old, STANDARD_BODY, 1614265330.0 + 299) is None
    for now in (NOW, 1614265330.0 + 301, 1614265330.0 - 301):
        assert objection(sender, PEER, old, STANDARD_BODY, now) == "signature", "its time is not about now"


@pytest.mark.parametrize("body", [STANDARD_BODY, "张".encode("gb18030"), b"\xff\x00", b""])
@pytest.mark.parametrize("before", ["", "v1,abc ", "v1 ", "v1,a,b ", "v2,eA== ", "\xe9 "])
def test_standard_webhooks_sign_any_bytes_and_a_malformed_signature_is_passed_over(
    tmp_path: Path, body: bytes, before: str
) -> None:
    files = secrets(tmp_path, f"whsec_{STANDARD_SECRET}".encode())
    sender = asked(signature={"scheme": "standard-webhooks", "secret_files": files})
    text = f"{STANDARD_ID}.{NOW:.0f}.".encode() + body
    made = base64.b64encode(hmac.new(base64.b64decode(STANDARD_SECRET), text, "sha256").digest()).decode()
    good = {
        "webhook-id": STANDARD_ID,
        "webhook-timestamp": f"{NOW:.0f}",
        "webhook-signature": f"{before}v1,{made}",
    }
    assert objection(sender, PEER, good, body, NOW) is None
    assert objection(sender, PEER, good, body + b" ", NOW) == "signature"


def test_standard_webhooks_with_either_secret(tmp_path: Path) -> None:
    other = base64.b64encode(b"another secret of ours")
    files = secrets(tmp_path, f"whsec_{STANDARD_SECRET}".encode(), other)
    sender = asked(signature={"scheme": "standard-webhooks", "secret_files": files})
    moment = datetime.now(UTC)
    for secret in (STANDARD_SECRET, other.decode()):
        made = Webhook(secret).sign(STANDARD_ID, moment, STANDARD_BODY.decode())
        good = {
            "webhook-id": STANDARD_ID,
            "webhook-timestamp": str(int(moment.timestamp())),
            "webhook-signature": f"v1a,xx {made}",
        }
        assert objection(sender, PEER, good, STANDARD_BODY, time.time()) is None
        for wrong in (
            good | {"webhook-id": "msg_other"},
            good | {"webhook-timestamp": "0"},
            good | {"webhook-signature": "v1,"},
            good | {"webhook-signature": "nonsense"},
            {name: value for name, value in good.items() if name != "webhook-signature"},
        ):
            assert objection(sender, PEER, wrong, STANDARD_BODY, time.time()) == "signature"
        assert objection(sender, PEER, good, b"\xff", time.time()) == "signature"


@given(
    st.dictionaries(st.text(max_size=10), st.text(max_size=40), max_size=5),
    st.binary(max_size=50),
    st.text(max_size=40),
)
@examples(100, 3000)
def test_no_request_breaks_the_check(headers: dict[str, str], body: bytes, value: str) -> None:
    given_headers = headers | {"x-signature": value, "authorization": value, "x-time": value}
    for scheme in ("hmac", "standard-webhooks"):
        signature = {"scheme": scheme, "timestamp_header": "X-Time", "signed": "{timestamp}.{body}"}
        sender = asked(
            credentials={"sha256": [digest("x")]}, signature=signature | {"secret_files": ["/nowhere"]}
        )
        sender.signature.__dict__["secrets"] = (b"secret",)
        assert objection(sender, value, given_headers, body, NOW) in {"credentials", "signature", "time"}


def test_a_secret_that_can_not_be_read_is_our_trouble(tmp_path: Path) -> None:
    for content in (None, b"", b"whsec_%%%"):
        path = tmp_path / "secret"
        if content is not None:
            path.write_bytes(content)
        signature = {"scheme": "standard-webhooks", "secret_files": [str(path)]}
        headers = {"webhook-id": "1", "webhook-timestamp": "1", "webhook-signature": "v1,x"}
        with pytest.raises(SecretError, match="secret"):
            objection(asked(signature=signature), PEER, headers, BODY, NOW)


@pytest.mark.parametrize(
    "wrong",
    [
        {"networks": ["203.0.113.0/33"]},
        {"networks": ["203.0.113.7/24"]},
        {"credentials": {"sha256": []}},
        {"credentials": {"sha256": ["x"]}},
        {"signature": {"secret_files": []}},
        {"signature": {"secret_files": ["/a"], "signed": "{timestamp}.{body}"}},
        {"signature": {"secret_files": ["/a"], "algorithm": "md5"}},
        {"signatures": {}},
    ],
)
def test_a_mistake_in_the_file_is_an_error(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        asked(**wrong)


def test_entries_are_as_json() -> None:
    assert json.loads(asked(networks=["10.0.0.0/8"]).model_dump_json())["networks"] == ["10.0.0.0/8"]
