"""What the sample hospital's visits leave with: the shipped mappings make requests that the platform takes."""

import base64
import sqlite3
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import date
from io import BytesIO

import pytest
from pypdf import PdfReader

from connector.pipeline.mapping_tests import run_tests
from connector.pipeline.papers import Papers, gather_papers
from connector.pipeline.parts import Parts, open_project, real_clock
from connector.pipeline.preview import preview
from connector.pipeline.progress import Silent
from connector.pipeline.run import run
from connector.pipeline.scaffold import make_ledger
from connector.pipeline.shipped import copy_shipped
from connector.sample.changes import change_hospital
from connector.sample.elsewhere import sample_filings
from connector.sample.hospital import Sample, build_hospital, sample_injuries
from connector.simulator.facts import Facts
from connector.simulator.server import serve
from tests.unit.simulator.client import KEY, START, Caller

TODAY = date(2026, 3, 5)
COMPLETE, LACKING = "2600107", "2600106"
SETTINGS = """\
version: 1
his: {{url: "{his}"}}
platform: {{base_url: "{url}", username: demo, password: "env:PASSWORD", key: "env:KEY"}}
ledger: {{url: "sqlite:///ledger.db", key: "file:ledger.key"}}
delivery: {{settle_s: 1, read_lag_s: 0}}
"""


PLAN = """\
version: 1
mapping: plan
fills: offsiteLeaveHos.bskm12s.bskm12
source: {table: DZ_FPXX, key: FPXH, visit: ZYH, changes: {by: comparison}}
fields: {body: {from: FPNR, file: true}, invoiceNo: {value: KF1}, invoiceMoney: {value: "0"}, filetype: {value: "02"}}
"""


@dataclass
class Hospital:
    parts: Parts
    sample: Sample

    @property
    def his(self) -> str:
        return self.parts.project.settings.his.url.read({}, self.parts.project.directory)

    def gather(self, pipeline: str, visit: str, number: str = "") -> Papers:
        with self.parts.open_hospital() as hospital:
            chosen = self.parts.project.pipelines[pipeline]
            papers = gather_papers(self.parts, hospital, chosen, visit, number)
        assert papers is not None
        return papers


def _open(home, his: str, url: str = "http://127.0.0.1:1/nm-his") -> Parts:
    copy_shipped(home)
    (home / "connector.yaml").write_text(SETTINGS.format(his=his, url=url), encoding="utf-8")
    list(make_ledger(home))
    return _reopen(home)


def _reopen(home) -> Parts:
    clock = replace(real_clock(), now=lambda: START)
    return open_project(home, environ={"PASSWORD": "secret", "KEY": KEY}, clock=clock)


@pytest.fixture(scope="module")
def hospital(tmp_path_factory) -> Hospital:
    home = tmp_path_factory.mktemp("papers")
    his = f"sqlite:///{home / 'his.db'}"
    sample = build_hospital(his, today=TODAY)
    return Hospital(_open(home, his), sample)


def test_every_shipped_mapping_has_tests_and_they_pass(hospital):
    mappings = hospital.parts.project.mappings
    assert {name for name, one in mappings.items() if not one.tests} == set()
    assert [one for one in run_tests(hospital.parts, []) if one.problems] == []


def test_an_ended_stay_leaves_with_everything_the_document_asks_for(hospital):
    papers = hospital.gather("inpatient", COMPLETE)
    assert papers.rejections == ()
    assert all(papers.nodes.values()), papers.nodes
    assert papers.shortened == {"km02s.km02.blz061": 1}
    assert hospital.sample.planted["history_too_long"] == (COMPLETE,)
    (page,) = papers.body["km05s"]["km05"]
    assert page["aac006"] < page["akc192"] < page["akc194"] == papers.body["akc194"]
    assert page["blm011"] == papers.body["ints"] == "7"
    (record,) = papers.body["km03s"]["km03"]
    assert "草稿" not in record["blc074"]
    for invoice in papers.body["km12s"]["km12"]:
        content = base64.urlsafe_b64decode(invoice["body"])
        assert invoice["invoiceMoney"] in PdfReader(BytesIO(content)).pages[0].extract_text()


def test_one_ended_stay_lacks_its_front_page_and_nothing_else(hospital):
    assert hospital.sample.planted["front_page_missing"] == (LACKING,)
    papers = hospital.gather("inpatient", LACKING)
    assert papers.rejections == ()
    assert {name for name, count in papers.nodes.items() if not count} == {"km05"}


def test_a_bill_has_ended_once_the_books_are_closed_and_is_open_again_while_a_refund_is_not(tmp_path):
    his = f"sqlite:///{tmp_path / 'his.db'}"
    sample = build_hospital(his, today=TODAY)
    first, *_ = sample.planted["bill_old"]
    parts = _open(tmp_path, his)
    closed = []
    for change in (None, change_hospital):
        if change:
            change(his, today=TODAY)
        rows = preview(parts, "outpatient-visits", rows=20).rows
        closed.append({one.key for one in rows if one.row["JZRQ"]})
    assert closed == [{first, *sample.planted["bill_new"]}, {*sample.planted["bill_new"]}]


