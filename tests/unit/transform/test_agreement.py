"""The rules on columns against the contract's own check, on the same payloads."""

import json
from decimal import Decimal

import pyarrow as pa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connector.config.mapping import Changes, Expression, Mapping, Source
from connector.config.settings import CheckSettings
from connector.contract.check import check, check_node
from connector.contract.library import contract
from connector.contract.spec import Field, Type
from connector.transform.shape import compile_plan, frame, transform

OURS = {"amount", "range", "control", "width", "date"}
"""Rules that a payload alone does not break: of the source, or of several fields."""

BOOK = contract()
OUTSIDE = ["SZFYP999", "SZFZL999", "SZFCL999"]


def texts(spec):
    """Texts for a field: right ones, nearly right ones, and others."""
    plain = st.sampled_from(
        ["", " ", "0", "1", "3", "9", "01", "02", "999", "A1", "甲", "x" * 31, "药" * 201, '"\\', "，a，,b ;"]
    )
    if spec.codes:
        return st.one_of(plain, st.sampled_from([*BOOK.codes[spec.codes].entries]))
    if spec.type is Type.DECIMAL:
        numbers = st.decimals(-(10**7), 10**7, places=4).map(str)
        odd = st.sampled_from(
            ["", "0", "0.00", "-0", "1e3", "1,2", "１", "0.00001", "1" * 28, "-5", "999999.9999", "1000000"]
        )
        return st.one_of(numbers, odd)
    if spec.type is Type.INTEGER:
        return st.sampled_from(["1", "-3", "", "x", "1.0", "12345678901", "００１"])
    if spec.type in (Type.DATE, Type.DATETIME):
        return st.sampled_from(["2026-03-01", "2024-02-29", "", "2026-03-01 10:00:00"])
    if spec.name in {"alc402", "ala002"}:
        return st.one_of(plain, st.sampled_from(OUTSIDE))
    return st.one_of(plain, st.text(max_size=12))


def fields_of(node, prefix=""):
    for child in node.children:
        if isinstance(child, Field):
            if child.name != "sessionid":
                yield prefix + child.name, child
        elif not child.many:
            yield from fields_of(child, f"{child.name}.")


def plan_of(fills, length_in):
    names = dict(fields_of(BOOK.node(fills)))
    mapping = Mapping(
        "any",
        fills,
        Source(key=("key",), visit="visit", changes=Changes("comparison"), table="T"),
        {path: Expression(columns=(path,)) for path in names},
    )
    return compile_plan(
        mapping, BOOK, code_maps={}, checks=CheckSettings(Decimal(10) ** 40, length_in)
    ), names


def nested(sent):
    payload = {}
    for path, text in sent.items():
        holder, _, name = path.rpartition(".")
        (payload.setdefault(holder, {}) if holder else payload)[name] = text
    return payload


def expected(fills, sent, length_in):
    method, _, place = fills.partition(".")
    if not place:
        found = check(BOOK.operation(method), {"sessionid": "1", **nested(sent)}, length_in=length_in)
    else:
        found = check_node(BOOK.node(fills), nested(sent), path=place, length_in=length_in)
    return found


def comparable(violations, hidden):
    return [v for v in violations if v.path not in hidden and v.rule not in OURS]


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(data=st.data())
def test_rows_break_the_rules_that_the_check_of_their_payload_finds(data):
    fills = data.draw(
        st.sampled_from(
            [
                "sendMedInfo.meds.med",
                "sendMedInfo.advices.advice",
                "sendBsMedInfo.bs004s.bs004",
                "register",
                "offsiteRegister",
            ]
        )
    )
    length_in = data.draw(st.sampled_from(["characters", "bytes"]))
    plan, names = plan_of(fills, length_in)
    rows = [
        data.draw(st.fixed_dictionaries({path: texts(spec) for path, spec in names.items()}))
        for _ in range(4)
    ]
    table = pa.table(
        {
            "key": [str(n) for n in range(len(rows))],
            "visit": ["v"] * len(rows),
            **{path: pa.array([row[path] for row in rows], pa.string()) for path in names},
        }
    )
    block = transform(plan, table).block
    rejected = {one.key: one.violations for one in block.rejections}
    aside = {one.key for one in block.set_aside}
    payloads = dict(zip(block.keys, block.payloads, strict=True))
    for key, sent in frame(plan, table).to_dict("index").items():
        for path, spec in names.items():
            if not spec.send_empty and not sent[path]:
                del sent[path]
        if key in aside:
            assert key not in payloads
            continue
        found = rejected.get(key, ())
        hidden = {v.path for v in found if v.rule in OURS - {"amount"}}
        assert comparable(found, hidden) == comparable(expected(fills, sent, length_in), hidden)
        assert (key in payloads) == (not found)
        if key in payloads:
            assert json.loads(payloads[key]) == nested(sent)
            assert list(json.loads(payloads[key])) == list(nested(sent))
