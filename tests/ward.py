"""A small hospital with a real database, a real ledger and the stand-in platform over HTTP.

In-process tests hand in a `Time` of their own; tests that run real processes a `MachineTime`.
"""

import itertools
import sqlite3
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from connector.ledger.seal import create_key
from connector.pipeline.parts import Clock, Parts, open_project, real_clock
from connector.pipeline.progress import Progress, Silent
from connector.pipeline.run import RunReport, run
from connector.simulator.server import Simulator

KEY = "0123456789abcdef0123456789abcdef"
ENVIRON = {"PASSWORD": "secret", "KEY": KEY}
START = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)

SCHEMA = """
CREATE TABLE stay (zyh INTEGER PRIMARY KEY, number TEXT, name TEXT, injury TEXT, ward TEXT, ended TEXT);
CREATE TABLE fee (id INTEGER PRIMARY KEY, zyh INTEGER, item TEXT, price DECIMAL(10,4), quantity DECIMAL(10,2),
                  amount DECIMAL(12,4), refund INTEGER, day TEXT);
CREATE TABLE doctor_order (id INTEGER PRIMARY KEY, zyh INTEGER, text TEXT, nurse TEXT, changed TIMESTAMP);
"""

CONNECTOR = """
version: 1
his: {{url: "sqlite:///{his}", page_rows: {page_rows}}}
platform: {{base_url: "{url}", username: demo, password: "env:PASSWORD", key: "env:KEY"}}
ledger: {{url: "{ledger}", key: "file:ledger.key"}}
delivery: {{batch_rows: {batch_rows}, visits_in_flight: {visits_in_flight}, settle_s: {settle_s}, read_lag_s: {read_lag_s}, on_doubt: {on_doubt}}}
guards: {guards}
"""

DEFAULTS = {
    "ledger": "sqlite:///ledger.db",
    "page_rows": 50_000,
    "batch_rows": 4,
    "visits_in_flight": 3,
    "settle_s": 1800,
    "read_lag_s": 30,
    "on_doubt": "settle",
    "guards": "{}",
}

STAYS = """
version: 1
mapping: stays
fills: register
source: {table: stay, key: zyh, visit: zyh, changes: {by: comparison}, ended: ended}
fields:
  isnewinjure: {value: "0"}
  aab001: {value: "100435"}
  aac001: {value: "10014152"}
  aac002: {value: "152824198204240045"}
  aac003: name
  aac004: {value: "1"}
  aka130: {value: "21"}
  akc191: {value: "7"}
  akc190: number
  akc192: {value: "2026-03-01"}
  alc028: {value: "T14.900"}
  alca02: injury
  aae073: {value: "10361076"}
  alk023: {value: 骨科}
  akc199: ward
  alk024: {value: "12"}
  ysbm: {value: 王医生}
  sbkid: {value: A0001}
"""

FEES = """
version: 1
mapping: fees
fills: sendMedInfo.meds.med
source:
  table: fee
  key: id
  visit: zyh
  changes: {changes}
  refund_of: refund
fields:
  alc400: {{value: CF1}}
  alc401: {{from: day, read: "%Y-%m-%d"}}
  akc229: {{value: "1"}}
  alc402: item
  alc403: item
  aka065: {{value: "1"}}
  alc404: {{value: "1"}}
  alc405: price
  alc406: quantity
  alc407: amount
  zka100: {{value: 次}}
  akc231: item
  akc515: item
  aae080: {{value: "999"}}
  vmed: {{value: "1"}}
"""

ORDERS = """
version: 1
mapping: orders
fills: sendMedInfo.advices.advice
source: {table: doctor_order, key: id, visit: zyh, changes: {by: timestamp, column: changed, lookback: 1h}}
fields:
  aae080: id
  alk007: {value: "2026-03-02"}
  alk009: text
  alk016: {value: 王医生}
  alk017: nurse
"""

PIPELINE = "{version: 1, pipeline: ward, visits: stays, mappings: [orders, fees]}\n"


class Time:
    """Our own clock: sleeping moves it, and lets everything that the platform delays take effect."""

    def __init__(self) -> None:
        self.now = START
        self.slept: list[float] = []
        self.on_sleep = lambda seconds: None

    def clock(self) -> Clock:
        return Clock(lambda: self.now, lambda: self.now.timestamp(), self.sleep)  # noqa: PLW0108 - self.now changes

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.on_sleep(seconds)
        self.now += timedelta(seconds=max(seconds, 0.001))


class MachineTime:
    """The machine's own clock."""

    @property
    def now(self) -> datetime:
        return real_clock().now()

    def clock(self) -> Clock:
        return real_clock()


