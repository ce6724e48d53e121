"""People's names, numbers and addresses are hidden wherever a row is shown."""

import pytest

from connector.contract.library import contract
from connector.pipeline.parts import open_project
from connector.pipeline.personal import Mask, mask_of
from connector.pipeline.shipped import copy_shipped

BOOK = contract()


@pytest.fixture(scope="module")
def mappings(tmp_path_factory):
    directory = tmp_path_factory.mktemp("shipped")
    copy_shipped(directory)
    (directory / "connector.yaml").write_text(
        "version: 1\nhis: {url: 'sqlite:///his.db'}\n"
        'platform: {base_url: "http://127.0.0.1:9/x", username: u, password: "env:P", key: "env:K"}\n'
        'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n',
        encoding="utf-8",
    )
    return open_project(directory, environ={}).project.mappings


def test_the_registrations_people_are_hidden(mappings):
    mask = mask_of(mappings["inpatient-visits"], BOOK)
    assert {"aac001", "aac002", "aac003", "ysbm", "sbkid"} <= mask.fields
    assert {"BRXM", "SFZH", "GRBH", "SBKH", "YSXM"} <= mask.columns
    assert not {"akc190", "alc028", "akc192"} & mask.fields


def test_the_signatures_of_orders_are_hidden(mappings):
    assert {"alk016", "alk017"} <= mask_of(mappings["inpatient-orders"], BOOK).fields


def test_of_a_front_page_nobody_is_named(mappings):
    mask = mask_of(mappings["inpatient-front-page"], BOOK)
    assert {"BRXM", "SFZH", "XZZ", "LXRM", "LXDH", "GZDW", "ZYYS", "ZRHS", "BMY", "KZR"} <= mask.columns
    assert not {"blm011", "akc194", "alc028"} & mask.fields
    assert {"opr040", "opr041"} <= mask_of(mappings["inpatient-operations"], BOOK).fields


@pytest.mark.parametrize("name", ["inpatient-charges", "outpatient-charges"])
def test_of_a_charge_everything_may_be_seen(mappings, name):
    assert mask_of(mappings[name], BOOK) == Mask()


def test_whether_there_is_a_value_stays_visible():
    mask = Mask(frozenset({"A"}), frozenset({"x"}))
    assert mask.hide_row({"A": "张敏", "B": "b"}) == {"A": "***", "B": "b"}
    assert mask.hide_row({"A": None, "B": None}) == {"A": None, "B": None}
    assert mask.hide_payload({"x": "", "y": {"x": "张敏", "z": "1"}}) == {
        "x": "",
        "y": {"x": "***", "z": "1"},
    }
    assert mask.hide_payload({"y": {"y": {"x": 5}}}) == {"y": {"y": {"x": "***"}}}
