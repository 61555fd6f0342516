"""Every shape gives the same fields; whatever else comes is refused with a code, never with an error."""

from __future__ import annotations

import gzip
import json
import zlib
from typing import Any
from urllib.parse import quote, urlencode

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemas.payload.charsets import Garbled
from schemas.payload.decode import Undecodable, decode
from schemas.payload.exact_json import MAX_DEPTH
from schemas.payload.forms import MAX_FIELDS
from schemas.payload.inflate import MAX_INFLATED
from schemas.payload.loose_json import MAX_VALUES

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data; boundary=XyZ"
EVENT: dict[str, object] = {
    "buuid": "526d643a-e8fe-11ea-a84a-cf6e45e88543",
    "callee": "87847569524",
    "isbleg": "false",
    "status": "ring",
    "uuid": "526d637c-e8fe-11ea-a849-cf6e45e88543",
}


def multipart(fields: dict[str, str], *, filename: str | None = None, boundary: str = "XyZ") -> bytes:
    name_of_file = f'; filename="{filename}"' if filename else ""
    parts = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"{name_of_file}\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    )
    return ("".join(parts) + f"--{boundary}--\r\n").encode()


def one(*args: Any, **named: Any) -> dict[str, object]:
    (fields,) = decode(*args, **named)
    return fields


def codes(method: str, content_type: str, payload: bytes, query: bytes = b"") -> list[tuple[str, str]]:
    with pytest.raises(Undecodable) as refused:
        decode(method, content_type, payload, query)
    return [(reason.field, reason.code) for reason in refused.value.reasons]


