"""What is written about a stay: front page, diagnoses, operations, reports, settlement, trace codes of drugs."""

from decimal import Decimal

from connector.sample.people import padded, staff_of
from connector.sample.plan import Charge, Plan, Stay
from connector.sample.schema import Row


def plan_papers(plan: Plan) -> None:
    """The papers of every stay that is over, reports of all, and a settlement for the archived one."""
    ended = [stay for stay in plan.stays if stay.discharged]
    operated = [charge for charge in plan.charges if charge.item.number == 2012]
    pictures = [charge for charge in plan.charges if charge.item.number in (2009, 2010)]
    traced = [charge for charge in plan.charges if charge.item.form == "注射剂" and charge.number % 7 == 0]
    plan.tables["BA_BASY"] = [_front_page(place, stay) for place, stay in enumerate(ended, start=1)]
    plan.tables["BA_ZDXX"] = [_diagnosis(stay) for stay in ended]
    plan.tables["BA_SSXX"] = [_operation(place, charge) for place, charge in enumerate(operated, start=1)]
    plan.tables["YJ_BGXX"] = [_report(place, charge) for place, charge in enumerate(pictures, start=1)]
    plan.tables["YF_ZSMX"] = [_trace(place, charge) for place, charge in enumerate(traced, start=1)]
    plan.tables["ZY_JSZB"] = [_settlement(plan, plan.stay("archived"))]


def _front_page(place: int, stay: Stay) -> Row:
    doctor, _ = staff_of(stay.ward)
    left = stay.discharged or stay.admitted
    return {
        "BAXH": place,
        "ZYH": stay.number,
        "BAHM": stay.row["ZYHM"],
        "ZYCS": stay.row["ZYCS"],
        "BRXM": stay.person.name,
        "BRXB": str(stay.person.sex),
        "CSRQ": f"{stay.person.born:%Y%m%d}",
        "NL": str((stay.admitted.date() - stay.person.born).days // 365),
        "SFZH": stay.person.identity,
        "GZDW": stay.person.employer,
        "RYRQ": stay.row["RYRQ"],
        "RYKB": stay.ward,
        "CYRQ": stay.row["CYRQ"],
        "CYKB": stay.ward,
        "SJZYTS": (left.date() - stay.admitted.date()).days,
        "MJZZD": stay.row["RYZDMC"],
        "MJZZDBM": stay.row["RYZDBM"],
        "LYFS": "1",
        "ZZYS": doctor,
        "ZYYS": doctor,
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


def _report(place: int, charge: Charge) -> Row:
    doctor, _ = staff_of(charge.stay.ward)
    return {
        "BGXH": place,
        "ZYH": charge.stay.number,
        "BGLX": "CT" if charge.item.number == 2010 else "DR",
        "JCBW": "左前臂",
        "JCSJ": charge.row["JFRQ"],
        "JCSJMS": "骨皮质不连续，可见骨折线，断端轻度移位。",
        "JCJL": "桡骨远端骨折",
        "BGYS": doctor,
        "SHYS": doctor,
        "BGZT": 2,
        "XGSJ": charge.row["JFRQ"],
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
