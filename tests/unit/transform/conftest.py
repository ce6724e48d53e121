"""A charge mapping as a hospital would write it, and rows for it."""

from decimal import Decimal

import pyarrow as pa
import pytest

from connector.catalogue.table import CatalogueTable
from connector.config.codes import Catalogue, CodeMap
from connector.config.mapping import Changes, Expression, Mapping, Source
from connector.config.settings import CheckSettings
from connector.contract.library import contract
from connector.transform.shape import compile_plan, transform

KEY = ("XMLX", "FYXH", "YPCD")


def column(*names, **options):
    return Expression(columns=names, **options)


def fact(name, outside=None):
    return Expression(columns=KEY, catalogue=name, outside=outside)


CHARGES = {
    "alc400": column("CFH", default="无处方"),
    "alc401": column("FYRQ", read="%Y%m%d%H:%M:%S"),
    "akc229": Expression(value="1"),
    "alc402": fact("centre_code"),
    "alc403": fact("centre_name", column("FYMC")),
    "aka063": fact("category", column("FYXM", codes="fee-category")),
    "aka065": fact("level"),
    "alc404": column("XMLX", codes="item-kind"),
    "alc405": column("FYDJ", round=4),
    "alc406": column("FYSL"),
    "alc407": column("ZJJE"),
    "aka070": column("JXMC", default="无", shorten=True),
    "zka100": column("GG", default="无", shorten=True),
    "akc231": column("FYMC", shorten=True),
    "akc515": column(*KEY, join="-"),
    "aae080": column("YZXH", empty=("0",), default="999"),
    "spreason": Expression(value="0"),
    "bzmsg": column("BZ"),
    "vmed": fact("version"),
    "akc999": column("ZSM"),
}
CODE_MAPS = {
    "fee-category": CodeMap("fee-category", {"1": "11", "8": "22", "10": "51"}),
    "item-kind": CodeMap("item-kind", {"1": "0", "4": "1", "5": "9", "7": "8"}),
    "any": CodeMap("any", {"a": "1"}, otherwise="91"),
}
CATALOGUE = Catalogue(
    "centre",
    key=KEY,
    facts={
        "centre_code": column("YBBM"),
        "centre_name": column("YBMC"),
        "level": column("SFDJ"),
        "category": column("SFLB"),
        "version": column("VMED"),
    },
    table="YB_MLDZ",
    valid_from=column("KSRQ", read="%Y%m%d"),
    valid_to=column("JSRQ", read="%Y%m%d"),
)
ITEMS = pa.table(
    {
        "XMLX": [1, 4, 5, 1, 1, 4],
        "FYXH": [1001, 2001, 3008, 1002, 1002, 2002],
        "YPCD": [1, 0, 0, 0, 0, 0],
        "YBBM": ["XJ01", "FCW01", "", "XA", "XB", "FOLD"],
        "YBMC": ["注射用头孢", "床位费", "", "甲", "乙", "旧"],
        "SFDJ": ["2", "1", "", "1", "1", "1"],
        "SFLB": ["11", "32", "", "11", "11", "32"],
        "VMED": ["V1", "V1", "", "V1", "V1", "V0"],
        "KSRQ": ["20200101"] * 6,
        "JSRQ": [None, "", None, None, None, "20251231"],
    }
)
ROW = {
    "JLXH": 700001,
    "ZYH": 2600101,
    "FYRQ": "2026030209:30:00",
    "XMLX": 1,
    "FYXH": 1001,
    "YPCD": 1,
    "FYMC": "头孢呋辛钠针       ",
    "GG": "0.75g",
    "FYSL": Decimal("2.00"),
    "FYDJ": Decimal("6.83000"),
    "ZJJE": Decimal("13.6600"),
    "FYXM": 1,
    "YZXH": 300001,
    "CFH": "CF1",
    "TFXH": None,
    "JXMC": "注射剂",
    "BZ": None,
    "ZSM": None,
}
TYPES = {
    "JLXH": pa.int64(),
    "ZYH": pa.int64(),
    "XMLX": pa.int64(),
    "FYXH": pa.int64(),
    "YPCD": pa.int64(),
    "FYSL": pa.decimal128(12, 2),
    "FYDJ": pa.decimal128(12, 5),
    "ZJJE": pa.decimal128(19, 4),
    "FYXM": pa.int64(),
    "YZXH": pa.int64(),
    "TFXH": pa.int64(),
}


def rows(*changes, types=None, **all_rows):
    """A table of charges: `ROW` with each of `changes`; keys count up."""
    kinds = TYPES | (types or {})
    made = [ROW | {"JLXH": 700001 + n} | all_rows | one for n, one in enumerate(changes or ({},))]
    names = dict.fromkeys(name for one in made for name in one)
    return pa.table(
        {name: pa.array([one.get(name) for one in made], kinds.get(name) or pa.string()) for name in names}
    )


def charges(fields=None, *, without=(), **source):
    """The charge mapping, with other fields and another source where wanted."""
    mapped = {name: one for name, one in (CHARGES | (fields or {})).items() if name not in without}
    given = {"key": ("JLXH",), "visit": "ZYH", "refund_of": ("TFXH",), "table": "ZY_FYMX"} | source
    changes = Changes(by="sequence", column="JLXH")
    return Mapping(
        "charges", "sendMedInfo.meds.med", Source(changes=changes, **given), mapped, catalogue="centre"
    )


def plan_of(mapping=None, *, items=ITEMS, catalogue=CATALOGUE, **checks):
    return compile_plan(
        mapping or charges(),
        contract(),
        code_maps=CODE_MAPS,
        catalogue=CatalogueTable.build(catalogue, items, CODE_MAPS),
        checks=CheckSettings(**checks),
    )


class Hospital:
    """What the tests need, under one fixture: modules of tests cannot import one another."""

    row, rows, charges, plan_of, column, fact = (
        ROW,
        staticmethod(rows),
        staticmethod(charges),
        staticmethod(plan_of),
        staticmethod(column),
        staticmethod(fact),
    )
    key, code_maps, items, catalogue, types = KEY, CODE_MAPS, ITEMS, CATALOGUE, TYPES

    @staticmethod
    def broken(plan, table, **options):
        """(path, rule, platform's code) of every violation, in order."""
        block = transform(plan, table, **options).block
        return [(v.path, v.rule, v.platform_code) for one in block.rejections for v in one.violations]


@pytest.fixture(scope="session")
def his():
    return Hospital