class Ward:
    """The hospital, its project directory and its platform.

    `items`: what each charge was for, also of one that is deleted by now. `versions`: how often the hospital had a
    charge of a visit, item and amount (scaled by 4), every version of each row counted.
    """

    def __init__(
        self, directory: Path, simulator: Simulator, time: Time | MachineTime, **settings: object
    ) -> None:
        self.directory, self.simulator, self.time = directory, simulator, time
        self.his = sqlite3.connect(directory / "his.db")
        self.his.executescript(SCHEMA)
        self.ids = itertools.count(1)
        self.items: dict[int, str] = {}
        self.versions: Counter[tuple[int, str, int]] = Counter()
        self.stop = threading.Event()
        changes = settings.pop("changes", "{by: sequence, column: id, lookback: 100}")
        values = {**DEFAULTS, **settings}
        for folder in ("mappings", "pipelines"):
            (directory / folder).mkdir()
        files = {
            "connector.yaml": CONNECTOR.format(his=directory / "his.db", url=simulator.url, **values),
            "mappings/stays.yaml": STAYS,
            "mappings/fees.yaml": FEES.format(changes=changes),
            "mappings/orders.yaml": ORDERS,
            "pipelines/ward.yaml": PIPELINE,
            "ledger.key": create_key(),
        }
        for name, text in files.items():
            (directory / name).write_text(text, encoding="utf-8")
        with self.parts().open_ledger(create=True):
            pass

    def parts(self) -> Parts:
        return open_project(self.directory, environ=ENVIRON, clock=self.time.clock())

    def stay(self, zyh: int, *, name: str = "张敏", ward: str = "3病房", injury: str = "2012282") -> None:
        with self.his:
            self.his.execute(
                "INSERT OR REPLACE INTO stay VALUES (?,?,?,?,?,NULL)", (zyh, f"V{zyh}", name, injury, ward)
            )

    def fee(
        self,
        zyh: int,
        amount: str = "10.00",
        *,
        item: str = "XA11",
        quantity: str = "1",
        price: str | None = None,
        refund: int | None = None,
        key: int | None = None,
    ) -> int:
        key = next(self.ids) if key is None else key
        unit = price if price is not None else str(abs(Decimal(amount) / Decimal(quantity)))
        with self.his:
            self.his.execute(
                "INSERT INTO fee VALUES (?,?,?,?,?,?,?,?)",
                (key, zyh, item, unit, quantity, amount, refund, "2026-03-02"),
            )
        self.items[key] = item
        self.versions[zyh, item, scaled(amount)] += 1
        return key

    def edit(self, key: int, amount: str) -> None:
        """Change a charge of one piece in place."""
        self.change("UPDATE fee SET price = ?, amount = ? WHERE id = ?", amount, amount, key)
        (zyh,) = self.his.execute("SELECT zyh FROM fee WHERE id = ?", (key,)).fetchone()
        self.versions[zyh, self.items[key], scaled(amount)] += 1

    def order(
        self, zyh: int, text: str = "一级护理", *, nurse: str = "李护士", key: int | None = None
    ) -> int:
        key = next(self.ids) if key is None else key
        with self.his:
            self.his.execute(
                "INSERT OR REPLACE INTO doctor_order VALUES (?,?,?,?,?)",
                (key, zyh, text, nurse, self.time.now.replace(tzinfo=None).isoformat(" ")),
            )
        return key

    def change(self, sql: str, *values: object) -> None:
        with self.his:
            self.his.execute(sql, values)

    def run(self, progress: Progress | None = None) -> RunReport:
        return run(self.parts(), [], progress=progress or Silent(), is_stopping=self.stop.is_set)

    def run_until_quiet(self, most: int = 10) -> RunReport:
        """Run until two runs in a row have sent nothing, as a scheduler would."""
        idle = 0
        for _ in range(most):
            report = self.run()
            sent = sum(one.rows + one.registered for one in report.delivered.values())
            idle = 0 if sent or report.problem else idle + 1
            if idle == 2:
                break
            self.time.sleep(60)
        return report

    def his_rows(self, zyh: int) -> Counter:
        """What the hospital charged, as (item, amount) with how often."""
        rows = self.his.execute("SELECT item, amount FROM fee WHERE zyh = ?", (zyh,))
        return Counter((item, Decimal(str(amount)).quantize(Decimal("0.0001"))) for item, amount in rows)

    def platform_rows(self, zyh: int) -> Counter:
        """What the platform holds."""
        return Counter(
            (row["alc402"], Decimal(row["alc407"]).quantize(Decimal("0.0001")))
            for row in self.simulator.fees(f"V{zyh}")
        )


def scaled(amount: object) -> int:
    """An amount in ten-thousandths of a yuan."""
    return int(Decimal(str(amount)).scaleb(4))