SHAPES = {
    "json": ("POST", "application/json", orjson.dumps(EVENT)),
    "json, charset": ("POST", "application/json; charset=UTF-8", orjson.dumps(EVENT)),
    "json, vendor type": ("POST", "application/vnd.calls+json", orjson.dumps(EVENT)),
    "json, no type": ("POST", "", orjson.dumps(EVENT)),
    "json as text": ("POST", "text/plain", orjson.dumps(EVENT)),
    "json as bytes": ("POST", "application/octet-stream", orjson.dumps(EVENT)),
    "json as form": ("POST", FORM, b" \r\n" + orjson.dumps(EVENT)),
    "json as multipart": ("POST", MULTIPART, orjson.dumps(EVENT)),
    "json with byte order mark": ("POST", "application/json", b"\xef\xbb\xbf" + orjson.dumps(EVENT)),
    "json in utf-16": ("POST", "application/json; charset=utf-16", json.dumps(EVENT).encode("utf-16")),
    "form": ("POST", FORM, urlencode(EVENT).encode()),
    "form, line feed at its end": ("POST", FORM, urlencode(EVENT).encode() + b"\r\n"),
    "form, no type": ("POST", "", urlencode(EVENT).encode()),
    "form, detail": ("POST", FORM, urlencode({"detail": json.dumps(EVENT)}).encode()),
    "multipart": ("POST", MULTIPART, multipart({k: str(v) for k, v in EVENT.items()})),
    "multipart, quoted boundary": (
        "POST",
        'Multipart/Form-Data; charset=utf-8; boundary="XyZ"',
        multipart({k: str(v) for k, v in EVENT.items()}),
    ),
    "multipart, no type": ("POST", "", multipart({k: str(v) for k, v in EVENT.items()})),
    "multipart, no boundary named": ("POST", "multipart/form-data", multipart({"detail": json.dumps(EVENT)})),
    "multipart, detail": ("POST", MULTIPART, multipart({"detail": json.dumps(EVENT)})),
    "multipart, detail as file": (
        "POST",
        MULTIPART,
        multipart({"detail": json.dumps(EVENT)}, filename="d.json"),
    ),
    "query": ("GET", "", urlencode(EVENT).encode()),
    "query, with a type": ("GET", "application/json", urlencode(EVENT).encode()),
    "query, detail": ("GET", "", urlencode({"detail": json.dumps(EVENT)}).encode()),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_every_shape_gives_the_same_fields(shape: str) -> None:
    assert one(*SHAPES[shape]) == EVENT


BAD: dict[str, tuple[str, str, bytes, list[tuple[str, str]]]] = {
    "cut-off json": ("POST", "application/json", b'{"uuid":"x"', [("", "malformed-json")]),
    "cut-off json as form": ("POST", FORM, b'{"uuid":"x"', [("", "malformed-json")]),
    "array": ("POST", "application/json", b"[1]", [("", "not-an-object")]),
    "null": ("POST", "application/json", b"null", [("", "not-an-object")]),
    "10,000 deep": ("POST", "", b'{"a":' * 10_000 + b"1" + b"}" * 10_000, [("", "too-deep")]),
    "10,000 deep, cut off": ("POST", "application/json", b"[" * 10_000, [("", "too-deep")]),
    "900 deep, long number": (
        "POST",
        "",
        b'{"a":' * 900 + b"1" * 30 + b"}" * 900,
        [("", "too-deep")],
    ),
    "empty": ("POST", "application/json", b"", [("", "empty")]),
    "blank": ("POST", "", b" \r\n\t", [("", "empty")]),
    "byte order mark alone": ("POST", "", b"\xef\xbb\xbf", [("", "empty")]),
    "empty query": ("GET", "", b"", [("", "empty")]),
    "words": ("POST", "text/plain", b"hello", [("", "unknown-shape")]),
    "detail malformed": ("POST", FORM, b"detail=%7B", [("detail", "malformed-json")]),
    "detail not an object": ("POST", FORM, b"detail=1", [("detail", "not-an-object")]),
    "detail empty": ("POST", FORM, b"detail=", [("detail", "empty")]),
    "multipart cut off": ("POST", MULTIPART, multipart({"detail": "{}"})[:-6], [("", "malformed-multipart")]),
    "multipart, no boundary": ("POST", "multipart/form-data", b"--a=b", [("", "malformed-multipart")]),
    "XML": ("POST", "", b'<?xml version="1.0"?><cdr uuid="1"/>', [("", "unknown-shape")]),
    "a picture": ("POST", "", b"\x89PNG\r\n\x1a\n=\0", [("", "unknown-shape")]),
    "multipart, no parts": ("POST", MULTIPART, b"--XyZ--\r\n", [("", "empty")]),
    "too many fields": ("POST", FORM, b"&".join([b"a=1"] * (MAX_FIELDS + 1)), [("", "too-many-fields")]),
    "too many parts": (
        "POST",
        MULTIPART,
        multipart({str(number): "" for number in range(MAX_FIELDS + 1)}),
        [("", "too-many-fields")],
    ),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_has_its_code(name: str) -> None:
    method, content_type, payload, expected = BAD[name]
    assert codes(method, content_type, payload) == expected


@pytest.mark.parametrize(
    "payload",
    [
        multipart({"a": "b"}, boundary="other"),
        multipart({"a": "Yg=="}).replace(b'"a"', b'"a"\r\nContent-Transfer-Encoding: base64'),
        multipart({"a": "=62"}).replace(b'"a"', b'"a"\r\nContent-Transfer-Encoding: quoted-printable'),
    ],
    ids=["other boundary", "base64", "quoted-printable"],
)
def test_a_multipart_form_as_mail_writes_it(payload: bytes) -> None:
    assert one("POST", MULTIPART, payload) == {"a": "b"}


def test_a_part_without_a_name_costs_no_other() -> None:
    form = b"--XyZ\r\nContent-Disposition: form-data\r\n\r\n1\r\n" + multipart({"a": "b"})
    assert one("POST", MULTIPART, form) == {"": "1", "a": "b"}


def test_every_reason_is_named() -> None:
    assert codes("POST", "application/json", b"[]", b"detail=%7B") == [
        ("detail", "malformed-json"),
        ("", "not-an-object"),
    ]


def test_the_query_of_a_post_lies_below_its_body() -> None:
    assert one("POST", "", b'{"a":1}', b"a=2&b=3") == {"a": 1, "b": "3"}


def test_a_post_without_a_body_is_its_query() -> None:
    assert one("POST", "application/json", b"\n", b"a=2&b=3") == {"a": "2", "b": "3"}


def test_detail_lies_above_its_siblings_and_is_gone() -> None:
    body = urlencode({"uuid": "outer", "sign": "s", "detail": '{"uuid":"inner","n":1}'}).encode()
    assert one("POST", FORM, body) == {"uuid": "inner", "sign": "s", "n": 1}


def test_detail_in_json_lies_above_its_siblings_too() -> None:
    assert one("POST", "", b'{"a":2,"b":3,"detail":{"a":1}}') == {"a": 1, "b": 3}
    assert one("POST", "", b'{"detail":"{\\"a\\":1}"}') == {"a": 1}
    assert decode("POST", "", b'{"detail":[{"a":1},{"a":2}]}') == [{"a": 1}, {"a": 2}]


def test_a_detail_that_holds_no_json_is_a_field_beside_others() -> None:
    assert one("POST", "", b'{"a":2,"detail":"none"}') == {"a": 2, "detail": "none"}
    assert one("POST", FORM, b"a=2&detail=none") == {"a": "2", "detail": "none"}


def test_twice_the_same_field() -> None:
    assert one("POST", "", b'{"a":1,"a":2}') == {"a": 2}
    assert one("POST", FORM, b"a=1&a=2") == {"a": "1"}
    assert one("POST", MULTIPART, multipart({"a": "1"})[:-9] + multipart({"a": "2"})) == {"a": "1"}


def test_charsets_other_than_utf8() -> None:
    assert one("POST", f"{FORM}; charset=gb2312", b"a=%d6%d0%b9%fa") == {"a": "中国"}
    assert one("POST", "application/json; charset=iso-8859-1", b'{"a":"\xe9"}') == {"a": "é"}


def test_nul_is_a_character_like_others() -> None:
    assert one("POST", "", b'{"a":"\\u0000"}') == {"a": "\0"}
    assert one("POST", FORM, b"a=%00") == {"a": "\0"}


@pytest.mark.parametrize(
    ("number", "value"),
    [
        ("18446744073709551615", 18446744073709551615),
        ("18446744073709551616", "18446744073709551616"),
        ("-9223372036854775808", -9223372036854775808),
        ("-9223372036854775809", "-9223372036854775809"),
        ("9" * 5000, "9" * 5000),
        ("1e400", "1e400"),
        ("-1E400", "-1E400"),
        ("1.5e3", 1500.0),
    ],
)
def test_no_number_is_rounded_silently(number: str, value: object) -> None:
    fields = one("POST", "", f'{{"a":{number},"b":"1234567890123456789012345"}}'.encode())
    assert fields == {"a": value, "b": "1234567890123456789012345"}
    assert orjson.loads(orjson.dumps(fields)) == fields


def test_as_deep_as_allowed() -> None:
    body = b'{"a":' * MAX_DEPTH + b"1" + b"}" * MAX_DEPTH
    assert orjson.dumps(one("POST", "", body)) == body
    assert codes("POST", "", b'{"a":' + body + b"}") == [("", "too-deep")]


names = st.text(st.characters(codec="utf-8", exclude_characters='"\\\r\n'), min_size=1, max_size=20)
texts = st.text(st.characters(codec="utf-8"), max_size=40)
forms = st.dictionaries(names.filter(lambda name: name.lower() != "detail"), texts, min_size=1, max_size=8)
scalars = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False) | texts
values = st.recursive(
    scalars.filter(lambda value: value not in (float("inf"), float("-inf"))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(texts.filter(lambda name: name.lower() != "detail"), values, max_size=8)


@given(objects)
def test_objects_come_back_from_every_shape_that_holds_json(fields: dict[str, object]) -> None:
    body = orjson.dumps(fields)
    form = urlencode({"detail": body}).encode()
    assert one("POST", "application/json", body) == fields
    assert one("POST", FORM, form) == fields
    assert one("GET", "", form) == fields
    assert one("POST", MULTIPART, multipart({"detail": body.decode()})) == fields


@given(forms)
def test_texts_come_back_from_every_shape(fields: dict[str, str]) -> None:
    form = urlencode(fields).encode()
    assert one("POST", "application/json", orjson.dumps(fields)) == fields
    assert one("POST", FORM, form) == fields
    assert one("GET", "", form) == fields
    assert one("POST", "", b"", form) == fields


@given(st.dictionaries(st.from_regex(r"[A-Za-z_]{1,10}", fullmatch=True), texts, min_size=1, max_size=8))
def test_texts_come_back_from_multipart(fields: dict[str, str]) -> None:
    fields.pop("detail", None)
    fields["a"] = "1"
    boundary = "a-boundary-that-no-text-holds"
    content_type = f"multipart/form-data; boundary={boundary}"
    assert one("POST", content_type, multipart(fields, boundary=boundary)) == dict(fields.items())


JSON_GBK = "application/json; charset=gbk"
content_types = st.sampled_from(
    ["", FORM, MULTIPART, "application/json", "text/plain", "multipart/form-data", JSON_GBK]
) | st.text(max_size=60)
WORDS = b'{ } " [ : , = & % -- --XyZ detail \xff \\ud800 1e999 \xef\xbb\xbf NaN Content-Disposition:form-data'
fragments = st.sampled_from([*WORDS.split(b" "), b"\r\n", b"\n", b" ", b"9" * 25])
payloads = st.binary(max_size=200) | st.lists(fragments, max_size=30).map(b"".join)


def outcome(method: str, content_type: str, payload: bytes, query: bytes) -> bytes:
    """The fields, or the reasons, as JSON."""
    try:
        return orjson.dumps(decode(method, content_type, payload, query))
    except Undecodable as refused:
        return orjson.dumps([reason.to_json() for reason in refused.reasons])


@given(st.sampled_from(["GET", "POST"]), content_types, payloads, payloads)
@example("POST", MULTIPART, b'--XyZ\r\nContent-Disposition: form-data; name="a"\r\n\r\n', b"")
@example("POST", "multipart/form-data; boundary*=utf-8''%ff", b"--a", b"")
def test_nothing_but_undecodable_is_ever_raised(
    method: str, content_type: str, payload: bytes, query: bytes
) -> None:
    assert outcome(method, content_type, payload, query) != b"[]"


@given(st.text("0123456789", min_size=8, max_size=12))
@pytest.mark.parametrize("body", ['{{"phone":"{}"', "detail={}x", "detail=%7B{}", '{{"a":{}e9'])
def test_reasons_hold_no_value_of_the_payload(body: str, secret: str) -> None:
    for content_type in ("", FORM, "application/json", MULTIPART):
        with pytest.raises(Undecodable) as refused:
            decode("POST", content_type, body.format(secret).encode())
        assert secret not in repr(refused.value.reasons) + str(refused.value)


BILL = {"uuid": "526d637c-e8fe-11ea-a849-cf6e45e88543", "billsec": 93, "customuuid": "客7"}
PLAIN = {"uuid": "a", "n": 1}
JSON = "application/json"
LOOSE = {
    "an equals sign after it": ("POST", FORM, b'{"uuid":"a","n":1}='),
    "as the only name, encoded": ("POST", FORM, b"%7B%22uuid%22%3A%22a%22%2C%22n%22%3A1%7D="),
    "as the query": ("GET", "", b'{"uuid":"a","n":1}'),
    "as the query, its quotes encoded": ("GET", "", b"{%22uuid%22:%22a%22,%22n%22:1}"),
    "escaped once too often": ("POST", JSON, rb"{\"uuid\":\"a\",\"n\":1}"),
    "escaped twice too often": ("POST", JSON, rb"{\\\"uuid\\\":\\\"a\\\",\\\"n\\\":1}"),
    "in a text": ("POST", JSON, rb'"{\"uuid\":\"a\",\"n\":1}"'),
    "escaped for HTML": ("POST", JSON, b"{&quot;uuid&quot;:&quot;a&quot;,&quot;n&quot;:1}"),
    "in an array": ("POST", JSON, b'[{"uuid":"a","n":1}]'),
    "a comma too many": ("POST", JSON, b'{"uuid":"a","n":1,}'),
    "a NUL after it": ("POST", JSON, b'{"uuid":"a","n":1}\0'),
    "raw detail": ("POST", FORM, b'detail={"uuid":"a","n":1}'),
    "raw detail, other fields around": ("POST", FORM, b'uuid=b&detail={"uuid":"a","n":1}&n=2'),
    "detail, named otherwise": ("POST", FORM, b'DETAIL={"uuid":"a","n":1}'),
    "gzip": ("POST", JSON, gzip.compress(b'{"uuid":"a","n":1}')),
    "gzip of gzip": ("POST", JSON, gzip.compress(gzip.compress(b'{"uuid":"a","n":1}'))),
}


@pytest.mark.parametrize("shape", LOOSE)
def test_json_in_the_shapes_that_senders_make_of_it(shape: str) -> None:
    assert one(*LOOSE[shape]) == PLAIN


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b'{"a":NaN,"b":-Infinity}', {"a": "NaN", "b": "-Infinity"}),
        (b'{"a":undefined,"b":,"c":007}', {"a": "undefined", "b": None, "c": "007"}),
        (b'{"a":"x\x01\ny"}', {"a": "x\x01\ny"}),
        (b'{"a":"\\ud800","b":1}', {"a": r"\ud800", "b": 1}),
        (b'{"a":"\xff","b":1}', {"a": r"\xff", "b": 1}),
        (b'{"\\udc00":1}', {r"\udc00": 1}),
    ],
)
def test_values_that_are_no_json_cost_only_themselves(body: bytes, expected: dict[str, object]) -> None:
    assert one("POST", JSON, body) == expected


