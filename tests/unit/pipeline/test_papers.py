"""What a visit leaves with: read, held to the contract, and nothing of it left out in silence."""

import base64
from datetime import UTC, datetime

import pytest
import sqlalchemy as sa

from connector.contract.check import check
from connector.errors import SourceError
from connector.pipeline.check import check_project
from connector.pipeline.mapping_tests import run_tests
from connector.pipeline.papers import Papers, gather_papers
from connector.pipeline.parts import Clock, Parts, open_project
from connector.pipeline.preview import preview

PDF = b"%PDF-1.4\n\xff\xfe\xfd\n%%EOF\n"  # bytes that make + and / in the standard alphabet

SETTINGS = """\
version: 1
his: {url: "sqlite:///%s/his.db", files: scans}
platform: {base_url: "http://127.0.0.1:1/nm-his", username: demo, password: "env:P", key: "env:K", max_file_mb: 1}
ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}
"""
VISITS = """\
version: 1
mapping: visits
fills: register
source: {table: ZY_BRRY, key: ZYH, visit: ZYH, changes: {by: comparison}, ended: CYRQ}
fields:
  isnewinjure: {value: "0"}
  aab001: {value: "1"}
  aac001: {value: "1"}
  aac002: SFZH
  aac003: BRXM
  aac004: {value: "1"}
  aka130: {value: "21"}
  akc191: {value: "7"}
  akc190: ZYHM
  akc192: RYRQ
  alc028: {value: S52}
  alca02: {value: R1}
  aae073: {value: "1"}
  ysbm: {value: 医}
  alk023: {value: 骨科}
  akc199: {value: 骨科}
  alk024: {value: "1"}
  sbkid: {value: A1}
"""
LEAVE = """\
version: 1
mapping: leave
fills: leaveHos
source: {table: ZY_BRRY, key: [ZYH, ZYHM], visit: ZYH, changes: {by: comparison}}
fields:
  akc190: ZYHM
  aac002: SFZH
  aac003: BRXM
  akc194: {from: CYRQ, empty: ["0000-00-00"]}
  akc195: {value: "9"}
  akc196: ZDBM
  ints: ZYTS
"""
RECORD = """\
version: 1
mapping: admission-record
fills: leaveHos.km02s.km02
source: {table: EMR_RYJL, key: BLXH, visit: ZYH, changes: {by: comparison}}
fields:
  blz060: ZS
  blz061: {from: XBS, shorten: true}
tests:
  - name: 一份
    given: {BLXH: "1", ZYH: "1", ZS: 手痛, XBS: null}
    expect: {blz060: 手痛, blz061: ""}
"""
INVOICES = """\
version: 1
mapping: invoices
fills: leaveHos.km12s.km12
source: {table: DZFP, key: FPXH, visit: ZYH, changes: {by: comparison}}
fields:
  body: {from: %s, file: true}
  invoiceType: {value: pdf}
  invoiceNo: FPHM
  invoiceMoney: JE
tests:
  - name: 文件本身
    given: {FPXH: "1", ZYH: "1", FPHM: F1, JE: "1.5", %s: "base64:JVBERi0xLjQKJSVFT0YK"}
    expect: {body: JVBERi0xLjQKJSVFT0YK, invoiceMoney: "1.5"}
  - name: 不是 PDF
    given: {FPXH: "1", ZYH: "1", FPHM: F1, JE: "1.5", %s: "base64:R0lGODlhAQ=="}
    expect_violations: [{field: body, rule: file}]
"""
PIPELINE = "version: 1\npipeline: inpatient\nvisits: visits\nmappings: [orders]\nleave: leave\ndocuments: [admission-record, invoices]\n"
ORDERS = """\
version: 1
mapping: orders
fills: sendMedInfo.advices.advice
source: {table: ZY_BRRY, key: ZYH, visit: ZYH, changes: {by: comparison}}
fields: {aae080: ZYH, alk007: RYRQ, alk009: BRXM, alk016: BRXM, alk017: BRXM}
"""
SCHEMA = """\
CREATE TABLE ZY_BRRY (ZYH INTEGER, ZYHM VARCHAR(20), SFZH VARCHAR(18), BRXM VARCHAR(20), RYRQ DATETIME, CYRQ DATETIME, ZDBM VARCHAR(20), ZYTS INT);
CREATE TABLE EMR_RYJL (BLXH INTEGER PRIMARY KEY, ZYH INTEGER, ZS VARCHAR(2000), XBS TEXT);
CREATE TABLE DZFP (FPXH INTEGER PRIMARY KEY, ZYH INTEGER, FPHM VARCHAR(50), JE DECIMAL(12,2), LJ VARCHAR(200), NR BLOB);
INSERT INTO ZY_BRRY VALUES (1, 'Z1', '150999198204240045', '张敏', '2026-03-01 09:00:00', '2026-03-08 10:00:00', 'S52.501', 7);
INSERT INTO EMR_RYJL VALUES (11, 1, '左腕疼痛', '患者一周前受伤');
INSERT INTO EMR_RYJL VALUES (12, 1, '左腕肿胀', NULL);
INSERT INTO EMR_RYJL VALUES (13, 2, '别人的', NULL);
"""


