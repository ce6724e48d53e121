"""Reading a card: generations, protocols, names across two records, and what can never be sent."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.card.reading import join_name, read_card
from connector.card.transport import Transport
from connector.card.values import Card, OneTimeCode, masked
from connector.errors import CardError
from tests.unit.card.chip import CODE, IDENTITY, NUMBER, Chip, name_records


class Wired(Transport):
    def __init__(self, chip):
        self.chip = chip

    def transmit(self, command: bytes) -> bytes:
        return self.chip(command)


EXPECTED = Card(NUMBER, CODE, IDENTITY, "巴特尔", "3.00", "2020-01-31", "2030-01-31")


@pytest.mark.parametrize("version", ["1.00", "2.00", "3.00"])
@pytest.mark.parametrize("habit", [{}, {"t0": True}, {"exact": True}, {"short_ids": False}])
def test_every_generation_and_habit_gives_the_same_card(version, habit):
    card = read_card(Wired(Chip(version=version, **habit)))
    assert card == Card(NUMBER, CODE, IDENTITY, "巴特尔", version, "2020-01-31", "2030-01-31")
    assert card.region == "150100"


def test_only_select_read_and_get_response_are_sent():
    chip = Chip(t0=True)
    read_card(Wired(chip))
    assert {command[1] for command in chip.seen} == {0xA4, 0xB2, 0xC0}
    assert {command[2] for command in chip.seen if command[1] == 0xB2} == {1, 3, 5, 6, 7, 8, 9, 0x4E}
    assert chip.seen[0].hex().upper() == "00A404000F7378312E73682EC9E7BBE1B1A3D5CF"
    assert bytes.fromhex("00B2012812") in chip.seen
    assert bytes.fromhex("00B24E3016") in chip.seen


@given(st.binary(max_size=12))
def test_nothing_but_the_whitelist_reaches_a_card(command):
    chip = Chip()
    is_allowed = len(command) >= 4 and command[0] == 0 and command[1] in (0xA4, 0xB2, 0xC0)
    wired = Wired(lambda sent: (chip.seen.append(sent), b"\x90\x00")[1])
    if is_allowed:
        wired.send(command)
    else:
        with pytest.raises(PermissionError):
            wired.send(command)
    assert chip.seen == ([command] if is_allowed else [])


@pytest.mark.parametrize("instruction", [0x20, 0x24, 0x2C, 0x82, 0xB0, 0xCA, 0xD6, 0xDC, 0xE2])
def test_verify_and_its_like_are_refused(instruction):
    chip = Chip()
    with pytest.raises(PermissionError):
        Wired(chip).ask(bytes([0, instruction, 0, 0, 3, 0x31, 0x32, 0x33]))
    assert chip.seen == []


def test_a_transport_cannot_loosen_the_whitelist():
    assert Transport.send.__final__
    assert Transport.ask.__final__


@given(st.text("巴特尔·斯琴高娃㐀𠀀王欧阳", min_size=1, max_size=20))
def test_a_name_is_whole_wherever_its_record_ends(name):
    raw = name.encode("gb18030")
    if len(raw) <= 50:
        assert read_card(Wired(Chip(name=name))).name == name


def test_a_character_stands_half_in_each_record():
    name = "A" + "尔" * 20  # byte 30 is the first half of a character
    first, rest = name_records(name)
    with pytest.raises(UnicodeDecodeError):
        first.rstrip(b"\0").decode("gb18030")
    assert join_name(first, rest) == name


def test_a_name_that_is_no_text_is_told():
    with pytest.raises(CardError, match="not written in GB18030"):
        join_name(b"\xff\xfe\x81")
    with pytest.raises(CardError, match="no name"):
        join_name(bytes(30))


@pytest.mark.parametrize(
    ("chip", "told"),
    [
        (Chip(wrong=True), r"not a social security card \(6A82\)"),
        (Chip(replies={bytes.fromhex("00A4000002EF05"): b"\x6a\x82"}), r"does not open EF05 .*6A82"),
        (Chip(replies={bytes.fromhex("00A4000002EF06"): b"\x69\x85"}), r"does not open EF06 .*6985"),
    ],
)
def test_another_card_is_told(chip, told):
    with pytest.raises(CardError, match=told):
        read_card(Wired(chip))


def test_a_locked_application_is_told():
    chip = Chip()
    chip.replies[bytes.fromhex("00A404000F7378312E73682EC9E7BBE1B1A3D5CF")] = b"\x62\x83"
    with pytest.raises(CardError, match="locked"):
        read_card(Wired(chip))


def test_another_record_than_the_one_asked_for_is_not_taken():
    chip = Chip()
    other = b"\x02\x09" + NUMBER.encode() + b"\x90\x00"
    chip.replies = {bytes.fromhex("00B207280B"): other, bytes.fromhex("00B207000B"): other}
    with pytest.raises(CardError, match=r"卡号 .*another record comes back"):
        read_card(Wired(chip))


def test_half_a_record_is_not_taken():
    chip = Chip()
    half = b"\x08\x12" + IDENTITY.encode()[:9] + b"\x90\x00"
    chip.replies = {bytes.fromhex("00B2083014"): half, bytes.fromhex("00B2080014"): half}
    with pytest.raises(CardError, match="社会保障号码"):
        read_card(Wired(chip))


def test_half_a_name_is_not_used():
    chip = Chip()
    chip.replies = {bytes.fromhex("00B24E3016"): b"\x6f\x00", bytes.fromhex("00B24E0016"): b"\x6f\x00"}
    with pytest.raises(CardError, match="6F00"):
        read_card(Wired(chip))


def test_a_card_without_dates_is_a_card():
    chip = Chip()
    del chip.files[b"\xef\x05"][5]
    chip.files[b"\xef\x05"][6] = b"\xff\xff\xff\xff"
    card = read_card(Wired(chip))
    assert (card.issued, card.expires) == ("", "")


def test_an_empty_number_is_told():
    chip = Chip()
    chip.files[b"\xef\x05"][7] = bytes(9)
    with pytest.raises(CardError, match="卡号"):
        read_card(Wired(chip))


def test_a_mute_card_is_told():
    with pytest.raises(CardError, match="no answer"):
        read_card(Wired(lambda command: b""))


@given(st.lists(st.binary(max_size=40), max_size=30))
def test_any_answers_end_in_a_card_or_a_sentence(answers):
    waiting = iter(answers)
    try:
        card = read_card(Wired(lambda command: next(waiting, b"\x6f\x00")))
    except CardError:
        return
    assert card.name


def test_nobody_is_shown():
    shown = repr(EXPECTED) + str(EXPECTED)
    assert not any(secret in shown for secret in (NUMBER, CODE, IDENTITY, "巴特尔"))
    assert masked(IDENTITY) == "15**************34"
    assert masked("巴特尔") == "***"


def test_a_code_is_used_once_and_not_copied():
    code = OneTimeCode("0123456789abcdefABCDEF")
    assert "456789" not in repr(code)
    for copying in (copy.copy, copy.deepcopy, pickle.dumps):
        with pytest.raises(TypeError):
            copying(code)
    assert code.take() == "0123456789abcdefABCDEF"
    assert repr(code) == "OneTimeCode(used)"
    with pytest.raises(ValueError, match="only once"):
        code.take()
