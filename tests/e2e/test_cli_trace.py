"""`connector trace`: from a remark on the platform's page back to the row, and no row sent again for it."""

import json
import re

import pytest


@pytest.fixture
def traced(hall):
    """A ward whose fees carry a trace id from its second run on."""
    hall = hall()
    hall.ward.stay(1)
    hall.ward.fee(1, "10.00")
    hall.ward.run()
    fees = hall.ward.directory / "mappings" / "fees.yaml"
    fees.write_text(fees.read_text(encoding="utf-8") + "trace: bzmsg\n", encoding="utf-8")
    return hall


def ask(hall, *arguments):
    return hall.call(*arguments, command="trace")


def test_the_remark_leads_to_the_row_and_back(traced):
    key = traced.ward.fee(1, "20.00", item="XA12")
    traced.ward.run()
    first, second = traced.platform.fees("V1")
    assert first["bzmsg"] == ""  # sent before the mapping said `trace`, and not sent again
    assert re.fullmatch("[0-9A-Z]{8}", second["bzmsg"])
    code, out, err = ask(traced, second["bzmsg"].lower())
    assert (code, err) == (0, "")
    assert f"fees, key {key}, visit V1: accepted" in out
    assert "by a plain yes" in out
    assert f"trace id on the platform's page: {second['bzmsg']}" in out
    code, out, _ = ask(traced, second["bzmsg"], "--json")
    (found,) = json.loads(out)
    assert (found["trace_id"], found["record"]["key"]) == (second["bzmsg"], str(key))


def test_what_is_no_id_or_nobodys_is_one_sentence(traced):
    code, out, err = ask(traced, "12345678")
    assert (code, out) == (1, "")
    assert err == "No row of the ledger has the trace id 12345678.\n"
    assert json.loads(ask(traced, "12345678", "--json")[1]) == []
    code, out, err = ask(traced, "1234")
    assert (code, out) == (2, "")
    assert "“1234” cannot be looked up: a trace id has 8 digits and letters" in err
