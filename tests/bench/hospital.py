"""A big hospital in a SQLite file, for benchmarks: N charges of work-injury stays, made by the database itself.

The schema, the items and the match table are the sample hospital's; every row is good, so that a benchmark
measures the good path. Charges of all stays are interleaved, as tills write them.
Run as `python -m tests.bench.hospital FILE ROWS VISITS TODAY`.
"""

import sqlite3
import sys
from datetime import date, datetime, timedelta
from pathlib import Path

from connector.sample.items import ITEMS, Match, drug_rows, match_rows, price_rows
from connector.sample.people import directory_rows
from connector.sample.schema import statements, tables

FIRST_STAY = 1

_STAYS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :stays)
INSERT INTO ZY_BRRY (ZYH, ZYHM, ZYCS, BRID, BRXM, BRXB, SFZH, BRXZ, BRKS, BRBQ, BRCH, ZYYS, ZZYS, RYRQ, CYRQ,
                     RYZDBM, RYZDMC, CYPB, GSBZ)
SELECT :first + i, printf('%08d', i), 1, i + 1, printf('%-20s', '病人' || i), 1,
       printf('150999%08d%04d', 19700101 + i / 10000, i % 10000), '07', '010101', '010101', '1', '0101  ',
       '0101  ', :admitted, '', 'S52.501', '桡骨远端骨折', 0, '1'
FROM n
"""
_REGISTRATIONS = """
INSERT INTO GS_DJXX (DJXH, BRID, ZYH, GSLB, DWBH, GRBH, RDSBH, SQBH, SGRQ, ZLLB, JBBM, SBKH)
SELECT ZYH, BRID, ZYH, '旧', '150201000101', '1001' || ZYH, 'RD' || ZYH, '103' || ZYH, '20250101', '治疗',
       'S52.501', 'A' || ZYH
FROM ZY_BRRY
"""
_CHARGES = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < :rows)
INSERT INTO ZY_FYMX (JLXH, ZYH, FYRQ, JFRQ, XMLX, FYXH, YPCD, FYMC, GG, DW, FYSL, FYDJ, ZJJE, FYXM, CFH, FYKS,
                     ZXKS, YSGH, CZGH, JSCS, ZFPB)
SELECT n.i + 1, :first + n.i % :stays, d.text, d.stamp, t.kind, t.number, t.place, t.name, t.spec, t.unit,
       1 + n.i % 5, t.price, round(t.price * (1 + n.i % 5), 2), t.fee, 'CF' || (n.i / 7), '010101', '010101',
       '0101  ', '0201  ', 0, 0
FROM n
JOIN bench_item t ON t.place_in_list = n.i % :items
JOIN bench_day d ON d.number = n.i * 20 / :rows
"""


def build_bench(path: Path, *, rows: int, visits: int, today: date) -> None:
    """Make a hospital with `rows` charges in `visits` work-injury stays; the file must not exist.

    About 4 s for a million rows. The newest charge is three days old (as in the sample hospital).
    """
    begun = datetime.combine(today - timedelta(days=22), datetime.min.time())
    items = [one for one in ITEMS.values() if one.match is Match.GOOD and float(one.price) > 0.02]
    with sqlite3.connect(path, isolation_level=None) as database:
        for statement in (
            "PRAGMA journal_mode = OFF",
            "PRAGMA synchronous = OFF",
            "PRAGMA cache_size = -200000",
            "BEGIN",
        ):
            database.execute(statement)
        made = list(statements("sqlite"))
        indexes = [statement for statement in made if statement.startswith("CREATE INDEX")]
        for statement in made[: len(made) - len(indexes)]:
            database.execute(statement)
        _insert_dictionaries(database, today)
        _insert_lists(database, items, begun)
        values = {"rows": rows, "stays": visits, "items": len(items), "first": FIRST_STAY}
        database.execute(_STAYS, {**values, "admitted": f"{begun - timedelta(days=1):%Y%m%d}08:00:00"})
        database.execute(_REGISTRATIONS)
        database.execute(_CHARGES, values)
        for statement in indexes:
            database.execute(statement)
        database.execute("COMMIT")
    database.close()


def _insert_dictionaries(database: sqlite3.Connection, today: date) -> None:
    rows = {
        **directory_rows(),
        "YK_YPZD": drug_rows(today),
        "GY_YLSF": price_rows(),
        "YB_MLDZ": match_rows(today),
    }
    for table, own in rows.items():
        names = [name for name, _, _ in tables()[table].columns]
        marks = ", ".join("?" for _ in names)
        database.executemany(
            f"INSERT INTO {table} ({', '.join(names)}) VALUES ({marks})",
            [tuple(row.get(name) for name in names) for row in own],
        )
    # One row per item: the naive script joins the match table without looking at dates or insurance.
    database.execute("DELETE FROM YB_MLDZ WHERE XZLB <> 'GS'")


def _insert_lists(database: sqlite3.Connection, items: list, begun: datetime) -> None:
    """Temporary lists of items and days that the charges are crossed from."""
    database.execute(
        "CREATE TEMP TABLE bench_item (place_in_list INTEGER PRIMARY KEY, kind, number, place, name, spec, unit,"
        " price REAL, fee)"
    )
    database.executemany(
        "INSERT INTO bench_item VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            (place, one.kind, one.number, one.place, one.name, one.spec, one.unit, float(one.price), one.fee)
            for place, one in enumerate(items)
        ],
    )
    database.execute("CREATE TEMP TABLE bench_day (number INTEGER PRIMARY KEY, text, stamp)")
    days = [begun + timedelta(days=number, hours=9) for number in range(20)]
    database.executemany(
        "INSERT INTO bench_day VALUES (?, ?, ?)",
        [(number, f"{day:%Y%m%d%H:%M:%S}", f"{day:%Y-%m-%d %H:%M:%S}") for number, day in enumerate(days)],
    )


if __name__ == "__main__":
    build_bench(
        Path(sys.argv[1]),
        rows=int(sys.argv[2]),
        visits=int(sys.argv[3]),
        today=date.fromisoformat(sys.argv[4]),
    )
