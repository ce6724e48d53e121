"""The printed sheet: every value in its place of 5.4, as it came; no character lost without a word."""

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from io import BytesIO
from pathlib import Path

import pytest
from fontTools.ttLib import TTCollection, TTFont
from pypdf import PdfReader

from connector.contract.library import contract
from connector.contract.printed import settlement_form
from connector.errors import ConfigurationError, PlatformError
from connector.pipeline.fonts import choose_fonts, read_font
from connector.pipeline.paper import SHEET, Audit, Stamp, write_paper
from connector.pipeline.paper_html import draw_html
from connector.pipeline.paper_pdf import draw_pdf
from tests.unit.pipeline.font_kit import build_font

BOOK = contract()
STAMP = Stamp(2, "2026-03-05 10:00", "2026-03-06")
NOW = datetime(2026, 3, 6, 2, tzinfo=UTC)
ITEM = {
    "alc403": "去痛片 <特>",
    "alc405": "2.0000",
    "alc406": "22.0000",
    "alc407": "44.0000",
    "alc408": "44.0000",
    "marktype": "1",
}
SHEET_ROW = {
    "akc190": "20211210001",
    "akb020name": "测试医院",
    "aac003": "张敏",
    "aac002": "152824198204240045",
    "aac004": "2",
    "alc022": "右手",
    "aab301name": "霍林郭勒市",
    "alc020": "2018-06-22 09:10:00",
    "aka130": "21",
    "akc191": "7",
    "akc192": "2022-09-26",
    "akc194": "2022-09-30",
    "alc028": "T14.900",
    "akc196": "A83.800",
    "alc407sum": Decimal("798.0"),
    "alc408sum": "0.0",
    "jsdate": "2022-11-14 09:22:45",
    "jjin": 798,
    "aac001": "",
    "ylaccounts": "0.0000",
    "hsfbtje": None,
    "akc666": "0",
    "akc667": "0",
    "kc22dtos": {"kc22dto": [ITEM]},
}


def answer(**changes):
    return {"code": "0", "msg": "", "kc21dto": {**SHEET_ROW, **changes}}


def cells(paper):
    return {cell.label: cell.text for section in paper.sections for row in section.rows for cell in row}


@pytest.fixture(scope="module")
def font(tmp_path_factory):
    return build_font(tmp_path_factory.mktemp("fonts") / "squares.ttf")


def test_every_field_of_the_answer_has_a_place_on_the_form():
    form, node = settlement_form(), BOOK.operation(SHEET).answer.nodes[0]
    placed = [name for section in form.sections for row in section.rows for name in row.values()]
    assert sorted([*placed, *form.number.values(), "akc667"]) == sorted(one.name for one in node.fields)
    assert sorted(form.items.columns.values()) == sorted(one.name for one in node.nodes[0].fields)


def test_figures_are_as_they_came_and_codes_in_words():
    paper = write_paper(BOOK, answer(), STAMP)
    told = cells(paper)
    assert told["医疗费发生金额"] == "798.0"
    assert told["工伤基金应支付金额"] == "798"
    assert (told["伙食补贴"], told["社会保障号"]) == ("", "")
    assert (told["性别"], told["就医类型"], told["治疗类别"]) == ("女", "住院", "治疗")
    assert told["自付支付方式"] == "医院承担"  # 0 is a value (trap T140)
    assert paper.items == (("1", "去痛片 <特>", "22.0000", "2.0000", "44.0000", "44.0000", "目录外用药"),)
    assert cells(write_paper(BOOK, answer(aka130="99"), STAMP))["就医类型"] == "99"
    personal = {
        cell.label for section in paper.sections for row in section.rows for cell in row if cell.is_personal
    }
    assert personal == {"姓名", "身份证号", "社会保障号"}
    assert "张敏" not in repr(paper)


@pytest.mark.parametrize(
    ("flag", "audit", "word"),
    [
        ("1", Audit.FINAL, "终审"),
        (1, Audit.FINAL, "终审"),
        ("0", Audit.PROVISIONAL, "暂定"),
        ("", Audit.NOT_TOLD, "暂定"),
        (None, Audit.NOT_TOLD, "暂定"),
        ("审核完毕", Audit.NOT_TOLD, "暂定"),
    ],
)
def test_only_the_flag_makes_it_final(flag, audit, word):
    paper = write_paper(BOOK, answer(akc667=flag), STAMP)
    assert paper.audit is audit
    assert paper.banner.startswith(word)