class Ward:
    """A project with one visit, whose tables a test may change before it gathers."""

    def __init__(self, home, *, column: str) -> None:
        self.home = home
        (home / "mappings").mkdir()
        (home / "pipelines").mkdir()
        (home / "scans").mkdir()
        (home / "connector.yaml").write_text(SETTINGS % home, encoding="utf-8")
        texts = {"visits": VISITS, "leave": LEAVE, "admission-record": RECORD, "orders": ORDERS}
        texts["invoices"] = INVOICES % (column, column, column)
        for name, text in texts.items():
            (home / "mappings" / f"{name}.yaml").write_text(text, encoding="utf-8")
        (home / "pipelines" / "inpatient.yaml").write_text(PIPELINE, encoding="utf-8")
        self.change(*SCHEMA.splitlines())
        self.invoice(1, NR=PDF, LJ="f/1.pdf")
        self.write("f/1.pdf", PDF)

    def change(self, *statements: str, **values: object) -> None:
        engine = sa.create_engine(f"sqlite:///{self.home}/his.db", poolclass=sa.NullPool)
        with engine.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement), values)
        engine.dispose()

    def invoice(self, key: int, *, number: str = "", money: str = "120.5", **columns: object) -> None:
        names = ", ".join(columns)
        marks = ", ".join(f":{name}" for name in columns)
        self.change(
            f"INSERT INTO DZFP (FPXH, ZYH, FPHM, JE, {names}) VALUES ({key}, 1, '{number or f'F{key}'}', {money}, {marks})",
            **columns,
        )

    def write(self, name: str, content: bytes) -> None:
        place = self.home / "scans" / name
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(content)

    @property
    def parts(self) -> Parts:
        clock = Clock(lambda: datetime(2026, 3, 9, tzinfo=UTC), lambda: 0.0, lambda _: None)
        return open_project(self.home, environ={}, clock=clock)

    def gather(self, visit: str = "1", number: str = "Z1") -> Papers:
        parts = self.parts
        with parts.open_hospital() as hospital:
            papers = gather_papers(parts, hospital, parts.project.pipelines["inpatient"], visit, number)
        assert papers is not None
        return papers


@pytest.fixture(params=["NR", "LJ"], ids=["a BLOB", "a path"])
def ward(tmp_path, request) -> Ward:
    return Ward(tmp_path, column=request.param)


@pytest.fixture
def paths(tmp_path) -> Ward:
    return Ward(tmp_path, column="LJ")


@pytest.fixture
def blobs(tmp_path) -> Ward:
    return Ward(tmp_path, column="NR")


def _faults(papers: Papers) -> list[tuple[str, str, str, str]]:
    return [(one.mapping, one.key, one.field, one.rule) for one in papers.rejections]


