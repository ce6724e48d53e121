"""What the sample hospital charges for: drugs, treatments, materials, and how they match the centre's catalogue.

Codes, makers and prices are made up. Most items have one valid match; the others are the trouble that real
match tables have, and `Match` names it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from enum import StrEnum

from connector.sample.schema import Row


class Match(StrEnum):
    """How an item stands in the match table YB_MLDZ."""

    GOOD = "good"  #: one valid row
    RENEWED = "renewed"  #: an older version that ended, and a valid one
    DOUBLED = "doubled"  #: the same row twice, which is no contradiction
    OUTSIDE_EMPTY = "outside_empty"  #: declared outside the catalogue: the centre's code is empty
    OUTSIDE_CODE = "outside_code"  #: declared outside by one of the codes SZF…999
    MISSING = "missing"  #: only a medical-insurance row and one that nobody has checked
    EXPIRED = "expired"  #: its only row ended
    AMBIGUOUS = "ambiguous"  #: two valid rows that differ


@dataclass(frozen=True, slots=True)
class Item:
    """One thing that is charged. `kind`: 1–3 drugs, 4 treatments, 5 materials; `price` in yuan, as text."""

    kind: int
    number: int
    place: int
    name: str
    spec: str
    unit: str
    price: str
    fee: int
    centre_code: str
    level: str
    category: str
    generic: str = ""
    form: str = ""
    maker: str = ""
    match: Match = Match.GOOD

    @property
    def is_drug(self) -> bool:
        """Whether the pharmacy keeps it (YK_YPZD), not the price list (GY_YLSF)."""
        return self.kind <= 3

    @property
    def self_pay_code(self) -> str:
        """The centre's code for items of this kind outside its catalogue (T78)."""
        return "SZFYP999" if self.is_drug else "SZFZL999" if self.kind == 4 else "SZFCL999"


def _drugs() -> Iterator[Item]:
    rows = """
    1|1001|1|头孢呋辛钠针|0.75g|支|6.83000|1|XJ01DCT021B001|乙类|11|注射用头孢呋辛钠|注射剂|示范制药一厂|good
    1|1002|1|0.9%氯化钠注射液|100ml:0.9g|袋|3.20000|1|XB05XAL001B010|甲类|11|氯化钠注射液|注射剂|示范制药二厂|good
    1|1003|2|甘露醇注射液|250ml:50g|瓶|4.65000|1|XB05BCG006B002|甲|11|甘露醇|注射剂|示范制药二厂|good
    1|1004|1|双氯芬酸钠缓释片|75mg*10片|盒|9.90000|1|XM01ABS134A011|2|11|双氯芬酸钠|缓释片|示范制药三厂|good
    1|1005|3|甲钴胺片|0.5mg*20片|片|0.35750|1|XB03BAJ015A001|乙类|11|甲钴胺|片剂|示范制药三厂|good
    1|1006|1|盐酸曲马多注射液|2ml:100mg|支|5.46000|1|XN02AXQ134B002|乙|11|盐酸曲马多|注射剂|示范制药一厂|good
    1|1007|1|低分子肝素钠注射液|0.4ml:4250IU|支|38.51234|1|XB01ABD083B002|02|11|低分子肝素钠|注射剂|示范制药四厂|good
    1|1008|1|奥美拉唑肠溶胶囊|20mg*14粒|盒|12.80000|1|XA02BCA211E001|1|11|奥美拉唑|胶囊剂|示范制药四厂|renewed
    1|1009|1|破伤风人免疫球蛋白|250IU|支|178.00000|1|XJ06BBP094B001|乙类|11|破伤风人免疫球蛋白|注射剂|示范生物制品所|good
    1|1010|1|维生素C注射液|2ml:0.5g|支|0.98000|1|XA11GAW012B002|01|11|维生素C|注射剂|示范制药二厂|good
    1|1011|2|盐酸利多卡因注射液|5ml:0.1g|支|0.46000|1|XN01BBL151B002|甲类|11|盐酸利多卡因|注射剂|示范制药一厂|renewed
    2|1101|1|伤科接骨片|0.36g*60片|盒|31.60000|2|ZA15AAS0176010|2|11|伤科接骨片|片剂|示范蒙药厂|good
    2|1102|1|云南白药胶囊|0.25g*32粒|盒|28.90000|2|ZA15AAY0488020|乙类|11|云南白药|胶囊剂|示范蒙药厂|good
    2|1103|1|活血止痛膏|7cm*10cm*6贴|盒|19.50000|2|ZG02AAH0477030|3|11|活血止痛膏|贴膏剂|示范蒙药厂|outside_code
    3|1201|1|红花|g|g|0.21000|3|T000601234|甲类|11|红花|饮片|示范饮片公司|good
    3|1202|1|三七粉|g|g|1.36000|3||3|11|三七|饮片|示范饮片公司|outside_empty
    1|1301|1|复方骨肽注射液|2ml:30mg|支|16.20000|1|XM09AXF614B001|乙类|11|复方骨肽|注射剂|示范制药五厂|missing
    1|1302|1|胸腺肽肠溶片|5mg*12片|盒|45.00000|1|XL03AXX132A001|乙类|11|胸腺肽|肠溶片|示范制药五厂|expired
    """
    for line in _lines(rows):
        (
            kind,
            number,
            place,
            name,
            spec,
            unit,
            price,
            fee,
            code,
            level,
            category,
            generic,
            form,
            maker,
            match,
        ) = line
        yield Item(
            int(kind), int(number), int(place), name, spec, unit, price, int(fee), code, level, category,
            generic, form, maker, Match(match),
        )  # fmt: skip


