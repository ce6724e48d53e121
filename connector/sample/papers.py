"""What is written about a stay: front page, diagnoses, operations, reports, settlement, trace codes of drugs."""

from datetime import timedelta
from decimal import Decimal

from connector.sample.people import padded, staff_of
from connector.sample.plan import Charge, Plan, Stay
from connector.sample.schema import Row, Value

_BROUGHT = ("US", "CT", "MR")
"""Examinations from before the admission, which the outpatient department billed."""
_PLACES = {"US": "左上肢血管", "DR": "左前臂", "CT": "左腕关节", "MR": "左腕关节"}
_FINDINGS = {
    "US": ("左桡动脉、尺动脉血流通畅，未见明显异常回声。", "左上肢血管未见明显异常"),
    "DR": ("骨皮质不连续，可见骨折线，断端轻度移位。", "桡骨远端骨折"),
    "CT": ("桡骨远端骨皮质不连续，骨折线累及关节面。", "桡骨远端骨折"),
    "MR": ("桡骨远端骨髓水肿，三角纤维软骨信号尚可。", "桡骨远端骨折，骨髓水肿"),
}


def plan_papers(plan: Plan) -> None:
    """The papers of every stay that is over, reports of all, and a settlement for the archived one.

    Planted: the front page of one stay is lacking, and a report that nobody has checked.
    """
    ended = [stay for stay in plan.stays if stay.discharged]
    filed = [stay for stay in ended if stay.case != "new_discharged"]
    injured = [stay for stay in ended if stay.row["GSBZ"] == "1"]
    plan.plant("front_page_missing", plan.stay("new_discharged").key)
    operated = [charge for charge in plan.charges if charge.item.number == 2012]
    pictures = [charge for charge in plan.charges if charge.item.number in (2009, 2010)]
    traced = [charge for charge in plan.charges if charge.item.form == "注射剂" and charge.number % 7 == 0]
    plan.tables["BA_BASY"] = [draft_front_page(place, stay) for place, stay in enumerate(filed, start=1)]
    plan.tables["BA_ZDXX"] = [_diagnosis(stay) for stay in ended]
    plan.tables["BA_SSXX"] = [
        *(_operation(place, charge) for place, charge in enumerate(operated, start=1)),
        *(_wound_care(stay) for stay in injured),
    ]
    reports = [_report(place, charge) for place, charge in enumerate(pictures, start=1)]
    for stay in injured:
        reports += [
            _brought(len(reports) + place, stay, kind) for place, kind in enumerate(_BROUGHT, start=1)
        ]
    draft = {**_brought(len(reports) + 1, plan.stay("archived"), "CT"), "BGZT": 1}
    plan.plant("report_unchecked", str(draft["BGXH"]))
    plan.tables["YJ_BGXX"] = [*reports, draft]
    plan.tables["YF_ZSMX"] = [_trace(place, charge) for place, charge in enumerate(traced, start=1)]
    plan.tables["ZY_JSZB"] = [_settlement(plan, plan.stay("archived"))]