def test_the_whole_request_of_a_visit_is_made_and_passes_the_contract(ward):
    papers = ward.gather()
    assert papers.rejections == ()
    assert papers.body["akc190"] == "Z1"
    assert papers.body["akc194"] == "2026-03-08"
    assert papers.body["ints"] == "7"
    assert [one["blz060"] for one in papers.body["km02s"]["km02"]] == ["左腕疼痛", "左腕肿胀"]
    assert papers.body["km04s"] == {"km04": []}
    (invoice,) = papers.body["km12s"]["km12"]
    assert base64.urlsafe_b64decode(invoice["body"]) == PDF
    assert not {"+", "/"} & set(invoice["body"])
    assert papers.nodes["km02"] == 2
    assert papers.nodes["km05"] == 0
    assert papers.nodes["km12"] == 1
    assert [(one.number, one.amount) for one in papers.invoices] == [("F1", 1205000)]
    assert check(papers.operation, {**papers.body, "sessionid": "1"}) == []


def test_nothing_of_a_patient_is_in_what_papers_print(ward):
    ward.invoice(2, NR=b"PK\x03\x04", LJ="张敏.pdf")
    ward.write("张敏.pdf", b"PK\x03\x04 not a pdf")
    shown = repr(ward.gather()) + "".join(map(str, ward.gather().rejections))
    for secret in ("张敏", "左腕", "150999198204240045", "F1"):
        assert secret not in shown


def test_a_pipeline_without_leave_has_no_papers(paths):
    file = paths.home / "pipelines" / "inpatient.yaml"
    file.write_text(PIPELINE.partition("leave:")[0], encoding="utf-8")
    parts = paths.parts
    with parts.open_hospital() as hospital:
        assert gather_papers(parts, hospital, parts.project.pipelines["inpatient"], "1", "Z1") is None


def test_a_visit_without_a_leave_row_says_so_and_nothing_else(paths):
    papers = paths.gather("2", "Z2")
    assert _faults(papers) == [("leave", "2", "", "missing")]
    assert papers.nodes["km02"] == 1


def test_several_leave_rows_and_one_of_another_number_are_refused(paths):
    assert _faults(paths.gather(number="Z9")) == [("leave", "1", "akc190", "number")]
    paths.change("INSERT INTO ZY_BRRY SELECT ZYH, 'Z2', SFZH, BRXM, RYRQ, CYRQ, ZDBM, ZYTS FROM ZY_BRRY")
    assert _faults(paths.gather()) == [("leave", "1", "", "several")]


def test_a_leave_row_that_breaks_a_rule_names_it_once(paths):
    paths.change("UPDATE ZY_BRRY SET ZDBM = NULL, ZYTS = -1")
    faults = _faults(paths.gather())
    assert faults == [("leave", "1|Z1", "akc196", "required"), ("leave", "1|Z1", "ints", "forbidden")]


def test_a_text_that_is_too_long_is_cut_only_where_the_mapping_says_so(paths):
    paths.change("UPDATE EMR_RYJL SET XBS = :long WHERE BLXH = 11", long="史" * 2100)
    papers = paths.gather()
    assert papers.rejections == ()
    assert papers.shortened == {"km02s.km02.blz061": 1}
    assert len(papers.body["km02s"]["km02"][0]["blz061"]) == 2000
    paths.change("UPDATE EMR_RYJL SET ZS = :long WHERE BLXH = 12", long="诉" * 2001)
    papers = paths.gather()
    assert _faults(papers) == [("admission-record", "12", "km02s.km02.blz060", "length")]
    assert papers.nodes["km02"] == 1


BROKEN = {
    "gone": (None, "does not exist"),
    "a picture": (b"\x89PNG\r\n\x1a\n0000", "a png picture, not a PDF"),
    "an archive": (b"PK\x03\x04", "a ZIP archive"),
    "broken off": (b"%PDF-1.4\n1 0 obj", "no end"),
    "too large": (
        b"%PDF-1.4\n" + b"0" * (1024 * 1024) + b"%%EOF",
        "more than the 1 that platform.max_file_mb",
    ),
}