def _charged_items() -> Iterator[Item]:
    rows = """
    4|2001|普通床位费|日|日|28.00000|4|FCW0000101|甲类|32|good
    4|2002|住院诊查费|日|日|15.00000|5|FZC0000101|甲类|27|good
    4|2003|Ⅰ级护理|日|日|34.00000|11|FHL0000101|1|31|good
    4|2004|Ⅱ级护理|日|日|19.00000|11|FHL0000102|1|31|good
    4|2005|静脉输液|次|组|8.00000|19|FZS0000301|甲|72|good
    4|2006|肌肉注射|次|次|2.50000|19|FZS0000101|甲|72|doubled
    4|2007|血细胞分析（五分类）|次|次|22.00000|7|FHY0000101|01|25|good
    4|2008|凝血四项|次|次|63.00000|7|FHY0000210|乙类|25|good
    4|2009|尺桡骨正侧位DR|次|部位|72.00000|12|FFS0000330|甲类|23|good
    4|2010|CT平扫（64排）|次|部位|196.00000|13|FCT0000164|乙类|64|good
    4|2011|大换药|次|次|26.40000|8|FZL0000120|1|22|good
    4|2012|骨折切开复位内固定术|次|次|1850.00000|9|FSS0001533|甲类|10|good
    4|2013|臂丛神经阻滞麻醉|次|次|320.00000|16|FMZ0000203|甲类|50|good
    4|2014|心电监测|小时|小时|4.20000|17|FJC0000105|甲|53|good
    4|2015|氧气吸入|小时|小时|3.15000|15|FSY0000101|甲|52|renewed
    4|2016|关节松动训练|次|次|42.00000|14|FKF0000340|乙类|54|good
    4|2017|石膏固定术|次|次|135.00000|8|FZL0000877|2|22|good
    4|2018|中频脉冲电治疗|部位|次|18.60000|14|FKF0000122|乙|54|good
    4|2019|特需陪护床|日|日|30.00000|4||3|32|outside_empty
    4|2020|远程会诊|次|次|200.00000|97||3||outside_empty
    4|2021|冲击波治疗|次|次|88.00000|8|FZL0000931|乙类|22|ambiguous
    5|3001|一次性使用输液器|带针|支|1.85000|10|C050301018|甲类|51|good
    5|3002|医用纱布敷料|8cm*10cm*5片|包|2.40000|10|C140201002|1|51|good
    5|3003|锁定接骨板（桡骨远端）|3.5mm/8孔|块|2680.00000|10|C020401077|乙类|51|good
    5|3004|锁定螺钉|3.5*16mm|枚|246.00000|10|C020402011|乙类|51|good
    5|3005|石膏绷带|15cm*4.6m|卷|11.20000|10|C141003004|2|51|good
    5|3006|医用棉签|20支/包|支|0.01000|10|C140101001|甲|51|good
    5|3007|硅酮疤痕贴|5cm*10cm|片|168.00000|10|SZFCL999|自费|51|outside_code
    5|3008|腕关节支具|中号|个|420.00000|10||丙类|51|outside_empty
    5|3009|负压引流材料|15cm*10cm|套|1260.00000|10|C140705002|乙类|51|missing
    """
    for kind, number, name, spec, unit, price, fee, code, level, category, match in _lines(rows):
        yield Item(
            int(kind), int(number), 0, name, spec, unit, price, int(fee), code, level, category,
            match=Match(match),
        )  # fmt: skip


