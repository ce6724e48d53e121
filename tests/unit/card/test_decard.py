"""The Decard library's one call, against a made-up library: in this process, and in a process of its own."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from connector.card import decard_dll
from connector.card.decard import Decard, read_decard
from connector.card.manual import enter_card
from connector.card.values import Card
from connector.errors import CardError
from tests.unit.card.chip import CODE, IDENTITY, NUMBER, name_records

NAME = "A" + "尔" * 20
FIRST, REST = name_records(NAME)
VALUES = {
    "card_code": CODE.lower().encode(),
    "card_type": b"1",
    "version": b"2.00",
    "card_issue_date": b"20200131",
    "card_expire_day": b"20300131",
    "card_number": NUMBER.encode(),
    "social_security_number": IDENTITY.encode(),
    "name": FIRST,
    "name_ex": REST.rstrip(b"\0"),
    "sex": b"1",
    "birth_day": b"19800101",
}
EXPECTED = Card(NUMBER, CODE, IDENTITY, NAME, "2.00", "2020-01-31", "2030-01-31")


class Library:
    """What ctypes makes of the vendor's library, as far as it is used."""

    def __init__(self, *, reader: int = 7, result: int = 0, **changes: bytes) -> None:
        self.reader, self.result = reader, result
        self.values = VALUES | changes
        self.calls: list[tuple] = []

    def dc_init(self, port, baud):
        self.calls.append(("init", port, baud))
        return self.reader

    def dc_GetSocialSecurityCardBaseInfo(self, reader, kind, *buffers):  # noqa: N802 - the vendor's name
        self.calls.append(("read", reader, kind, len(buffers)))
        for (name, size), buffer in zip(decard_dll.FIELDS, buffers, strict=True):
            value = self.values.get(name, b"")
            assert len(value) < size
            buffer.value = value
        return self.result

    def dc_exit(self, reader):
        self.calls.append(("exit", reader))
        return 0


def test_a_card_is_read_in_one_call():
    library = Library()
    assert read_decard(Decard(), library=library) == EXPECTED
    assert library.calls == [("init", 100, 115_200), ("read", 7, 1, 14), ("exit", 7)]


def test_no_more_of_a_person_is_handed_on_than_is_needed():
    fields = decard_dll.read_fields(Library(), port=100, baud=115_200)
    assert not {"sex", "nation", "birth_place", "birth_day"} & set(fields)


@pytest.mark.parametrize(
    ("library", "told"),
    [
        (Library(reader=-1), r"does not answer \(dc_init gives -1\)"),
        (Library(result=-3), r"cannot read a social security card \(it answers -3\)"),
        (Library(card_number=b""), "without number or code"),
        (Library(card_code=b"\xff\xfe"), "without number or code"),
        (Library(name=b"", name_ex=b""), "no name"),
    ],
)
def test_what_goes_wrong_is_told(library, told):
    with pytest.raises(CardError, match=told):
        read_decard(Decard(), library=library)
    assert (library.calls[-1] == ("exit", 7)) == (library.reader > 0)


LIBRARY = r"""
#include <string.h>
int dc_init(short port, long baud) { return port == 100 && baud == 115200 ? 7 : -1; }
int dc_exit(int reader) { return 0; }
int dc_GetSocialSecurityCardBaseInfo(int reader, int kind, char *code, char *type, char *version, char *org,
    char *issued, char *expires, char *number, char *identity, char *name, char *more, char *sex, char *nation,
    char *place, char *birth) {
  if (reader != 7 || kind != 1) return -2;
  strcpy(code, "%s"); strcpy(type, "1"); strcpy(version, "2.00"); strcpy(org, "x");
  strcpy(issued, "20200131"); strcpy(expires, "20300131"); strcpy(number, "%s"); strcpy(identity, "%s");
  strcpy(name, "%s"); strcpy(more, "%s"); strcpy(sex, "1"); strcpy(nation, "01"); strcpy(place, "150100");
  strcpy(birth, "19800101");
  return 0;
}
"""


