"""Patients who are insured in another province: treated here under a filing of theirs (4.21), with rows like all others.

Two lie in the wards, one comes to the clinic. The insurance office marks their registrations (GS_DJXX.YDBZ); of one it
knows the decision number, of the others only the platform does.
"""

from datetime import date, datetime, time, timedelta
from typing import Any

from connector.sample.clinic import FIRST_BILL, draft_bill, draft_lines
from connector.sample.injuries import FIRST
from connector.sample.people import WARDS, Person, make_identity
from connector.sample.plan import Plan, Stay, draft_charge, draft_refund
from connector.sample.schema import Row, Value, open_engine
from connector.sample.ward import admit

CASES = ("far", "far_discharged")
"""The stays: one is still open, one is over."""

FIRST_STAY = 2600151

_PROVINCE = "210999"  # a region code nobody has
_EMPLOYER = "辽河示范装备制造厂"
_NAMES = ("宋海燕", "邓国庆", "佟立军")
_LINES = ((2010, "1"), (1103, "2"), (2016, "1"), (3002, "2"))


def plan_elsewhere(plan: Plan) -> None:
    """Admit them, let one come to the clinic, and register all three. Before the rows are numbered."""
    people = [_person(plan, place, name) for place, name in enumerate(_NAMES)]
    plan.people.extend(people)
    for place, case in enumerate(CASES):
        stay = _stay(plan, place, case, people[place])
        admit(plan, stay)
        stay.row |= {"GSBZ": "1", "BRXZ": "07"}
        _trouble(plan, stay)
        plan.stays.append(stay)
        plan.plant(case, stay.key)
        number = f"LN{stay.admitted:%Y}00077" if case == "far" else ""
        _register(plan, people[place], stay.admitted.date(), number, ZYH=stay.number)
    bill = _bill(plan, people[-1])
    plan.plant("far_bill", str(bill["SFXH"]))
    _register(plan, people[-1], date.fromisoformat(str(bill["SFRQ"])[:10]), "", SFXH=bill["SFXH"])


def _person(plan: Plan, place: int, name: str) -> Person:
    born = plan.today - timedelta(days=31 * 365 + 900 * place)
    number = plan.people[-1].number + 1 + place
    identity = make_identity(born, 500 + 2 * place, region=_PROVINCE)
    return Person(number, name, 2 - place % 2, born, identity, _EMPLOYER, f"L{20000000 + 41 * place:08d}")


def _stay(plan: Plan, place: int, case: str, person: Person) -> Stay:
    at = datetime.combine(plan.first_day - timedelta(days=6 + 4 * place), time(9 + place, 40))
    stay = Stay(FIRST_STAY + place, person, WARDS[place], f"{place + 51}", at, case)
    if case == "far_discharged":
        stay.discharged = at + timedelta(days=6, hours=3)
    return stay


def _trouble(plan: Plan, stay: Stay) -> None:
    """An item outside the catalogue, and half of it taken back."""
    at = stay.admitted + timedelta(days=2, minutes=15)
    outside = draft_charge(stay, at, 1103, "4", prescription=f"YD{stay.number}")
    back = draft_refund(outside, at + timedelta(hours=5), "2")
    outside.mark, back.mark = "far_outside", "far_refund"
    plan.charges.extend((outside, back))


def _bill(plan: Plan, person: Person) -> Row:
    bills, lines = plan.tables["MS_SFZB"], plan.tables["MS_SFMX"]
    number, line = FIRST_BILL + len(bills), 1 + max(int(str(one["SBXH"])) for one in lines)
    own = draft_lines(number, line, _LINES)
    at = datetime.combine(plan.first_day - timedelta(days=2), time(10, 5))
    bill = draft_bill(plan, number, person, at, own, injured=True)
    bills.append(bill)
    lines.extend(own)
    return bill


def _register(plan: Plan, person: Person, seen: date, number: str, **visit: Value) -> None:
    """A registration without what only the own province has: numbers of person, employer and application."""
    rows = plan.tables["GS_DJXX"]
    happened = seen - timedelta(days=200)
    rows.append(
        {
            "DJXH": FIRST + len(rows),
            "BRID": person.number,
            "ZYH": None,
            "SFXH": None,
            **visit,
            "GSLB": "旧",
            "YDBZ": "1",
            "DWBH": "",
            "GRBH": "",
            "RDSBH": number,
            "SQBH": "",
            "SGRQ": f"{happened:%Y%m%d}",
            "ZLLB": "治疗",
            "JBBM": "S82.201",
            "SBKH": person.card,
            "ZFFS": "",
            "DJGH": "0901  ",
            "DJRQ": f"{plan.first_day - timedelta(days=3)} 09:00:00",
            "XGSJ": None,
        }
    )


_FILED = """
SELECT g.DJXH, g.RDSBH, g.SGRQ, p.BRXM, p.SFZH, g.ZYH
FROM GS_DJXX g JOIN MS_BRDA p ON p.BRID = g.BRID WHERE g.YDBZ = '1' ORDER BY g.DJXH
"""


def sample_filings(url: str, *, several: bool = False) -> list[dict[str, Any]]:
    """The filings that the platform knows of (4.21), for the simulator; one of each person is over.

    With `several`, the person of a stay whose decision number the HIS lacks has a second one of another accident that
    is valid too, so that somebody has to choose.
    """
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(_FILED).all()
    finally:
        engine.dispose()
    filings = [filing for row in rows for filing in _filings(*row[:5])]
    if several:
        filings += [_of_another_accident(*row[:5]) for row in rows if row[5] and not row[1]]
    return filings


def _of_another_accident(*row: Any) -> dict[str, Any]:
    """A valid filing of an accident half a year earlier."""
    number, _, injured, name, identity = row
    earlier = date.fromisoformat(injured) - timedelta(days=180)
    *_, valid = _filings(number, f"LN{earlier:%Y}{number:05d}", earlier.isoformat(), name, identity)
    return {**valid, "alc014": "腕部挫伤"}


def _filings(number: int, decision: str, injured: str, name: str, identity: str) -> list[dict[str, Any]]:
    """A filing from a month after the accident on, and an ended one before it."""
    day = date.fromisoformat(injured)
    begun, ended = day + timedelta(days=30), day + timedelta(days=29)
    common = {
        "aac002": identity.strip().upper(),
        "aac003": name.strip(),
        "alc011": decision or f"LN{day:%Y}{number:05d}",
        "aae016": "1",
        "ala491": "01",
        "alc014": "胫骨骨折",
    }
    return [
        {
            **common,
            "aae127": f"{day:%Y%m%d}",
            "aae100": "0",
            "aae030": f"{day:%Y%m%d}",
            "aae031": f"{ended:%Y%m%d}",
        },
        {
            **common,
            "aae127": f"{begun:%Y%m%d}",
            "aae100": "1",
            "aae030": f"{begun:%Y%m%d}",
            "aae031": "20991231",
        },
    ]