def _lines(text: str) -> Iterator[list[str]]:
    return (line.strip().split("|") for line in text.strip().splitlines())


ITEMS: Mapping[int, Item] = {item.number: item for item in (*_drugs(), *_charged_items())}
"""Every item by its number."""


def drug_rows(today: date) -> list[Row]:
    """The pharmacy's dictionary YK_YPZD."""
    return [
        {
            "YPXH": one.number,
            "YPCD": one.place,
            "YPMC": one.name,
            "TYMC": one.generic,
            "YPGG": one.spec,
            "YPDW": f"{one.unit:<8}",
            "JXMC": one.form,
            "CDMC": one.maker,
            "LSJG": one.price,
            "PZWH": f"国药准字H{one.number:08d}",
            "GJYBDM": one.centre_code,
            "ZXBZ": 1,
            "ZFPB": 0,
            "XGSJ": f"{today - timedelta(days=200)} 09:00:00",
        }
        for one in ITEMS.values()
        if one.is_drug
    ]


def price_rows() -> list[Row]:
    """The price list GY_YLSF of treatments and materials."""
    return [
        {
            "FYXH": one.number,
            "XMLB": "1" if one.kind == 4 else "2",
            "FYMC": one.name,
            "FYDW": f"{one.unit:<8}",
            "GG": one.spec,
            "FYDJ": one.price,
            "FYGB": one.fee,
            "GJYBDM": one.centre_code,
            "SCCJ": one.maker,
            "ZFPB": 0,
        }
        for one in ITEMS.values()
        if not one.is_drug
    ]


def match_rows(today: date) -> list[Row]:
    """The match table YB_MLDZ, numbered from 1: the centre's rows among medical-insurance ones."""
    rows = [row for item in ITEMS.values() for row in _match(item, today)]
    return [{"DZXH": number, **row} for number, row in enumerate(rows, start=1)]


def _match(item: Item, today: date) -> Iterator[Row]:
    yield match_row(item, today, XZLB="YB", YBBM=f"Y{item.number:012d}", VMED="YB2025")
    ended = f"{today - timedelta(days=90):%Y%m%d}"
    match item.match:
        case Match.GOOD:
            yield match_row(item, today, JSRQ=("", None, "00000000", "20991231")[item.number % 4])
        case Match.RENEWED:
            yield match_row(item, today, VMED="V2024", JSRQ=ended)
            yield match_row(item, today, KSRQ=f"{today - timedelta(days=89):%Y%m%d}")
        case Match.DOUBLED:
            yield match_row(item, today)
            yield match_row(item, today)
        case Match.OUTSIDE_EMPTY:
            yield match_row(item, today, YBBM="", YBMC="", VMED="", SFLB="")
        case Match.OUTSIDE_CODE:
            yield match_row(item, today, YBBM=item.self_pay_code, YBMC="", VMED="", SFLB="")
        case Match.MISSING:
            yield match_row(item, today, SHBZ="0")
        case Match.EXPIRED:
            yield match_row(item, today, VMED="V2024", JSRQ=ended)
        case Match.AMBIGUOUS:
            yield match_row(item, today)
            yield match_row(item, today, YBBM=f"{item.centre_code}9", SFDJ="自费")


def match_row(item: Item, today: date, **changes: str | None) -> Row:
    """A valid, checked row of the match table for an item, with changes."""
    return {
        "XZLB": "GS",
        "XMLX": item.kind,
        "FYXH": item.number,
        "YPCD": item.place,
        "YBBM": item.centre_code,
        "YBMC": item.generic or item.name,
        "SFDJ": item.level,
        "SFLB": item.category,
        "VMED": "V2025",
        "KSRQ": f"{today - timedelta(days=400):%Y%m%d}",
        "JSRQ": None,
        "SHBZ": "1",
        "CZGH": "0901  ",
        "CZRQ": f"{today - timedelta(days=400):%Y%m%d}10:00:00",
        **changes,
    }
