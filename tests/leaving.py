"""A ward whose visits leave: their ends, medical records and invoices in the hospital's database."""

from tests.ward import Ward

PDF = b"%PDF-1.4\n\xff\xfe\xfd\n%%EOF\n"
ENDED = "2026-03-05"

SCHEMA = """
CREATE TABLE record (id INTEGER PRIMARY KEY, zyh INTEGER, kind TEXT, text TEXT);
CREATE TABLE invoice (id INTEGER PRIMARY KEY, zyh INTEGER, number TEXT, money DECIMAL(12,2), body BLOB);
CREATE VIEW ending AS SELECT zyh, number, name, ended,
  CAST(julianday(ended) - julianday('2026-03-01') AS INTEGER) AS days FROM stay WHERE ended IS NOT NULL;
CREATE VIEW entry AS SELECT * FROM record WHERE kind = 'entry';
CREATE VIEW outcome AS SELECT * FROM record WHERE kind = 'outcome';
CREATE VIEW cover AS SELECT * FROM record WHERE kind = 'cover';
"""
LEAVE = """
version: 1
mapping: leave
fills: leaveHos
source: {table: ending, key: zyh, visit: zyh, changes: {by: comparison}}
fields:
  akc190: number
  aac002: {value: "152824198204240045"}
  aac003: name
  akc194: {from: ended, read: "%Y-%m-%d"}
  akc195: {value: "1"}
  akc196: {value: T14.900}
  ints: days
"""
DOCUMENT = """
version: 1
mapping: %(table)s
fills: leaveHos.%(node)ss.%(node)s
source: {table: %(table)s, key: id, visit: zyh, changes: {by: comparison}}
fields: {%(field)s: text}
"""
INVOICES = """
version: 1
mapping: invoices
fills: leaveHos.km12s.km12
source: {table: invoice, key: id, visit: zyh, changes: {by: comparison}}
fields:
  body: {from: body, file: true}
  invoiceType: {value: pdf}
  invoiceNo: number
  invoiceMoney: money
"""
PIPELINE = """
version: 1
pipeline: ward
visits: stays
mappings: [orders, fees]
leave: leave
documents: [entry, outcome, cover, invoices]
"""
FAR_LEAVE = """
version: 1
mapping: leave
fills: offsiteLeaveHos
source: {table: ending, key: zyh, visit: zyh, changes: {by: comparison}}
fields:
  akc190: number
  aac002: {value: "152824198204240045"}
  aac003: name
  aae031: {from: ended, read: "%Y-%m-%d"}
  akc202: {value: "1"}
  akc194: {value: T14.900}
  akc195: {value: 外伤}
  ints: days
"""
RECORDS = {"entry": ("km02", "blz060"), "outcome": ("km03", "blc074"), "cover": ("km05", "blm036")}


def leaving(ward: Ward, *, leave: str = "automatic", e_invoice: bool = False) -> Ward:
    """Let the visits of a ward leave, as `lifecycle.leave` says."""
    ward.his.executescript(SCHEMA)
    folder = ward.directory / "mappings"
    (folder / "leave.yaml").write_text(LEAVE, encoding="utf-8")
    (folder / "invoices.yaml").write_text(INVOICES, encoding="utf-8")
    for table, (node, name) in RECORDS.items():
        text = DOCUMENT % {"table": table, "node": node, "field": name}
        (folder / f"{table}.yaml").write_text(text, encoding="utf-8")
    (ward.directory / "pipelines/ward.yaml").write_text(PIPELINE, encoding="utf-8")
    with (ward.directory / "connector.yaml").open("a", encoding="utf-8") as file:
        file.write(f"lifecycle: {{leave: {leave}, e_invoice: {str(e_invoice).lower()}}}\n")
    return ward


def end(ward: Ward, zyh: int = 1, *, on: str = ENDED, money: str = "", records: bool = True) -> None:
    """Discharge a patient in the HIS, with a medical record, and an invoice where it says what that comes to."""
    ward.change("UPDATE stay SET ended = ? WHERE zyh = ?", on, zyh)
    for kind in RECORDS if records else ():
        ward.change("INSERT INTO record (zyh, kind, text) VALUES (?, ?, ?)", zyh, kind, "左腕疼痛"[:4])
    if money:
        add_invoice(ward, zyh, money)


def add_invoice(ward: Ward, zyh: int, money: str, number: str = "") -> None:
    """Write an invoice in the HIS."""
    ward.change(
        "INSERT INTO invoice (zyh, number, money, body) VALUES (?, ?, ?, ?)",
        zyh,
        number or f"FP{zyh}",
        money,
        PDF,
    )


def discharged(ward: Ward, number: str = "V1") -> str:
    """The day on which the platform lets a patient leave, "" while he has not."""
    return ward.simulator.state.visits[number].closed_on


def steps(ward: Ward, zyh: int = 1, name: str = "leave") -> list[dict]:
    """What is kept of a visit's steps of a name."""
    with ward.parts().open_ledger(read_only=True) as ledger:
        (visit,) = ledger.find_visits(f"V{zyh}")
        return [dict(one.details) for one in ledger.steps.of(visit.visit_id) if one.name == name]


def heard(ward: Ward, method: str) -> list[str]:
    """The codes that the platform gave to an interface."""
    return [code for name, code in ward.simulator.calls if name == method]


def leaving_far(ward: Ward) -> Ward:
    """The same for patients of another province (4.26): with their records, without invoices."""
    leaving(ward)
    folder = ward.directory / "mappings"
    (folder / "leave.yaml").write_text(FAR_LEAVE, encoding="utf-8")
    (folder / "invoices.yaml").unlink()
    for table, (node, name) in RECORDS.items():
        text = DOCUMENT % {"table": table, "node": f"bs{node}", "field": name}
        (folder / f"{table}.yaml").write_text(text.replace("leaveHos", "offsiteLeaveHos"), encoding="utf-8")
    (ward.directory / "pipelines/ward.yaml").write_text(
        PIPELINE.replace(", invoices]", "]"), encoding="utf-8"
    )
    return ward
