"""The short id in a remark: the same at every reading, different from row to row, and never too long."""

import json
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.errors import ConfigurationError
from connector.transform.shape import frame, transform
from connector.transform.trace import find_keys, read_trace_id, trace_id_of, trace_ids


def traced(his, fields=None, *, trace="bzmsg", **options):
    return his.plan_of(replace(his.charges(fields, **options), trace=trace))


def remarks(his, plan, *changes, **row):
    block = transform(plan, his.rows(*changes, **row)).block
    return [json.loads(payload)["bzmsg"] for payload in block.payloads]


def test_ids_are_the_same_on_every_machine():
    assert trace_ids("charges", pa.array(["700001", "700002"])).to_pylist() == ["8E7KC2Y7", "B0PKEYHB"]
    assert trace_ids("orders", pa.array(["700001"])).to_pylist() != ["8E7KC2Y7"]
    assert trace_ids("charges", pa.array([], pa.string())).to_pylist() == []


@given(st.lists(st.text(max_size=12), min_size=1, max_size=30, unique=True))
def test_an_id_leads_back_to_its_key(keys):
    for place, one in enumerate(trace_ids("m", pa.array(keys, pa.string())).to_pylist()):
        assert one == trace_id_of("m", keys[place]) == read_trace_id(one)
        assert find_keys("m", keys, one) == [place]


def test_an_id_is_read_as_people_write_it():
    assert read_trace_id(" 8e7kc2y7 ") == "8E7KC2Y7"
    assert read_trace_id("OIl00000") == "01100000"
    for wrong in ("", "8E7KC2Y", "8E7KC2Y78", "UE7KC2Y7", "备E7KC2Y7"):
        with pytest.raises(ValueError, match="8 digits"):
            read_trace_id(wrong)


def test_it_stands_alone_or_behind_the_remark(his):
    first, second = trace_id_of("charges", "700001"), trace_id_of("charges", "700002")
    plan = traced(his)
    assert remarks(his, plan, {"BZ": "甲 乙"}, {"BZ": None}) == [f"甲 乙 {first}", second]
    assert remarks(his, traced(his, without=("bzmsg",)), {}, {}) == [first, second]
    shown = frame(plan, his.rows({"BZ": "甲"}, {}))
    assert shown["bzmsg"].tolist() == [f"甲 {first}", second]


def test_every_row_keeps_its_own(his):
    got = remarks(his, traced(his), *[{"BZ": text} for text in ("a", "b", None, "a", "b")])
    keys = [str(700001 + n) for n in range(5)]
    ids = [trace_id_of("charges", key) for key in keys]
    assert got == [f"a {ids[0]}", f"b {ids[1]}", ids[2], f"a {ids[3]}", f"b {ids[4]}"]


def test_a_text_that_leaves_no_room_is_a_violation_or_is_cut(his):
    fits, long = "长" * 191, "长" * 192
    assert his.broken(traced(his), his.rows({"BZ": fits}, {"BZ": long})) == [("meds.med.bzmsg", "length", "")]
    plan = traced(his, {"bzmsg": his.column("BZ", shorten=True)})
    made = transform(plan, his.rows({"BZ": fits}, {"BZ": long}, {"BZ": None}))
    sent = [json.loads(one)["bzmsg"] for one in made.block.payloads]
    assert [len(one) for one in sent] == [200, 200, 8]
    assert sent[1] == f"{fits} {trace_id_of('charges', '700002')}"
    assert made.shortened == {"bzmsg": 1}


def test_what_is_wrong_with_the_remark_is_said_of_its_row_only(his):
    fields = {"bzmsg": his.column("BZ", codes="item-kind")}
    plan = traced(his, fields)
    block = transform(plan, his.rows({"BZ": "1"}, {"BZ": "何"}, {"BZ": "4"})).block
    assert [one.key for one in block.rejections] == ["700002"]
    assert [json.loads(one)["bzmsg"][0] for one in block.payloads] == ["0", "1"]
    undecodable = transform(traced(his), his.rows({}, {}), undecodable=[(1, "BZ")]).block
    assert [one.key for one in undecodable.rejections] == ["700002"]


def test_a_mapping_that_gains_it_changes_payloads_and_no_source(his):
    (before,) = transform(his.plan_of(), his.rows()).block.fingerprints
    (after,) = transform(traced(his), his.rows()).block.fingerprints
    assert (after[:8], after[8:] == before[8:]) == (before[:8], False)


def test_a_plan_needs_a_field_for_it(his):
    with pytest.raises(ConfigurationError, match="bzmgs is no field"):
        traced(his, trace="bzmgs")
