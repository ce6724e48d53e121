"""The shipped mappings on the sample hospital: what is good passes every rule of the platform, what is planted does not."""

import json
import shutil
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from connector.catalogue.table import CatalogueTable
from connector.config.project import Project, load_project
from connector.contract.check import check_node
from connector.contract.library import contract
from connector.extract import lookup
from connector.extract.source import Query, open_hospital
from connector.records import RecordBlock
from connector.sample.changes import FRESH_STAY, change_hospital
from connector.sample.elsewhere import sample_filings
from connector.sample.hospital import Sample, build_hospital, sample_injuries
from connector.sample.planted import REJECTED, ZERO
from connector.simulator.call import Call, Rules
from connector.simulator.facts import Facts
from connector.simulator.operations.admission import register
from connector.simulator.operations.charges import upload_charges
from connector.simulator.state import State
from connector.transform.shape import compile_plan, transform
from tests.bench.hospital import build_bench

TODAY = date(2026, 3, 5)
_LOCAL = ("register", "sendMedInfo", "meds", "med")
_FAR = ("offsiteRegister", "sendBsMedInfo", "bs004s", "bs004")
KINDS = {
    "inpatient": _LOCAL,
    "outpatient": _LOCAL,
    "cross-province": _FAR,
    "cross-province-outpatient": _FAR,
}
"""Pipeline → how its visits are registered, its charges uploaded, and where they stand in the request."""
SHIPPED = Path(__file__).parents[2]
SETTINGS = """
version: 1
his: {url: "sqlite:///his.db"}
platform: {base_url: "http://127.0.0.1:8029/nm-his", username: demo, password: "env:PASSWORD", key: "env:KEY"}
ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory) -> Project:
    home = tmp_path_factory.mktemp("project")
    for folder in ("mappings", "pipelines", "codes", "catalogues"):
        shutil.copytree(SHIPPED / folder, home / folder)
    (home / "connector.yaml").write_text(SETTINGS, encoding="utf-8")
    return load_project(home, contract(), environ={})


class Day:
    """Every mapping's records of one day's hospital, by its name, rows of other patients left out."""

    def __init__(self, project: Project, url: str) -> None:
        with open_hospital(url, page_rows=500, statement_timeout_s=60) as hospital:
            staged = [
                name for one in project.pipelines.values() for name in (one.visits, *one.mappings)
            ]  # what a visit leaves with is not staged: see test_shipped_papers.py
            self.blocks = {name: self._shape(project, hospital, name) for name in staged}

    def _shape(self, project: Project, hospital, name: str) -> RecordBlock:
        mapping = project.mappings[name]
        catalogue = None
        if mapping.catalogue:
            found = project.catalogues[mapping.catalogue]
            query = Query(found.name, found.table, found.sql, (), None, found.columns, None, None)
            tables = [chunk.table for chunk in lookup.read_all(hospital, query)]
            (table,) = tables
            catalogue = CatalogueTable.build(found, table, project.code_maps)
        plan = compile_plan(
            mapping,
            contract(),
            code_maps=project.code_maps,
            catalogue=catalogue,
            checks=project.settings.checks,
        )
        source = mapping.source
        query = Query(name, source.table, source.sql, source.key, source.visit, mapping.columns, None, None)
        if mapping.fills in ("register", "offsiteRegister"):
            chunks = lookup.read_all(hospital, query)
        else:
            visits = self._visits(project, hospital, name)
            chunks = lookup.read_by_visits(hospital, query, visits)
        blocks = [transform(plan, chunk.table, undecodable=chunk.undecodable).block for chunk in chunks]
        return _join(name, blocks)

    def _visits(self, project: Project, hospital, name: str) -> list[str]:
        owner = next(one.visits for one in project.pipelines.values() if name in one.mappings)
        block = self._shape(project, hospital, owner)
        return [*block.visits, *(one.visit for one in block.rejections)]


def _join(name: str, blocks: list[RecordBlock]) -> RecordBlock:
    lists = ("keys", "visits", "fingerprints", "payloads", "amounts", "categories", "refund_of", "numbers")
    return RecordBlock(
        name,
        *([value for block in blocks for value in getattr(block, part)] for part in lists),
        rejections=tuple(one for block in blocks for one in block.rejections),
        set_aside=tuple(one for block in blocks for one in block.set_aside),
    )


@pytest.fixture(scope="module")
def days(project, tmp_path_factory) -> tuple[Sample, Day, Day, dict[str, list[dict]]]:
    url = f"sqlite:///{tmp_path_factory.mktemp('his') / 'his.db'}"
    sample = build_hospital(url, today=TODAY)
    known = {"injuries": sample_injuries(url), "filings": sample_filings(url)}
    first = Day(project, url)
    change_hospital(url, today=TODAY)
    return sample, first, Day(project, url), known


def _rules(block: RecordBlock) -> dict[str, list[str]]:
    return {one.key: sorted(violation.rule for violation in one.violations) for one in block.rejections}


def test_every_work_injury_visit_is_seen_and_the_incomplete_ones_say_what_is_missing(days):
    sample, first, second, _ = days
    inpatients, outpatients = first.blocks["inpatient-visits"], first.blocks["outpatient-visits"]
    far = first.blocks["cross-province-visits"], first.blocks["cross-province-outpatient-visits"]
    assert len(far[0].keys) == sample.facts.far_stays == 2
    assert len(far[1].keys) == sample.facts.far_bills == 1
    stays = [*inpatients.keys, *far[0].keys, *(one.key for one in inpatients.rejections)]
    bills = [*outpatients.keys, *far[1].keys, *(one.key for one in outpatients.rejections)]
    assert len(set(stays)) == len(stays) == sample.facts.injured_stays
    assert len(set(bills)) == len(bills) == sample.facts.injured_bills
    (stay,), (bill,) = inpatients.rejections, outpatients.rejections
    assert [(v.path, v.rule) for v in stay.violations] == [("kc21.aab001", "required")]
    assert [(v.path, v.rule) for v in bill.violations] == [("kc21.alca02", "required")]
    assert bill.key == sample.planted["bill_incomplete"][0]
    numbers = [*inpatients.numbers, *outpatients.numbers, *far[0].numbers, *far[1].numbers]
    assert len(set(numbers)) == len(numbers)
    assert second.blocks["inpatient-visits"].rejections == ()
    assert str(FRESH_STAY) in second.blocks["inpatient-visits"].keys


def test_of_the_charges_only_the_planted_ones_are_rejected(days):
    sample, first, second, _ = days
    block = first.blocks["inpatient-charges"]
    rejected = _rules(block)
    planted = {key: name for name in REJECTED for key in sample.planted[name]}
    assert {key: planted.get(key) for key in rejected} == planted
    reasons = {planted[key]: rules for key, rules in rejected.items()}
    assert reasons["unmatched"] == ["unmapped"]
    assert reasons["expired"] == ["expired"]
    assert reasons["ambiguous"] == ["ambiguous"]
    assert reasons["fee_unknown"] == ["codes"]
    assert reasons["date_missing"] == ["required"]
    assert {one.key for one in block.set_aside} == {key for name in ZERO for key in sample.planted[name]}
    gone = {*sample.planted["cancelled"], *sample.planted["late"]}
    assert not gone & {*block.keys, *rejected}
    far = first.blocks["cross-province-charges"]
    assert far.rejections == far.set_aside == ()
    seen = len(block.keys) + len(rejected) + len(block.set_aside) + len(far.keys)
    assert seen == sample.facts.injured_charges - len(sample.planted["cancelled"])
    assert first.blocks["outpatient-charges"].rejections == ()
    mended = {*sample.planted["date_missing"], *sample.planted["unmatched"][:2]}
    assert len(mended & {*second.blocks["inpatient-charges"].keys}) >= 2


def test_items_outside_the_catalogue_carry_the_hospitals_own_name(days):
    sample, first, _, _ = days
    block = first.blocks["inpatient-charges"]
    sent = dict(zip(block.keys, map(json.loads, block.payloads), strict=True))
    codes = {sent[key]["alc402"] for key in sample.planted["outside"]}
    assert codes == {"SZFYP999", "SZFZL999", "SZFCL999"}
    for key in sample.planted["outside"]:
        assert sent[key]["aka065"] == "3"
        assert sent[key]["alc403"]
        assert sent[key]["vmed"] == ""
    (midnight,) = sample.planted["midnight"]
    assert len(sent[midnight]["alc401"]) == 10


def test_the_cross_province_charges_speak_the_words_of_4_24(days):
    """Converted from the local mapping: names, codes of the kind, six decimals (T41, T62, T74); outside the catalogue too."""
    sample, first, _, _ = days
    block = first.blocks["cross-province-charges"]
    node = contract().node("sendBsMedInfo.bs004s.bs004")
    sent = dict(zip(block.keys, map(json.loads, block.payloads), strict=True))
    assert len(sent) > 100
    assert not any(check_node(node, one, path="") for one in sent.values())
    assert {one["ala012"] for one in sent.values()} == {"01", "02", "9"}
    assert {len(one["akc225"].partition(".")[2]) for one in sent.values()} == {6}
    (outside,) = {sent[key]["ala002"] for key in sample.planted["far_outside"]}
    assert outside == "SZFYP999"
    originals = dict(zip(block.keys, block.refund_of, strict=True))
    assert {originals[key] for key in sample.planted["far_refund"]} == {*sample.planted["far_outside"]}
    kinds = {
        json.loads(one)["bs003WS"]["aka130"]
        for name in ("cross-province-visits", "cross-province-outpatient-visits")
        for one in first.blocks[name].payloads
    }
    assert kinds == {"71", "72"}


def test_refunds_name_their_original(days):
    sample, first, _, _ = days
    block = first.blocks["inpatient-charges"]
    originals = dict(zip(block.keys, block.refund_of, strict=True))
    for key in (*sample.planted["refund_whole"], *sample.planted["refund_partial"]):
        assert originals[originals[key]] == ""
    assert all(originals[key] == "" for key in sample.planted["refund_unlinked"])


def test_orders_need_a_signature_and_wait_for_the_check(days):
    sample, first, second, _ = days
    block = first.blocks["inpatient-orders"]
    assert _rules(block) == {key: ["required"] for key in sample.planted["order_unsigned"]}
    assert sample.planted["order_unchecked"][0] not in block.keys
    doses = {json.loads(payload)["alk013"] for payload in block.payloads}
    assert "0.5g" in doses
    assert len(_rules(second.blocks["inpatient-orders"])) == len(sample.planted["order_unsigned"]) - 1


@pytest.mark.parametrize("which", [1, 2])
def test_the_platform_takes_everything_that_is_good(days, which):
    """Register each good visit, upload its orders, its charges, then its refunds: never a refusal."""
    day, known = days[which], days[3]
    rules = Rules(accounts={}, injuries=known["injuries"], facts=Facts(filings=tuple(known["filings"])))
    state = State(lambda: datetime(2026, 3, 5, 4, tzinfo=UTC))
    operations = contract().operations

    def send(handler, method: str, payload: dict) -> dict:
        return dict(handler(Call(operations[method], {"sessionid": "1", **payload}, state, rules)))

    sent: Counter[str] = Counter()
    for kind, (registers, uploads, wrapper, node) in KINDS.items():
        visits = day.blocks[f"{kind}-visits"]
        orders = day.blocks.get(f"{kind}-orders")
        charges = day.blocks[f"{kind}-charges"]
        for visit, number, payload in zip(visits.visits, visits.numbers, visits.payloads, strict=True):
            send(register, registers, _looked_up(json.loads(payload), known["filings"]))
            advices = [] if orders is None else _of(orders, visit)
            fees = _of(charges, visit)
            back = [fee for fee in fees if fee["alc407"].startswith("-")]
            for meds in ([fee for fee in fees if fee not in back], back):
                if meds or advices:
                    body = {"akc190": number, "advices": {"advice": advices}, wrapper: {node: meds}}
                    answer = send(upload_charges, uploads, body)
                    saved = operations[uploads].answer.roles["saved"]
                    assert int(answer[saved]) == len(meds) + len(advices)
                    advices = []
            sent[kind] += len(fees)
    total = sum(visit.total for visit in state.visits.values())
    expected = sum(
        amount
        for kind in sent
        for visit, amount in zip(
            day.blocks[f"{kind}-charges"].visits, day.blocks[f"{kind}-charges"].amounts, strict=True
        )
        if visit in day.blocks[f"{kind}-visits"].visits
    )
    assert total == expected > 0
    assert sent["inpatient"] > 900
    assert sent["outpatient"] > 15
    assert sent["cross-province"] > 100
    assert sent["cross-province-outpatient"] > 3


def _looked_up(payload: dict, filings: list[dict]) -> dict:
    """A cross-province registration with the number of the filing that is valid, where the HIS has none (4.21)."""
    inside = payload.get("bs003WS")
    if inside is not None and not inside["alc011"]:
        (filing,) = [one for one in filings if one["aac002"] == inside["aac002"] and one["aae100"] == "1"]
        inside["alc011"] = filing["alc011"]
    return payload


def _of(block: RecordBlock, visit: str) -> list[dict]:
    pairs = zip(block.visits, block.payloads, strict=True)
    return [json.loads(payload) for owner, payload in pairs if owner == visit]


def test_money_of_the_hospital_is_money_of_the_records(days, project, tmp_path):
    """HIS sum = accepted + rejected rows' sum, to the ten-thousandth."""
    first = days[1]
    url = f"sqlite:///{tmp_path / 'his.db'}"
    build_hospital(url, today=TODAY)
    engine = sa.create_engine(url, poolclass=sa.NullPool)
    block = first.blocks["inpatient-charges"]
    with engine.connect() as connection:
        union = " UNION ALL ".join(
            f"SELECT JLXH, ROUND(ZJJE * 10000) amount FROM {table} WHERE COALESCE(ZFPB, 0) = 0"
            for table in ("ZY_FYMX", "ZY_FYMX_N")
        )
        his = {str(key): int(amount) for key, amount in connection.exec_driver_sql(union)}
    engine.dispose()
    assert {key: his[key] for key in block.keys} == dict(zip(block.keys, block.amounts, strict=True))