@pytest.mark.parametrize("kind", [kind for kind in BROKEN if kind != "gone"])
def test_a_file_that_cannot_go_is_a_broken_rule_of_its_row(ward, kind):
    content, words = BROKEN[kind]
    ward.invoice(2, NR=content, LJ="2.pdf")
    ward.write("2.pdf", content)
    papers = ward.gather()
    assert _faults(papers) == [("invoices", "2", "km12s.km12.body", "file")]
    assert words in papers.rejections[0].message
    assert papers.nodes["km12"] == 1


@pytest.mark.parametrize("path", ["none.pdf", "./f/", "a\x00b", "x" * 300])
def test_a_path_that_leads_nowhere_is_a_broken_rule_of_its_row(paths, path):
    paths.invoice(2, LJ=path)
    papers = paths.gather()
    assert _faults(papers) == [("invoices", "2", "km12s.km12.body", "file")]
    assert path not in papers.rejections[0].message


def test_an_invoice_without_its_file_lacks_something_required(ward):
    ward.invoice(2, NR=None, LJ=" ")
    assert _faults(ward.gather()) == [("invoices", "2", "km12s.km12.body", "required")]


DATABASE = {
    "a file that is not read": ("NR", ", file: true", "", "NR", "say file: true"),
    "a number": ("NR", "NR", "JE2", "JE2", "neither a file nor a path"),
}


@pytest.mark.parametrize("name", DATABASE)
def test_check_tells_a_column_that_cannot_be_a_file(tmp_path, name):
    column, old, new, told, words = DATABASE[name]
    ward = Ward(tmp_path, column=column)
    ward.change("ALTER TABLE DZFP ADD COLUMN JE2 DECIMAL(12,2)")
    file = ward.home / "mappings" / "invoices.yaml"
    text = file.read_text(encoding="utf-8").partition("tests:")[0]
    file.write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(SourceError) as caught:
        check_project(ward.parts, offline=False)
    assert words in str(caught.value)
    assert f"column {told}" in str(caught.value)


def test_a_column_without_a_type_is_told_by_its_cells(tmp_path):
    """A view of SQLite names no types: a text is a path, anything else the file itself."""
    ward = Ward(tmp_path, column="F")
    ward.change("CREATE TABLE BARE (FPXH INTEGER, ZYH INTEGER, FPHM VARCHAR(50), JE DECIMAL(12,2), F)")
    ward.change("INSERT INTO BARE SELECT FPXH, ZYH, FPHM, JE, LJ FROM DZFP")
    file = ward.home / "mappings" / "invoices.yaml"
    text = file.read_text(encoding="utf-8").replace("table: DZFP", "table: BARE")
    file.write_text(text, encoding="utf-8")
    bodies = [ward.gather().body["km12s"]["km12"][0]["body"]]
    ward.change("UPDATE BARE SET F = :content", content=PDF)
    bodies.append(ward.gather().body["km12s"]["km12"][0]["body"])
    assert bodies == [base64.urlsafe_b64encode(PDF).decode()] * 2


def test_a_number_in_two_files_and_an_amount_finer_than_we_count_are_told(blobs):
    blobs.invoice(2, number="F1", money="1.23456", NR=PDF)
    assert _faults(blobs.gather()) == [
        ("invoices", "1", "km12.invoiceNo", "twice"),
        ("invoices", "1", "km12.invoiceMoney", "scale"),
    ]


def test_preview_shows_the_size_of_a_file_and_the_mappings_tests_run(ward):
    (row,) = preview(ward.parts, "invoices", rows=5).rows
    assert row.payload is not None
    assert row.payload["body"] == "(Base64, 28 characters)"
    assert row.payload["invoiceNo"] == "F1"
    (column,) = ward.parts.project.mappings["invoices"].files
    assert row.row[column] == {"NR": "(a file of 19 bytes)", "LJ": "***"}[column]
    (open_row,) = preview(ward.parts, "invoices", rows=5, show_personal=True).rows
    assert open_row.row[column] == {"NR": "(a file of 19 bytes)", "LJ": "f/1.pdf"}[column]
    results = run_tests(ward.parts, [])
    assert len(results) == 3
    assert [one.problems for one in results] == [()] * 3