def test_an_open_visit_and_one_that_is_not_kept_say_so():
    paper = write_paper(BOOK, answer(akc194="", kc22dtos=""), replace(STAMP, version=0))
    assert "尚未办理出院" in paper.notes[0]
    assert paper.footer.startswith("未存档")
    assert paper.items == ()
    assert write_paper(BOOK, answer(), STAMP).notes == ()


@pytest.mark.parametrize(
    "items",
    [[ITEM], {"kc22dto": ITEM}, {"kc22dto": [ITEM, dict.fromkeys(ITEM, "")]}],
    ids=["bare list", "object", "blank one beside it"],
)
def test_one_item_is_one_item_however_it_is_wrapped(items):
    paper = write_paper(BOOK, answer(kc22dtos=items), STAMP)
    assert len(paper.items) == 1


def test_a_yes_without_a_sheet_is_told():
    with pytest.raises(PlatformError, match="holds no sheet"):
        write_paper(BOOK, {"code": "0"}, STAMP)


def test_the_page_is_whole_and_escaped():
    page = draw_html(write_paper(BOOK, answer(aac003="<张&敏>"), STAMP))
    assert '<p class="audit provisional">暂定：社保未审核' in page
    assert "<tr><th>姓名</th><td>&lt;张&amp;敏&gt;</td><th>身份证号</th>" in page
    assert '<td colspan="5">测试医院</td>' in page
    assert '<td class="figure">22.0000</td><td class="figure">2.0000</td>' in page
    assert "第2次取得：2026-03-05 10:00　打印日期：2026-03-06" in page
    assert "http" not in page
    assert '<p class="audit final">' in draw_html(write_paper(BOOK, answer(akc667="1"), STAMP))


def test_the_pdf_says_its_state_on_every_page(font):
    paper = write_paper(BOOK, answer(kc22dtos={"kc22dto": [ITEM] * 60}), STAMP)
    document, missing = draw_pdf(paper, NOW, [font])
    pages = [page.extract_text() for page in PdfReader(BytesIO(document)).pages]
    assert missing == ()
    assert len(pages) > 1
    for number, page in enumerate(pages, start=1):
        assert "暂定：社保未审核" in page
        assert f"第{number}页" in page
        assert "自付原因" in page  # the head of the items
    assert sum(page.count("去痛片") for page in pages) == 60
    assert "张敏" in pages[0]
    assert "经办人" in pages[-1]


def test_a_character_that_no_font_has_is_a_mark_and_is_named(font):
    paper = write_paper(
        BOOK, answer(aac003="巴\N{MONGOLIAN LETTER MA}\N{CJK UNIFIED IDEOGRAPH-2C029}"), STAMP
    )
    document, missing = draw_pdf(paper, NOW, [font])
    assert "\N{MONGOLIAN LETTER MA}" in missing  # the other one this machine's fonts may have
    text = PdfReader(BytesIO(document)).pages[0].extract_text()
    assert "U+182E" in text
    assert "巴〓" in text


def test_the_next_font_draws_what_the_first_lacks(tmp_path):
    first = build_font(tmp_path / "first.ttf", but="敏")
    second = build_font(tmp_path / "second.ttf", only="敏")
    choice = choose_fonts(["张敏"], [first, second], usual=())
    assert [one.file for one in choice.fonts] == [first, second]
    assert (choice.missing, choice.replace("张敏")) == ((), "张敏")
    assert choose_fonts(["张"], [first, second], usual=()).fonts[1:] == ()
    alone = choose_fonts(["张敏"], [first], usual=())
    assert (alone.missing, alone.replace("张敏")) == (("敏",), "张〓")


def test_of_several_faces_the_simplified_one_is_taken(tmp_path):
    faces = TTCollection()
    faces.fonts = [
        TTFont(build_font(tmp_path / f"{name}.ttf", name=f"Squares {name}", only="张"))
        for name in ("JP", "SC", "TC")
    ]
    faces.save(tmp_path / "all.ttc")
    found = read_font(tmp_path / "all.ttc")
    assert (found.face, ord("张") in found.has) == (1, True)


def test_fonts_that_are_none_are_told(tmp_path):
    latin = build_font(tmp_path / "latin.ttf", only="abc")
    with pytest.raises(ConfigurationError, match="no Chinese characters"):
        choose_fonts(["张"], [latin], usual=())
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(b"no font at all")
    with pytest.raises(ConfigurationError, match="cannot be read as a font"):
        choose_fonts(["张"], [broken], usual=())
    with pytest.raises(ConfigurationError, match="cannot be read as a font"):
        choose_fonts(["张"], [Path("nowhere.ttf")], usual=())
    with pytest.raises(ConfigurationError, match="No Chinese font"):
        choose_fonts(["张"], [], usual=(str(latin), "nowhere.ttf"))
