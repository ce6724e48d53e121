"""A hospital to practise on: work-injury patients among ordinary ones, with the trouble of real data.

`build_hospital` makes it in an empty database, `change_hospital` (changes.py) is its second day. Everything
follows from a seed and a day: the newest row is of the third day before `today`, so that it is older than any
clock's zone or safety lag could hide, and the second day is the one before yesterday.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Any

import sqlalchemy as sa

from connector.errors import ConfigurationError
from connector.sample.charts import plan_charts
from connector.sample.clinic import plan_bills
from connector.sample.elsewhere import plan_elsewhere
from connector.sample.injuries import plan_registrations
from connector.sample.invoices import plan_invoices
from connector.sample.items import drug_rows, match_rows, price_rows
from connector.sample.papers import plan_papers
from connector.sample.people import EMPLOYERS, directory_rows, make_people
from connector.sample.plan import Charge, Plan, number_rows
from connector.sample.planted import plant_trouble
from connector.sample.schema import create_schema, insert, open_engine, tables
from connector.sample.ward import plan_stays

SEED = 7
_PEOPLE = 60


@dataclass(frozen=True, slots=True)
class SampleFacts:
    """How much there is.

    "Injured" counts what belongs to work-injury visits, whether or not it can be sent; `far_…` are those of them whose
    patients are insured in another province.
    """

    patients: int
    stays: int
    injured_stays: int
    bills: int
    injured_bills: int
    charges: int
    injured_charges: int
    lines: int
    injured_lines: int
    orders: int
    injured_orders: int
    far_stays: int
    far_bills: int

    @property
    def injured_visits(self) -> int:
        """Work-injury visits in the ward and in the clinic; a refund bill is no visit."""
        return self.injured_stays + self.injured_bills


@dataclass(frozen=True, slots=True)
class Sample:
    """What was built: its size, and the keys of the rows planted on purpose, by the kind of trouble."""

    facts: SampleFacts
    planted: Mapping[str, tuple[str, ...]] = field(repr=False)


def plan_hospital(*, seed: int = SEED, today: date) -> Plan:
    """The whole hospital on paper; the same for the same seed and day."""
    plan = Plan(seed, today, Random(f"hospital {seed}"), make_people(seed, _PEOPLE, today))
    plan.tables.update(directory_rows())
    plan.tables["YK_YPZD"] = drug_rows(today)
    plan.tables["GY_YLSF"] = price_rows()
    plan.tables["YB_MLDZ"] = match_rows(today)
    plan_stays(plan)
    plan_bills(plan)
    plan_registrations(plan)
    plant_trouble(plan)
    plan_elsewhere(plan)
    number_rows(plan)
    plan_papers(plan)
    plan_charts(plan)
    plan_invoices(plan)
    plan.tables["MS_BRDA"] = [person.row(today, _share(plan, person.number)) for person in plan.people]
    plan.tables["ZY_BRRY"] = [dict(stay.row) for stay in plan.stays]
    plan.tables["ZY_BQYZ"] = [dict(order.row) for order in plan.orders]
    written = [charge for charge in plan.charges if not charge.late]
    plan.tables["ZY_FYMX"] = [dict(one.row) for one in written if not _is_archived(one)]
    plan.tables["ZY_FYMX_N"] = [{**one.row, "JSCS": 1} for one in written if _is_archived(one)]
    return plan


def _share(plan: Plan, patient: int) -> str:
    injured = {stay.person.number for stay in plan.stays if stay.row["GSBZ"] == "1"}
    return "07" if patient in injured else "02"


def _is_archived(charge: Charge) -> bool:
    return charge.stay.case == "archived"


def build_hospital(url: str, *, seed: int = SEED, today: date) -> Sample:
    """Make the sample hospital in the empty database at `url` (SQLite, PostgreSQL, MySQL or MariaDB).

    One transaction. Raises ConfigurationError when the database already has a hospital in it.
    """
    plan = plan_hospital(seed=seed, today=today)
    engine = open_engine(url)
    try:
        with engine.begin() as connection:
            if sa.inspect(connection).has_table("ZY_BRRY") or sa.inspect(connection).has_table("zy_brry"):
                raise ConfigurationError(
                    "The database already has a hospital in it (table ZY_BRRY); name an empty one."
                )
            create_schema(connection)
            for name in tables():
                insert(connection, name, plan.tables.get(name, []))
            facts = _count(connection)
    finally:
        engine.dispose()
    return Sample(facts, {name: tuple(keys) for name, keys in plan.planted.items()})


def sample_facts(url: str) -> SampleFacts:
    """How much there is in a sample hospital now."""
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            return _count(connection)
    finally:
        engine.dispose()


_INJURED_STAY = "ZYH IN (SELECT ZYH FROM ZY_BRRY WHERE GSBZ = '1')"
_INJURED_BILL = "SFXH IN (SELECT SFXH FROM GS_DJXX WHERE SFXH IS NOT NULL)"
_OF_BILL = "SFXH IN (SELECT b.SFXH FROM MS_SFZB b JOIN GS_DJXX g ON g.SFXH = b.SFXH OR g.SFXH = b.YSFXH)"

_FAR = "YDBZ = '1'"


def _count(connection: sa.Connection) -> SampleFacts:
    def rows(table: str, where: str = "1 = 1") -> int:
        counted = connection.exec_driver_sql(f"SELECT COUNT(*) FROM {table} WHERE {where}")  # noqa: S608  # our own names
        return int(counted.scalar_one())

    return SampleFacts(
        patients=rows("MS_BRDA"),
        stays=rows("ZY_BRRY"),
        injured_stays=rows("ZY_BRRY", "GSBZ = '1'"),
        bills=rows("MS_SFZB"),
        injured_bills=rows("MS_SFZB", _INJURED_BILL),
        charges=rows("ZY_FYMX") + rows("ZY_FYMX_N"),
        injured_charges=rows("ZY_FYMX", _INJURED_STAY) + rows("ZY_FYMX_N", _INJURED_STAY),
        lines=rows("MS_SFMX"),
        injured_lines=rows("MS_SFMX", _OF_BILL),
        orders=rows("ZY_BQYZ"),
        injured_orders=rows("ZY_BQYZ", _INJURED_STAY),
        far_stays=rows("GS_DJXX", f"{_FAR} AND ZYH IS NOT NULL"),
        far_bills=rows("GS_DJXX", f"{_FAR} AND SFXH IS NOT NULL"),
    )


_REGISTRATIONS = """
SELECT g.GRBH, g.DWBH, g.RDSBH, g.GSLB, g.SGRQ, p.BRXM, p.SFZH, p.BRXB, p.GZDW
FROM GS_DJXX g JOIN MS_BRDA p ON p.BRID = g.BRID WHERE COALESCE(g.YDBZ, '0') <> '1' ORDER BY g.DJXH
"""


def sample_injuries(url: str) -> list[dict[str, Any]]:
    """The work injuries of this province that the platform knows of (4.3), for the simulator's `injuries`.

    The platform knows the employer and the decision even where the hospital's registration lacks them, and a
    person whose visit comes only on the second day. Of other provinces it knows filings (`sample_filings`).
    """
    engine = open_engine(url)
    try:
        with engine.connect() as connection:
            rows = connection.exec_driver_sql(_REGISTRATIONS).all()
    finally:
        engine.dispose()
    return [_injury(row) for row in rows]


def _injury(row: Sequence[Any]) -> dict[str, Any]:
    person, employer, decision, kind, day, name, identity, sex, firm = row
    number = employer or EMPLOYERS[firm]
    known = "" if kind == "新" else decision or f"RD{day[:4]}{int(person[4:]) % 1000:05d}"
    return {
        "aac001": person,
        "alca02": known,
        "aab009": number,
        "aab001": number,
        "aab301": "150200",
        "aac002": identity.strip().upper(),
        "aac003": name.strip(),
        "aac004": str(sex),
        "alc020": f"{day[:4]}-{day[4:6]}-{day[6:]}",
        "alc021": "3",
        "alc022": "上肢",
        "alc023": "作业时受伤",
        "alc027": "01",
        "alc084": "0" if kind == "新" else "1",
    }
