"""`connector card` against the simulator as it is shipped, with the cards that it knows beforehand."""

import json

import pytest

from tests.integration.counter_kit import open_desk, typed

LOCAL = ("A12345678", "150800D15600000500BC5D4D6A3C0001", "152824198204240045", "张敏")
LOST = ("B22222222", "150200D15600000500BC5D4D6A3C0002", "150203199001015317", "巴特尔")
FAR = ("C33333333", "210100D15600000500BC5D4D6A3C0003", "210102198811126033", "李强")
CODES = {LOCAL: "0123456789012345678901", LOST: "0222222222222222222222", FAR: "0333333333333333333333"}


@pytest.fixture
def enter(tmp_path, monkeypatch, capsys):
    with open_desk(tmp_path, monkeypatch, scripted=False) as desk:

        def command(*arguments: str, lines: tuple[str, ...]) -> tuple[int, dict]:
            capsys.readouterr()
            with typed(monkeypatch, *lines):
                code = desk.connector(*arguments, "--json", "--show-personal")
            out, err = capsys.readouterr()
            return code, json.loads(out) if out else {"told": err}

        yield command
        assert desk.leaks() == []


def test_a_local_card_is_good(enter):
    code, found = enter("read", "--reader", "manual", lines=LOCAL)
    assert (code, found["answer"]["section"], found["answer"]["is_good"]) == (0, "4.19", True)


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (LOST, "状态不正常"),
        ((*LOCAL[:3], "张明"), "姓名"),
        (("X" + LOCAL[0][1:], *LOCAL[1:]), "不存在"),
    ],
)
def test_a_card_that_is_not_good_is_refused_with_the_reason(enter, lines, reason):
    code, found = enter("read", "--reader", "manual", lines=lines)
    assert code == 1
    assert reason in found["answer"]["reason"]


def test_another_provinces_card_is_looked_up(enter):
    code, found = enter("read", "--reader", "manual", lines=FAR)
    answer = found["answer"]
    assert (code, answer["section"], answer["identity"], answer["name"]) == (0, "4.29", FAR[2], FAR[3])
    assert (answer["state"], answer["expires"], found["warnings"]) == ("1", "20291231", [])


def test_a_lost_card_is_told_across_provinces(enter):
    code, found = enter("read", "--reader", "manual", "--cross-province", lines=LOST)
    assert code == 0
    assert "2 挂失" in found["warnings"][0]


@pytest.mark.parametrize(("card", "state"), [(LOCAL, "1"), (LOST, "2")])
def test_a_code_names_its_person(enter, card, state):
    code, found = enter("scan", "--keyboard", lines=(CODES[card],))
    answer = found["answer"]
    assert (code, answer["section"], answer["identity"], answer["name"]) == (0, "4.20", *card[2:])
    assert (answer["state"], bool(found["warnings"])) == (state, state != "1")


def test_another_provinces_code_names_the_card_too(enter):
    code, found = enter("scan", "--keyboard", "--cross-province", lines=(CODES[FAR],))
    answer = found["answer"]
    assert (code, answer["section"]) == (0, "4.28")
    assert (answer["number"], answer["code"], answer["identity"], answer["name"]) == FAR


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (("scan", "--keyboard"), ("9" * 22,)),
        (("scan", "--keyboard", "--cross-province"), ("9" * 22,)),
        (("read", "--reader", "manual", "--cross-province"), ("X" * 9, *LOCAL[1:])),
    ],
)
def test_an_unknown_card_is_told(enter, arguments, lines):
    code, found = enter(*arguments, lines=lines)
    assert code == 1
    assert "1004" in found["told"]
    assert lines[0] not in found["told"]