def test_a_stay_that_has_not_ended_has_no_leave_row(hospital):
    (rejection,) = hospital.gather("inpatient", "2600101").rejections
    assert (rejection.mapping, rejection.rule) == ("inpatient-leave", "missing")


def test_an_outpatient_leaves_with_an_invoice_alone(hospital):
    (refunded,) = hospital.sample.planted["bill_refunded"]
    papers = hospital.gather("outpatient", refunded)
    assert papers.rejections == ()
    assert {name: count for name, count in papers.nodes.items() if count} == {"km12": 1}


def test_across_provinces_the_fields_have_their_own_names(hospital):
    """T39: date, reason and diagnosis of 4.26 are called otherwise, and one name means something else."""
    (key,) = hospital.sample.planted["far_discharged"]
    papers = hospital.gather("cross-province", key)
    assert papers.rejections == ()
    assert all(papers.nodes.values()), papers.nodes
    body = papers.body
    assert "akc196" not in body
    (page,) = body["bskm05s"]["bskm05"]
    assert page["akc194"] == body["aae031"] > page["akc192"]  # inside the front page it is a date again
    assert body["akc202"] == "9"
    assert date.fromisoformat(body["aae031"]) < TODAY
    assert body["akc194"].startswith("S")
    assert not body["akc195"].isascii()
    assert [row["filetype"] for row in body["bskm12s"]["bskm12"]] == ["01"]


def test_a_rehabilitation_plan_goes_along_and_is_no_invoice(hospital, tmp_path):
    """T128: filetype 02 across provinces; its amount is not part of the sum."""
    _open(tmp_path, hospital.his)
    (tmp_path / "mappings" / "plan.yaml").write_text(PLAN, encoding="utf-8")
    file = tmp_path / "pipelines" / "cross-province.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "  - plan\n", encoding="utf-8")
    there = Hospital(_reopen(tmp_path), hospital.sample)
    papers = there.gather("cross-province", hospital.sample.planted["far_discharged"][0])
    assert papers.rejections == ()
    assert papers.nodes["bskm12"] == 2
    (invoice,) = papers.invoices
    assert invoice.amount > 0


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_a_server_gives_the_same_papers(hospital, server, request, tmp_path):
    url = request.getfixturevalue(server)
    build_hospital(url, today=TODAY)
    there = Hospital(_open(tmp_path, url), hospital.sample)
    far = hospital.sample.planted["far_discharged"][0]
    for pipeline, visit in (("inpatient", COMPLETE), ("cross-province", far), ("outpatient", "41003")):
        mine, other = hospital.gather(pipeline, visit), there.gather(pipeline, visit)
        assert other.body == mine.body
        assert other.shortened == mine.shortened
        assert other.rejections == mine.rejections


def test_the_platform_lets_every_complete_visit_leave(tmp_path):
    """Two days are delivered; then fees are approved (4.12) and every visit leaves (4.13, 4.26) with its papers."""
    his = f"sqlite:///{tmp_path / 'his.db'}"
    sample = build_hospital(his, today=TODAY)
    with serve(
        key_text=KEY,
        username="demo",
        password="secret",
        clock=lambda: START,
        injuries=sample_injuries(his),
        facts=Facts(filings=tuple(sample_filings(his))),
    ) as simulator:
        there = Hospital(_open(tmp_path, his, simulator.url), sample)
        for change in (None, change_hospital):
            if change:
                change(his, today=TODAY)
            run(there.parts, [], progress=Silent(), is_stopping=lambda: False)
        with closing(sqlite3.connect(tmp_path / "his.db")) as connection, connection:
            connection.execute("DELETE FROM BA_BASY WHERE ZYH = ?", (LACKING,))  # written on the second day
        caller = Caller(simulator)
        caller.login()
        answers = {}
        stays = [("inpatient", key) for key in (COMPLETE, LACKING)]
        bills = [
            ("outpatient", key)
            for name in ("old", "new", "refunded")
            for key in sample.planted[f"bill_{name}"]
        ]
        far = [
            ("cross-province", sample.planted["far_discharged"][0]),
            ("cross-province-outpatient", sample.planted["far_bill"][0]),
        ]
        for pipeline, key in (*stays, *bills, *far):
            papers = there.gather(pipeline, key)
            assert papers.rejections == ()
            number = str(papers.body["akc190"])
            approved = caller.call(
                "discharge", akc190=number, aaca07=f"N{key}", rolltype="1" if "cross" in pipeline else "0"
            )
            total = sum(one.amount for one in papers.invoices)
            assert total == round(float(approved["alc407"]) * 10_000), key
            answers[key] = caller.call(papers.operation.method, **papers.body)
        caller.http.close()
    assert "病例首页" in answers.pop(LACKING)["msg"]
    assert {str(one["code"]) for one in answers.values()} == {"0"}, answers
