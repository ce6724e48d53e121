"""What a pipeline says of leaving: mappings that fit, in the right place, and files that are nothing else."""

import pytest

LEAVE = """\
version: 1
mapping: leave
fills: leaveHos
source: {table: ZY_BRRY, key: ZYH, visit: ZYH, changes: {by: comparison}}
fields: {akc190: ZYHM, aac002: SFZH, aac003: BRXM, akc194: CYRQ, akc195: LYFS, akc196: ZDBM, ints: ZYTS}
"""
FAR = """\
version: 1
mapping: far
fills: offsiteLeaveHos.bskm03s.bskm03
source: {table: EMR_CYJL, key: BLXH, visit: ZYH, changes: {by: comparison}}
fields: {blz070: RYQK}
"""
FAR_LEAVE = """\
version: 1
mapping: far-leave
fills: offsiteLeaveHos
source: {table: ZY_BRRY, key: ZYH, visit: ZYH, changes: {by: comparison}}
fields: {akc190: ZYHM, aac002: SFZH, aac003: BRXM, aae031: CYRQ, akc202: LYFS, akc194: ZDBM, akc195: ZDMC, ints: ZYTS}
"""
RECORD = """\
version: 1
mapping: record
fills: leaveHos.km03s.km03
source: {table: EMR_CYJL, key: BLXH, visit: ZYH, changes: {by: comparison}}
fields: {blz070: {from: RYQK, shorten: true}}
"""
INVOICES = """\
version: 1
mapping: invoices
fills: leaveHos.km12s.km12
source: {table: DZFP, key: FPXH, visit: ZYH, changes: {by: comparison}}
fields: {body: {from: NR, file: true}, invoiceType: {value: pdf}, invoiceNo: FPHM, invoiceMoney: JE}
"""
HEAD = "version: 1\npipeline: inpatient\nvisits: visits\n"
WHOLE = f"{HEAD}mappings: [orders, charges]\nleave: leave\ndocuments: [record, invoices]\n"


@pytest.fixture
def papers(desk):
    texts = {"leave": LEAVE, "far": FAR, "far-leave": FAR_LEAVE, "record": RECORD, "invoices": INVOICES}
    for name, text in texts.items():
        desk.write(f"mappings/{name}.yaml", text)
    desk.write("pipelines/inpatient.yaml", WHOLE)
    return desk


def test_a_pipeline_that_leaves_is_in_order(papers):
    pipeline = papers.load().pipelines["inpatient"]
    assert pipeline.leave == "leave"
    assert pipeline.documents == ("record", "invoices")
    assert papers.load().mappings["invoices"].files == ("NR",)


def test_a_pipeline_need_not_leave(desk):
    pipeline = desk.load().pipelines["inpatient"]
    assert (pipeline.leave, pipeline.documents) == ("", ())


WRONG = {
    "no such leave": ("leave: leave", "leave: leeve", "There is no mapping “leeve”", "leeve"),
    "no such document": ("[record,", "[recard,", "There is no mapping “recard”", "recard,"),
    "documents alone": ("leave: leave\n", "", "nothing says how a visit leaves", "documents:"),
    "a document twice": ("invoices]", "record]", "in the pipeline inpatient already", "record]"),
    "a document as leave": ("leave: leave", "leave: far", "lets no visit leave", "far"),
    "of the other family": ("leave: leave", "leave: far-leave", "of other provinces", "far-leave"),
    "leave among the mappings": ("charges]\nleave: leave\ndoc", "charges, leave]\nleave: far-leave\ndoc", "when it leaves", "leave]"),
    "a document among the mappings": ("[orders, charges]", "[orders, charges, far]", "when it leaves", "far]"),
    "leave as a document": ("[record, invoices]", "[record, far-leave]", "no list that a visit leaves with", "far-leave]"),
    "charges as a document": ("charges]\nleave: leave\ndocuments: [record", "far]\nleave: leave\ndocuments: [charges", "no list that", "charges,"),
    "a document of the other request": ("invoices]", "far]", "the visits leave by leaveHos", "far]"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_what_does_not_fit_is_told_where_it_stands(papers, name):
    old, new, words, place = WRONG[name]
    papers.swap("pipelines/inpatient.yaml", old, new)
    found = [one for one in papers.faults() if words in one.message]
    assert found, "\n".join(map(str, papers.faults()))
    assert papers.at(found[0]).startswith(place)


@pytest.mark.parametrize(
    ("old", "hint"),
    [("[orders, charges]", "Write leave: leave"), ("[orders, charges]", "Write documents: [record]")],
)
def test_what_belongs_to_leaving_says_where_it_goes(papers, old, hint):
    name = "leave" if "leave:" in hint else "record"
    papers.write("pipelines/inpatient.yaml", WHOLE.partition("leave:")[0].replace(old, f"[orders, {name}]"))
    assert papers.fault().hint == hint


FILES = {
    "of a text": ("blz070: {from: RYQK, shorten: true}", "blz070: {from: RYQK, file: true}", "record", "for files"),
    "with a step": ("file: true}", 'file: true, default: ""}', "invoices", "does not go with “file”"),
    "of two columns": ("from: NR, file", 'from: [NR, LJ], join: "", file', "invoices", "from one column"),
    "that is the key": ("from: NR, file", "from: FPXH, file", "invoices", "nothing else can be made"),
    "that is a number": ("from: NR, file", "from: JE, file", "invoices", "nothing else can be made"),
}  # fmt: skip


@pytest.mark.parametrize("name", FILES)
def test_a_file_is_one_column_and_nothing_else(papers, name):
    old, new, mapping, words = FILES[name]
    papers.swap(f"mappings/{mapping}.yaml", old, new)
    assert any(words in one.message for one in papers.faults())


def test_a_leave_mapping_names_the_visits_number(papers):
    papers.swap("mappings/leave.yaml", "akc190: ZYHM, ", "")
    assert "akc190" in papers.fault().message