def test_a_form_announced_as_json_is_a_form() -> None:
    assert one("POST", JSON, b"uuid=a&n=1") == {"uuid": "a", "n": "1"}


@pytest.mark.parametrize(
    "body", [b'[{"a":1},{"a":2}]', b'{"a":1}\n{"a":2}\n', b'{"a":1},{"a":2}', b'{"detail":[{"a":1},{"a":2}]}']
)
def test_several_objects(body: bytes) -> None:
    assert decode("POST", JSON, body) == [{"a": 1}, {"a": 2}]


def test_too_many_objects() -> None:
    assert codes("POST", JSON, b"{}" * (MAX_VALUES + 1)) == [("", "too-many-objects")]
    assert codes("POST", JSON, b"[" + b",".join([b"{}"] * (MAX_VALUES + 1)) + b"]") == [
        ("", "too-many-objects")
    ]


def test_an_ampersand_in_raw_detail_is_its_own() -> None:
    assert one("POST", FORM, b'detail={"u":"https://x.example/?a=1&b=2"}') == {
        "u": "https://x.example/?a=1&b=2"
    }


def test_queries_that_were_glued_or_escaped() -> None:
    assert one("GET", "", b"myid=175?EventType=hangup&CallID=a") == {
        "myid": "175",
        "EventType": "hangup",
        "CallID": "a",
    }
    assert one("GET", "", b"url=https://x.example/?a=1&b=2") == {"url": "https://x.example/?a=1", "b": "2"}
    assert one("GET", "", b"a=1&amp;b=2&amp;amp;c=3") == {"a": "1", "b": "2", "c": "3"}
    assert one("POST", FORM, b"a=1", b"b=2?c=3") == {"a": "1", "b": "2", "c": "3"}