def _escaped(raw: bytes) -> str:
    return "".join(f"\\{byte:03o}" for byte in raw.rstrip(b"\0"))


@pytest.fixture(scope="module")
def library_file(tmp_path_factory):
    """A real library with the vendor's functions, for ctypes to load."""
    compiler = shutil.which("gcc")
    if compiler is None:
        reason = "gcc is not installed"
        if os.environ.get("CI", "").lower() == "true":
            pytest.fail(f"{reason}; in CI this must not be skipped", pytrace=False)
        pytest.skip(reason)
    place = tmp_path_factory.mktemp("decard")
    source, made = place / "decard.c", place / "decard.so"
    source.write_text(LIBRARY % (CODE, NUMBER, IDENTITY, _escaped(FIRST), _escaped(REST)))
    subprocess.run([compiler, "-shared", "-fPIC", "-o", made, source], check=True)
    return str(made)


@pytest.mark.parametrize("python", [(), (sys.executable,)])
def test_a_real_library_is_called_here_or_by_another_python(library_file, python):
    assert read_decard(Decard(dll=library_file, python32=python)) == EXPECTED


def test_the_other_python_needs_nothing_installed(library_file):
    request = json.dumps({"dll": library_file, "port": 100, "baud": 115_200})
    command = [sys.executable, "-I", "-S", decard_dll.__file__]
    done = subprocess.run(command, input=request, capture_output=True, text=True, check=True)
    assert bytes.fromhex(json.loads(done.stdout)["fields"]["card_number"]).decode() == NUMBER


@pytest.mark.parametrize("python", [(), (sys.executable,)])
def test_a_missing_library_is_told(python):
    with pytest.raises(CardError, match="cannot be loaded"):
        read_decard(Decard(dll="/nowhere/dcrf32.dll", python32=python))


@pytest.mark.parametrize("python", [(), (sys.executable,)])
def test_a_library_without_the_call_is_told(tmp_path, library_file, python):
    source, made = tmp_path / "old.c", tmp_path / "old.so"
    source.write_text("int dc_init(short port, long baud) { return 1; } int dc_exit(int r) { return 0; }")
    subprocess.run(["gcc", "-shared", "-fPIC", "-o", made, source], check=True)
    with pytest.raises(CardError, match="does not know dc_GetSocialSecurityCardBaseInfo"):
        read_decard(Decard(dll=str(made), python32=python))


@pytest.mark.parametrize(
    ("python", "told"),
    [
        (("no-such-python-32",), "is not there"),
        ((sys.executable, "-c", "print('hello')"), "failed"),
        ((sys.executable, "-c", "print('[]')"), "failed"),
        (("false",), "failed"),
    ],
)
def test_another_python_that_does_not_work_is_told(python, told):
    with pytest.raises(CardError, match=told):
        read_decard(Decard(python32=python))


def typed(*lines: str):
    answers = iter(lines)
    return lambda question: next(answers)


def test_a_card_is_typed_in():
    card = enter_card(
        typed(" a12345678 ", f"{CODE[:16]} {CODE[16:].lower()}", "１５010219800101123x", "欧阳·巴特尔 ")
    )
    assert card == Card(NUMBER, CODE, "15010219800101123X", "欧阳·巴特尔")


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (("A1234567",), "卡号 must be nine"),
        ((NUMBER, CODE[:31]), "卡识别码 must be 32"),
        ((NUMBER, CODE, "15010219800101"), "社会保障号码 must be 18"),
        ((NUMBER, CODE, IDENTITY, "  "), "姓名"),
    ],
)
def test_a_slip_in_typing_is_told_and_not_repeated(lines, told):
    with pytest.raises(CardError, match=told) as caught:
        enter_card(typed(*lines))
    assert not any(line in str(caught.value) for line in lines if line.strip())
