"""Work-injury registrations (GS_DJXX): what the insurance office of the hospital types in.

A real system has no place for the decision number, the application number or the employer's number of the
platform, so hospitals add a small table like this one.
"""

from datetime import date, timedelta

from connector.sample import clinic, ward
from connector.sample.people import EMPLOYERS, Person
from connector.sample.plan import Plan
from connector.sample.schema import Row, Value

FIRST = 101
FRESH_PERSON = 17
"""Who is admitted only on the second day; registered by the office from an earlier accident."""
TURNING_PERSON = 18
"""Who lies in the hospital as an ordinary patient until the second day."""


def plan_registrations(plan: Plan) -> None:
    """One registration for every work-injury visit, and for the two people of the second day, without a visit."""
    rows: list[Row] = []
    for place, case in enumerate(ward.INJURED):
        stay = plan.stays[place]
        rows.append(_register(plan, len(rows), stay.person, case, stay.admitted.date(), ZYH=stay.number))
    for place, case in enumerate(clinic.INJURED):
        bill = plan.tables["MS_SFZB"][place]
        seen = date.fromisoformat(str(bill["SFRQ"])[:10])
        person = plan.people[len(ward.INJURED) + place]
        rows.append(_register(plan, len(rows), person, f"bill_{case}", seen, SFXH=bill["SFXH"]))
    for place in (FRESH_PERSON, TURNING_PERSON):
        rows.append(
            _register(plan, len(rows), plan.people[place], "old", plan.first_day - timedelta(days=15))
        )
    plan.tables["GS_DJXX"] = rows


def _register(plan: Plan, place: int, person: Person, case: str, seen: date, **visit: Value) -> Row:
    """A registration. `seen`: the day of the visit; the accident was three days before it, or months before."""
    new = "new" in case
    happened = seen - timedelta(days=3 if new else 120 + place)
    number = f"{happened:%Y}{person.number % 1000:05d}"
    codes = {"twice_coded": "S52.501,S62.601", "old": "S82.201"}.get(case, "S52.501")
    return {
        "DJXH": FIRST + place,
        "BRID": person.number,
        "ZYH": None,
        "SFXH": None,
        **visit,
        "GSLB": "新" if new else "旧",
        "YDBZ": (None, "", "0")[place % 3],
        "DWBH": "" if case == "incomplete" else EMPLOYERS[person.employer],
        "GRBH": personal_number(person.number),
        "RDSBH": "" if new or case == "bill_incomplete" else f"RD{number}",
        "SQBH": "" if new else f"103{person.number % 100000:05d}",
        "SGRQ": f"{happened:%Y%m%d}",
        "ZLLB": "康复" if case == "rehabilitation" else "治疗",
        "JBBM": codes,
        "SBKH": person.card,
        "ZFFS": (None, "", "0", "1")[place % 4],
        "DJGH": "0901  ",
        "DJRQ": f"{plan.first_day - timedelta(days=3)} 09:00:00",
        "XGSJ": None,
    }


def personal_number(patient: int) -> str:
    """The number that the platform has for a patient (aac001)."""
    return f"1001{patient:05d}"