def test_a_get_may_have_its_form_in_the_body() -> None:
    assert one("GET", FORM, b"a=1&b=2") == {"a": "1", "b": "2"}
    assert one("GET", FORM, b"a=1", b"b=2") == {"a": "1", "b": "2"}


@pytest.mark.parametrize("before", [b"", b"detail="])
def test_json_in_the_body_of_a_get_is_not_encoded_as_in_a_query(before: bytes) -> None:
    link = "https://r.example/a%22b%2Fc"
    assert one("GET", JSON, before + b'{"at":"17:31 h","recordurl":"%s"}' % link.encode()) == {
        "at": "17:31 h",
        "recordurl": link,
    }
    assert one("GET", JSON, before + b'{"at":"17:31%%20h","recordurl":"%s"}' % quote(link).encode()) == {
        "at": "17:31 h",
        "recordurl": link,
    }


def in_gbk(shape: str) -> tuple[str, bytes]:
    text = BILL["customuuid"]
    if shape == "json":
        return JSON, json.dumps({"name": text}, ensure_ascii=False).encode("gbk")
    if shape == "form":
        return FORM, urlencode({"name": text}, encoding="gbk").encode()
    return MULTIPART, multipart({"name": "@"}).replace(b"@", str(text).encode("gbk"))


@pytest.mark.parametrize("shape", ["json", "form", "multipart"])
def test_a_charset_is_told_by_the_label_or_the_source(shape: str) -> None:
    content_type, body = in_gbk(shape)
    labelled = (
        content_type.replace(";", "; charset=GB2312;", 1)
        if ";" in content_type
        else f"{content_type}; charset=GB2312"
    )
    assert one("POST", labelled, body) == {"name": BILL["customuuid"]}
    assert one("POST", content_type, body, charset="gbk") == {"name": BILL["customuuid"]}
    assert one("POST", f"{content_type}; charset=zlib", body, charset="gbk") == {"name": BILL["customuuid"]}
    (found,) = one("POST", content_type, body).values()
    assert isinstance(found, Garbled)
    assert found == r"\xbf\xcd7"


