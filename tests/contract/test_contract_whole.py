"""The contract's data, held whole: counts measured from the document, and the page about the traps beside them."""

import re
from collections import defaultdict
from importlib.resources import files
from pathlib import Path

from connector.contract.library import contract
from connector.contract.spec import Field

CONTRACT = contract()
FIELDS = {
    "login": (2, 3),
    "logout": (3, 3),
    "getInjuryByNameAndId": (3, 23),
    "getCure": (2, 20),
    "getCureBatch": (7, 20),
    "getReport": (2, 14),
    "getReportBatch": (5, 17),
    "register": (21, 2),
    "regundo": (3, 2),
    "sendMedInfo": (40, 3),
    "invalidData": (2, 2),
    "discharge": (4, 6),
    "leaveHos": (146, 2),
    "leaveHosUndo": (2, 2),
    "getPerDetail": (11, 21),
    "getJSSheet": (3, 31),
    "getPerMed": (2, 13),
    "saveInvoice": (8, 2),
    "sbkAuth": (5, 4),
    "dzSbkAuth": (4, 5),
    "getBSTdjyba": (4, 12),
    "offsiteRegister": (16, 2),
    "offsiteRegisterUndo": (3, 2),
    "sendBsMedInfo": (40, 3),
    "medInfoInvalidData": (2, 2),
    "offsiteLeaveHos": (147, 2),
    "offsiteLeaveHosUndo": (2, 2),
    "parsingQrcode": (2, 6),
    "parsingSbk": (3, 6),
}
"""Fields of request and answer, as many as the document prints."""
TABLES = {
    "AAC004": 2,
    "ALC027": 20,
    "ALC021": 3,
    "AKA130": 2,
    "AKA063": 53,
    "AKA065": 3,
    "ALC404": 3,
    "ALC060": 4,
    "AKC195": 5,
    "AAE116": 4,
    "ZKA020": 3,
    "AKA073": 13,
    "TCLB": 3,
    "ALA040": 16,
    "ALK022": 2,
    "AKC191": 2,
    "ALE021": 5,
    "JXZL": 2,
    "CLC004": 9,
    "ALC029": 5,
    "AKC175": 4,
    "AAA027": 17,
    "AKA1300": 2,
    "AAE100": 2,
    "AAE016": 3,
    "ALA491": 7,
    "ALA012": 3,
    "AAZ502": 6,
    "FILETYPE": 6,
    "AKC666": 3,
    "AKC667": 2,
}
CROSS = "(限跨省异地就医使用)"
GROUPS = [
    (1, "公共", 9),
    (2, "登陆", 6),
    (3, "登出", 7),
    (4, "获取工伤信息", 2),
    (5, "入院登记", 21),
    (6, "撤消入院登记", 8),
    (7, "医疗费预审核", 8),
    (8, "医疗费信息上传", 39),
    (9, "出院结算", 6),
    (10, "出院结算回退", 5),
    (11, "出院", 26),
    (12, "出院撤消", 3),
    (13, "数据作废", 4),
    (14, "获取审核结果", 4),
    (15, "更新对照关系", 10),
    (16, "加密", 1),
    (17, "继续治疗申请", 21),
    (18, "撤销继续治疗申请", 6),
    (19, "获取继续治疗申请", 2),
    (20, "体检信息上传", 7),
    (21, "撤销体检信息上传", 4),
    (22, "上传人员明细", 1),
    (23, "提供结算单接口数据", 3),
    (24, f"获取异地就医备案{CROSS}", 4),
    (25, f"异地就医入院登记{CROSS}", 24),
    (26, f"异地就医入院登记撤销{CROSS}", 5),
    (27, f"医疗费明细撤销{CROSS}", 5),
    (28, f"医疗费明细上传{CROSS}", 41),
    (29, f"异地就医办理出院{CROSS}", 29),
    (29, f"异地就医办理出院撤销{CROSS}", 4),
]


def test_every_interface_stands_in_the_order_of_chapter_4():
    assert list(CONTRACT.operations) == list(FIELDS)
    assert [one.section for one in CONTRACT.operations.values()] == [f"4.{n}" for n in range(1, 30)]


def test_addresses_and_purposes_are_unique_and_addresses_end_in_the_method():
    operations = CONTRACT.operations.values()
    assert len({one.path for one in operations}) == len({one.purpose for one in operations}) == 29
    assert all(one.path.endswith(f"/{one.method}.html") for one in operations)
    assert {place.name for place in (files("connector.contract") / "data" / "operations").iterdir()} == {
        f"{method}.yaml" for method in FIELDS
    }


def test_code_tables_error_groups_and_regions_are_whole():
    assert {name: len(table.entries) for name, table in CONTRACT.codes.items()} == TABLES
    assert [(one.number, one.title, len(one.entries)) for one in CONTRACT.error_groups] == GROUPS
    assert len(CONTRACT.regions) == 136
    assert CONTRACT.regions["150100"].zh == "呼和浩特市"


def test_no_field_is_missing():
    counts = {
        one.method: tuple(
            sum(isinstance(child, Field) for _, child in side.walk()) for side in (one.request, one.answer)
        )
        for one in CONTRACT.operations.values()
    }
    assert counts == FIELDS


def read_named_traps() -> dict[str, set[str]]:
    """Trap → the data files that name it."""
    named = defaultdict(set)
    for place in Path(str(files("connector.contract") / "data")).rglob("*.yaml"):
        for trap in re.findall(r"\bT\d{1,3}\b", place.read_text(encoding="utf-8")):
            named[trap].add(place.stem)
    return named


def test_the_page_about_the_traps_tells_every_one_and_where_the_data_carry_it():
    page = (Path(__file__).parents[2] / "docs" / "traps.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"^\| (T\d+) \| .* \| (.*) \|$", page, re.MULTILINE))
    named = read_named_traps()
    assert len(named) > 100
    assert set(named) <= set(told)
    for trap, column in told.items():
        carried = named[trap] - {"explained"}
        if column == "every interface":
            assert len(carried) > 25, trap
        elif column == "—":
            assert not carried, trap
        elif column.endswith("…"):
            assert {name.strip(" …") for name in column.split(",")} < carried, trap
        else:
            assert set(column.split(", ")) == carried, trap
