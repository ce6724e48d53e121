"""The people and departments of the sample hospital: all made up, all from one seed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from connector.sample.schema import Row, Value

DEPARTMENTS: Mapping[str, str] = {
    "010101": "骨科一病区",
    "010102": "手足外科病区",
    "010103": "康复医学科病区",
    "010104": "神经外科病区",
    "020101": "急诊科",
    "020102": "骨科门诊",
    "030101": "放射科",
    "030102": "检验科",
    "040101": "住院药房",
}
WARDS = tuple(DEPARTMENTS)[:4]

EMPLOYERS: Mapping[str, str] = {
    "北方示范煤业有限公司": "150201000101",
    "草原示范钢铁集团": "150201000202",
    "河套示范建筑工程公司": "150801000303",
    "阴山示范物流有限公司": "150101000404",
}
"""Name of an employer → the number the platform has for it (aab001)."""

DICTIONARIES: Mapping[str, Mapping[str, str]] = {
    "XB": {"1": "男", "2": "女"},
    "BRXZ": {"01": "自费", "02": "职工医保", "03": "居民医保", "07": "工伤"},
    "SFLB": {
        "1": "西药费", "2": "中成药费", "3": "草药费", "4": "床位费", "5": "诊查费", "6": "检查费",
        "7": "化验费", "8": "治疗费", "9": "手术费", "10": "材料费", "11": "护理费", "12": "放射费",
        "13": "CT费", "14": "康复理疗费", "15": "输氧费", "16": "麻醉费", "17": "监测费", "19": "注射费",
        "97": "其他服务费",
    },
    "YPYF": {"PO": "口服", "IV": "静脉滴注", "IM": "肌肉注射", "EX": "外用"},
    "MZDM": {"01": "汉族", "02": "蒙古族"},
    "HYZK": {"1": "未婚", "2": "已婚"},
    "ZYDM": {"24": "工人", "27": "农民"},
    "CYFS": {"1": "医嘱离院", "2": "医嘱转院", "5": "死亡", "9": "其他"},
    "SSJB": {"1": "一级", "2": "二级", "3": "三级", "4": "四级"},
    "MZFS": {"01": "局部浸润麻醉", "02": "椎管内麻醉", "03": "臂丛神经阻滞麻醉", "04": "全身麻醉"},
    "SYPC": {"QD": "每日一次", "BID": "每日两次", "TID": "每日三次", "ST": "立即"},
}  # fmt: skip

_FAMILY = "王李张刘陈杨赵黄周吴徐孙马朱胡郭何林高罗"
_GIVEN = (
    "伟",
    "志强",
    "建国",
    "丽",
    "秀英",
    "玉兰",
    "军",
    "永刚",
    "桂芳",
    "海龙",
    "晓东",
    "喆",
    "国栋",
    "垚",
    "赟",
)
_MONGOLIAN = ("巴特尔", "斯琴高娃", "那日苏", "乌云其木格", "苏日娜", "哈斯巴根")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)


@dataclass(frozen=True, slots=True)
class Person:
    """One patient. Nothing of it is shown by repr: even made-up patients are treated as patients."""

    number: int
    name: str
    sex: int
    born: date
    identity: str
    employer: str
    card: str

    def __repr__(self) -> str:
        return f"Person({self.number})"

    def row(self, today: date, share: str) -> Row:
        """The patient's row in MS_BRDA; `share` is who pays (BRXZ)."""
        return {
            "BRID": self.number,
            "MZHM": self.outpatient_number,
            "BRXM": padded(self.name),
            "BRXB": self.sex,
            "CSNY": f"{self.born} 00:00:00",
            "SFZH": self.identity,
            "BRXZ": share,
            "YBKH": self.card,
            "GZDW": self.employer,
            "LXDH": self.telephone,
            "JTZZ": self.address,
            "JDSJ": f"{today - timedelta(days=300 + self.number % 90)} 08:30:00",
            "XGSJ": None if self.number % 3 else f"{today - timedelta(days=20)} 08:30:00",
        }

    @property
    def telephone(self) -> str:
        """A number that nobody has."""
        return f"1380000{self.number % 10000:04d}"

    @property
    def address(self) -> str:
        """Where the patient lives."""
        return f"示范市河套区草原街道{self.number % 30 + 1}号"

    @property
    def is_mongolian(self) -> bool:
        """Whether the name is one of the Mongolian ones."""
        return self.name in _MONGOLIAN

    @property
    def outpatient_number(self) -> str:
        """The number of the outpatient booklet, the same for every visit."""
        return f"M{self.number:07d}"