@pytest.mark.parametrize(
    "server",
    [
        pytest.param("postgresql_url", marks=pytest.mark.postgresql),
        pytest.param("mariadb_url", marks=pytest.mark.mariadb),
    ],
)
def test_the_same_project_makes_the_same_payloads_on_a_server(days, project, server, request):
    url = request.getfixturevalue(server)
    build_hospital(url, today=TODAY)
    here = Day(project, url)
    for name, block in days[1].blocks.items():
        other = here.blocks[name]
        assert dict(zip(other.keys, other.payloads, strict=True)) == dict(
            zip(block.keys, block.payloads, strict=True)
        )
        assert _rules(other) == _rules(block)
        assert {one.key for one in other.set_aside} == {one.key for one in block.set_aside}


def test_every_row_of_the_bench_hospital_is_good(project, tmp_path):
    build_bench(tmp_path / "his.db", rows=3000, visits=40, today=TODAY)
    day = Day(project, f"sqlite:///{tmp_path / 'his.db'}")
    assert len(day.blocks["inpatient-visits"].keys) == 40
    charges = day.blocks["inpatient-charges"]
    assert len(charges.keys) == 3000
    assert set(Counter(charges.visits).values()) == {75}
    assert charges.rejections == charges.set_aside == ()
    node = contract().node("sendMedInfo.meds.med")
    assert not any(check_node(node, json.loads(one), path="") for one in charges.payloads)
