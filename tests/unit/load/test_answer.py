import base64
import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.contract.envelope import seal
from connector.contract.library import contract
from connector.load.answer import describe_unreadable, read_answer, read_code, read_counts

KEY = "0123456789abcdef0123456789abcdef"
UPLOAD = contract().operation("sendMedInfo")
CARD = contract().operation("parsingQrcode")


def dump(value):
    return json.dumps(value, ensure_ascii=False).encode()


WRAPPINGS = {
    "plain": lambda raw: raw,
    "bom": lambda raw: b"\xef\xbb\xbf" + raw,
    "blanks": lambda raw: b"\r\n " + raw + b"\n",
    "string": lambda raw: dump(raw.decode()),
    "sealed": lambda raw: seal(KEY, raw),
    "sealed in lines": lambda raw: base64.encodebytes(base64.b64decode(seal(KEY, raw))).replace(
        b"\n", b"\r\n"
    ),
    "sealed string": lambda raw: seal(KEY, dump(raw.decode())),
    "sealed in a string": lambda raw: dump(seal(KEY, raw).decode()),
    "base64": base64.b64encode,
    "list of one": lambda raw: b"[" + raw + b"]",
}

texts = st.text(st.characters(exclude_categories=("Cs",)), max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**25), 10**25) | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(texts, values, max_size=5), st.sampled_from(sorted(WRAPPINGS)))
def test_every_wrapping_gives_the_same_object(answer, wrapping):
    assert read_answer(WRAPPINGS[wrapping](dump(answer)), KEY) == answer


@given(st.binary(max_size=200))
def test_any_bytes_are_an_object_or_none(raw):
    assert isinstance(read_answer(raw, KEY), dict | None)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"\xef\xbb\xbf",
        b"null",
        b"true",
        b"0",
        b'"0"',
        b"[]",
        b'[{"code":0},{"code":0}]',
        b"<html>502</html>",
        b'{"code":0',
        b'{"code":NaN}',
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"code":0,"counts":' + b"9" * 5000 + b"}",
        bytes(255 - byte for byte in b'{"code":0}'),
        seal("f" * 32, b'{"code":0}'),
    ],
)
def test_what_is_no_answer_is_none(raw):
    assert read_answer(raw, KEY) is None


def test_numbers_stay_exact():
    body = read_answer(b'{"total":399.00000000000006,"sessionid":12345678901234567890,"x":1E+2}', KEY)
    assert body == {
        "total": Decimal("399.00000000000006"),
        "sessionid": 12345678901234567890,
        "x": Decimal(100),
    }
    assert not any(isinstance(value, float) for value in body.values())


def test_another_encoding_does_not_hide_the_code():
    body = read_answer('{"code":81001,"msg":"不存在就诊信息"}'.encode("gb18030"), KEY)
    assert read_code(UPLOAD, body) == ("81001", "不存在就诊信息")
    assert read_answer(b'{"code":0,"msg":"\xff\xff"}', KEY)["code"] == 0


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"code": 0}, "0"),
        ({"code": "0"}, "0"),
        ({"code": " 0 "}, "0"),
        ({"code": Decimal("0.0")}, "0"),
        ({"code": "81001"}, "81001"),
        ({"resCode": 0}, "0"),
        ({"code": "", "resCode": "0"}, "0"),
        ({"code": 0, "resCode": "0"}, "0"),
        ({"code": 0, "resCode": "11005"}, ""),
        ({"code": False}, ""),
        ({"code": None}, ""),
        ({"code": []}, ""),
        ({"code": Decimal("0.5")}, ""),
        ({"code": Decimal("1E+999999")}, ""),
        ({"success": True}, ""),
        ({}, ""),
    ],
)
def test_a_code_is_text_or_a_whole_number_under_either_name(body, code):
    assert read_code(UPLOAD, body)[0] == code
    assert read_code(CARD, body)[0] == code


def test_the_message_goes_with_its_code():
    assert read_code(CARD, {"resCode": "0", "resMsg": "好", "msg": "no"}) == ("0", "好")
    assert read_code(CARD, {"code": 11005, "msg": "无效"}) == ("11005", "无效")
    assert read_code(UPLOAD, {"msg": "什么"}) == ("", "什么")
    assert len(read_code(UPLOAD, {"code": 1, "msg": "长" * 9999})[1]) == 2000


@pytest.mark.parametrize(
    ("body", "counts"),
    [
        ({"counts": 2}, 2),
        ({"counts": "2"}, 2),
        ({"count": "0"}, 0),
        ({"count": 3, "counts": "3"}, 3),
        ({"count": 3, "counts": 2}, None),
        ({"count": 3, "counts": "x"}, None),
        ({"counts": None, "count": 1}, 1),
        ({"counts": True}, None),
        ({"counts": -1}, None),
        ({"counts": Decimal("2.5")}, None),
        ({"counts": ""}, None),
        ({"counts": "٢"}, None),
        ({}, None),
    ],
)
def test_counts_are_whole_numbers_under_either_name(body, counts):
    assert read_counts(body) == counts


def test_an_unreadable_answer_is_described_without_its_content():
    assert "HTML" in describe_unreadable(b" <html>secret</html>")
    assert describe_unreadable(b" ") == "an empty answer"
    assert "secret" not in describe_unreadable(b"secret") + describe_unreadable(b"<a>secret</a>")