@given(
    st.text(max_size=20),
    st.sampled_from(["gbk", "iso-8859-1", "windows-1251", "zlib", "idna", "no such", "big5"]),
)
def test_what_is_utf8_is_utf8_whatever_the_label(text: str, label: str) -> None:
    body = orjson.dumps({"a": text})
    assert one("POST", f"application/json; charset={label}", body) == {"a": text}
    assert one("POST", f"{FORM}; charset={label}", urlencode({"a": text}).encode()) == {"a": text}


def test_deflate_with_and_without_its_header() -> None:
    body = b'{"uuid":"a","n":1}'
    raw = zlib.compressobj(wbits=-15)
    for sent in (zlib.compress(body), raw.compress(body) + raw.flush(), body):
        assert one("POST", JSON, sent, content_encoding="deflate") == PLAIN


def test_what_can_not_be_unpacked() -> None:
    packed = gzip.compress(b'{"a":1}')
    assert codes("POST", JSON, packed[:-3]) == [("", "malformed-compression")]
    assert codes("POST", JSON, packed[:12] + b"\xff" * 30) == [("", "malformed-compression")]
    assert codes("POST", JSON, gzip.compress(b" " * (MAX_INFLATED + 1))) == [("", "too-large")]


def test_what_is_long_is_not_mended_token_by_token() -> None:
    mendable = b'{"a":1,"b":[' + b"x," * 100 + b"]}"
    assert decode("POST", JSON, mendable)
    with pytest.raises(Undecodable):
        decode("POST", JSON, mendable.replace(b"x,", b"x," * 2000))


@pytest.mark.timeout(30)
@pytest.mark.parametrize("start", [b"{a:1,x", b'{a:1,"x', b"{a:'x"])
def test_json_that_is_cut_off_takes_no_longer_than_its_length_allows(start: bytes) -> None:
    for quote_sign in (b'\\"', b"\\'"):
        assert codes("POST", JSON, start + quote_sign * 100_000) == [("", "malformed-json")]


@pytest.mark.timeout(30)
@pytest.mark.parametrize("end", [b"\n", b"\r", b"\r\n", b";", b"; "])
def test_a_form_takes_no_longer_than_its_length_allows(end: bytes) -> None:
    assert "a" in one("POST", FORM, b"a=1" + end * 100_000 + b"=b=")


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\n\n", b"\r\r\n", b"\n\r\n"])
def test_a_form_may_have_a_field_a_line(end: bytes) -> None:
    assert one("POST", FORM, b"a=1" + end + b"b=2" + end) == {"a": "1", "b": "2"}