def draft_front_page(place: int, stay: Stay) -> Row:
    """The front page of a stay that is over; `place` is its number."""
    doctor, nurse = staff_of(stay.ward)
    left = stay.discharged or stay.admitted
    person = stay.person
    return {
        "BAXH": place,
        "ZYH": stay.number,
        "BAHM": stay.row["ZYHM"],
        "ZYCS": stay.row["ZYCS"],
        "BRXM": stay.person.name,
        "BRXB": str(stay.person.sex),
        "CSRQ": f"{stay.person.born:%Y%m%d}",
        "NL": str((stay.admitted.date() - stay.person.born).days // 365),
        "HYZK": "2" if person.number % 4 else "1",
        "ZYDM": "24",
        "MZDM": "02" if person.is_mongolian else "01",
        "SFZH": person.identity,
        "GZDW": person.employer,
        "CSD": "示范市",
        "JG": "示范省示范市",
        "XZZ": person.address,
        "LXRM": "李示范",
        "LXGX": "配偶",
        "LXDH": f"1390000{person.number % 10000:04d}",
        "RYRQ": stay.row["RYRQ"],
        "RYKB": stay.ward,
        "CYRQ": stay.row["CYRQ"],
        "CYKB": stay.ward,
        "SJZYTS": stay.days,
        "MJZZD": stay.row["RYZDMC"],
        "MJZZDBM": stay.row["RYZDBM"],
        "WBYY": "作业时被重物砸伤",
        "WBYYBM": "W20.801",
        "YWGM": "1",
        "LYFS": "1",
        "XX": "ABO"[person.number % 3],
        "RH": "2",
        "KZR": doctor,
        "ZRYS": doctor,
        "ZZYS": doctor,
        "ZYYS": doctor,
        "ZRHS": nurse,
        "BMY": "0901  ",
        "TJBZ": 1,
        "XGSJ": None if place % 2 else f"{left:%Y-%m-%d %H:%M:%S}",
    }


def _diagnosis(stay: Stay) -> Row:
    return {
        "ZYH": stay.number,
        "ZDXH": 1,
        "ZDLB": "1",
        "ZDBM": stay.row["RYZDBM"],
        "ZDMC": stay.row["RYZDMC"],
        "RYBQ": "1",
        "CYQK": "1",
    }


def _operation(place: int, charge: Charge) -> Row:
    doctor, _ = staff_of(charge.stay.ward)
    return {
        "ZYH": charge.stay.number,
        "SSXH": place,
        "SSBM": "79.3202",
        "SSMC": charge.item.name,
        "SSRQ": charge.row["FYRQ"],
        "SSJB": "3",
        "SSYS": doctor,
        "MZFS": "03",
        "QKYH": "1",
    }


def _wound_care(stay: Stay) -> Row:
    """What the emergency room did before the admission; it is numbered within the stay."""
    doctor, _ = staff_of(stay.ward)
    at = stay.admitted - timedelta(hours=1)
    return {
        "ZYH": stay.number,
        "SSXH": 1,
        "SSBM": "86.2201",
        "SSMC": "清创缝合术",
        "SSRQ": f"{at:%Y%m%d%H:%M:%S}",
        "SSJB": "1",
        "SSYS": doctor,
        "YZHS": "0105  ",
        "MZFS": "01",
        "MZYS": doctor,
        "QKYH": "2",
    }


def _report(place: int, charge: Charge) -> Row:
    kind = "CT" if charge.item.number == 2010 else "DR"
    return _report_of(place, charge.stay, kind, charge.row["JFRQ"])


def _brought(place: int, stay: Stay, kind: str) -> Row:
    at = stay.admitted - timedelta(minutes=40)
    return _report_of(place, stay, kind, f"{at:%Y-%m-%d %H:%M:%S}")


def _report_of(place: int, stay: Stay, kind: str, at: Value) -> dict[str, Value]:
    doctor, _ = staff_of(stay.ward)
    seen, concluded = _FINDINGS[kind]
    return {
        "BGXH": place,
        "ZYH": stay.number,
        "BGLX": kind,
        "JCH": f"{kind}{place:06d}",
        "SMFS": "T1WI、T2WI、STIR" if kind == "MR" else None,
        "JCBW": _PLACES[kind],
        "JCSJ": at,
        "JCSJMS": seen,
        "JCJL": concluded,
        "BGYS": doctor,
        "SHYS": doctor,
        "BGZT": 2,
        "XGSJ": at,
    }


def _trace(place: int, charge: Charge) -> Row:
    return {
        "ZSXH": place,
        "LYLB": 2,
        "FYJLXH": charge.number,
        "YPXH": charge.item.number,
        "YPCD": charge.item.place,
        "ZSM": f"8{charge.item.number:07d}{charge.number:012d}",
        "CLBZ": int(place % 3 == 0),
        "TYBZ": 0,
        "SMGH": "0901  ",
        "SMSJ": charge.row["JFRQ"],
    }


def _settlement(plan: Plan, stay: Stay) -> Row:
    own = [charge for charge in plan.charges if charge.stay is stay]
    total = sum((Decimal(str(charge.row["ZJJE"])) for charge in own), Decimal(0))
    left = stay.discharged or stay.admitted
    return {
        "JSXH": 1,
        "ZYH": stay.number,
        "JSCS": 1,
        "JSLX": 1,
        "KSRQ": f"{stay.admitted:%Y%m%d}",
        "ZZRQ": f"{left:%Y%m%d}",
        "JSRQ": f"{left:%Y-%m-%d %H:%M:%S}",
        "FYHJ": f"{total:.4f}",
        "ZFHJ": "0",
        "FPHM": padded("15009001").strip(),
        "CZGH": "0901  ",
        "ZFPB": 0,
    }