def padded(name: str) -> str:
    """A name as a CHAR(20) column gives it back."""
    return f"{name:<20}"


def make_people(seed: int, count: int, today: date) -> list[Person]:
    """Patients numbered from 5001, with valid check digits; the fourth has a lower-case x."""
    random = Random(f"people {seed}")
    names = list(_names(random, count))
    people = []
    for place in range(count):
        sex = 1 if random.random() < 0.7 else 2
        born = today - timedelta(days=random.randrange(22 * 365, 59 * 365))
        identity = make_identity(born, 500 + place * 2 + (sex == 1), want_x=place == 3)
        people.append(
            Person(
                5001 + place,
                names[place],
                sex,
                born,
                identity.lower(),
                random.choice(list(EMPLOYERS)),
                f"A{10000000 + 37 * place:08d}",
            )
        )
    return people


def _names(random: Random, count: int) -> Iterator[str]:
    known: set[str] = set()
    while len(known) < count:
        name = random.choice(_FAMILY) + random.choice(_GIVEN)
        if random.random() < 0.15:
            name = random.choice(_MONGOLIAN)
        if name not in known:
            known.add(name)
            yield name


def make_identity(born: date, order: int, *, want_x: bool = False, region: str = "150999") -> str:
    """An identity number of a region code nobody has, with its check digit."""
    while True:
        body = f"{region}{born:%Y%m%d}{order % 1000:03d}"
        check = "10X98765432"[
            sum(int(digit) * weight for digit, weight in zip(body, _WEIGHTS, strict=True)) % 11
        ]
        if not want_x or check == "X":
            return body + check
        order += 2


STAFF: tuple[tuple[str, str, str, str], ...] = (
    ("0101", "包文斌", "010101", "1"),
    ("0102", "韩雪峰", "010102", "1"),
    ("0103", "宝音德力格尔", "010103", "1"),
    ("0104", "孟祥瑞", "010104", "1"),
    ("0105", "白云鹏", "020102", "1"),
    ("0201", "其其格", "010101", "2"),
    ("0202", "田小雨", "010102", "2"),
    ("0203", "贺春梅", "010103", "2"),
    ("0204", "萨仁", "010104", "2"),
    ("0901", "安静", "040101", "3"),
)
"""Number, name, department, kind (1 doctor, 2 nurse, 3 cashier)."""


def directory_rows() -> dict[str, list[Row]]:
    """Departments, staff and dictionaries."""
    dictionary: list[dict[str, Value]] = [
        {"ZDLB": kind, "ZDDM": code, "ZDMC": name, "PLSX": place, "ZFPB": 0}
        for kind, entries in DICTIONARIES.items()
        for place, (code, name) in enumerate(entries.items(), start=1)
    ]
    return {
        "GY_KSDM": [
            {"KSDM": code, "KSMC": name, "KSLB": code[1], "YBKSDM": f"A{code}", "ZFPB": 0}
            for code, name in DEPARTMENTS.items()
        ],
        "GY_YGDM": [
            {
                "YGDM": f"{code:<6}",
                "YGXM": padded(name),
                "KSDM": department,
                "YGLB": kind,
                "YBYSBM": f"D1502{code}" if kind == "1" else None,
                "ZFPB": 0,
            }
            for code, name, department, kind in STAFF
        ],
        "GY_ZDXX": [dict(row) for row in dictionary],
    }


def staff_of(ward: str) -> tuple[str, str]:
    """The doctor and the nurse of a ward, padded as CHAR(6)."""
    place = WARDS.index(ward)
    return f"{STAFF[place][0]:<6}", f"{STAFF[place + 5][0]:<6}"
