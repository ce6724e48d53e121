"""The payload check on the contract's own data."""

import pytest

from connector.contract.check import check, check_node
from connector.contract.library import contract

CHARGE = {
    "alc400": "XM3165498",
    "alc401": "2022-08-09",
    "akc229": "1",
    "alc402": "XA11CBW032X004021401",
    "alc403": "阿莫西林胶囊",
    "aka063": "",
    "aka065": "1",
    "alc404": "0",
    "alc405": "399",
    "alc406": "1",
    "alc407": "399",
    "aka070": "",
    "zka100": "规格",
    "akc230": "厂家",
    "akc231": "通用名",
    "akc515": "XM13923",
    "reason": "",
    "aae080": "999",
    "spreason": "0",
    "bzmsg": "备注",
    "vmed": "1",
    "akc999": "",
}
ORDER = {"aae080": "111", "alk007": "2022-01-01", "alk009": "医嘱", "alk016": "医师", "alk017": "护士"}
VISIT = {
    "aab001": "100435",
    "aac001": "10014152",
    "aac002": "152824198204240045",
    "aac003": "张敏",
    "aac004": "1",
    "aka130": "21",
    "akc191": "7",
    "akc190": "20211210",
    "akc192": "2022-09-26",
    "alc028": "T14.900,S00",
    "alca02": "2012282",
    "aae073": "10361076",
    "alk023": "科室",
    "akc199": "病房",
    "alk024": "床位号",
    "ysbm": "主治医师",
    "sbkid": "",
    "akc666": "",
    "bz": "",
}


def upload(charges, orders=()):
    return {
        "sessionid": "8280",
        "akc190": "20211210",
        "advices": {"advice": list(orders)},
        "meds": {"med": list(charges)},
    }


def found(method, payload):
    return [(v.path, v.rule, v.platform_code) for v in check(contract().operation(method), payload)]


def test_the_documents_own_samples_mended_are_fine():
    assert found("sendMedInfo", upload([CHARGE], [ORDER])) == []
    assert found("register", {"sessionid": 0, "isnewinjure": "0", "kc21": VISIT}) == []


@pytest.mark.parametrize(
    ("changes", "rule", "code"),
    [
        ({"alc400": ""}, "required", "81008"),
        ({"alc406": "0"}, "nonzero", "81012"),
        ({"alc407": "0.00"}, "nonzero", "81023"),
        ({"aae080": ""}, "required", "81033"),
        ({"noinjury": "2"}, "code", "81031"),
        ({"spreason": "1"}, "forbidden", "81035"),
        ({"alc404": "7"}, "code", "81027"),
        ({"vmed": ""}, "required", ""),
    ],
)
def test_the_platforms_codes_of_a_charge(changes, rule, code):
    (name,) = changes
    path = f"meds.med[0].{name}"
    assert found("sendMedInfo", upload([CHARGE | changes])) == [(path, rule, code)]
    node = contract().node("sendMedInfo.meds.med")
    (violation,) = check_node(node, CHARGE | changes, path="meds.med")
    assert violation.path == f"meds.med.{name}"


def test_neither_orders_nor_charges_is_refused_in_the_platforms_words():
    assert found("sendMedInfo", upload([])) == [("meds.med", "required", "81003")]
    assert found("sendMedInfo", upload([], [ORDER])) == []


def test_an_item_outside_the_catalogue_needs_more():
    paths = {
        path: code
        for path, _, code in found("sendMedInfo", upload([CHARGE | {"alc402": "SZFYP999", "aka065": ""}]))
    }
    assert paths == {"meds.med[0].aka063": "81024", "meds.med[0].aka065": "81026", "meds.med[0].aka070": ""}


def test_a_new_injury_has_no_certificate_yet():
    payload = {"sessionid": "1", "isnewinjure": "1", "kc21": VISIT}
    assert [(path, rule) for path, rule, _ in found("register", payload)] == [
        ("kc21.alca02", "forbidden"),
        ("kc21.aae073", "forbidden"),
    ]


@pytest.mark.parametrize("method", sorted(contract().operations))
def test_an_empty_request_of_every_interface_names_what_it_lacks(method):
    operation = contract().operation(method)
    violations = check(operation, {})
    assert {v.rule for v in violations} <= {"required"}
    assert all(v.zh for v in violations)
    if operation.method != "login":
        assert "sessionid" in {v.path for v in violations}


@pytest.mark.parametrize(
    ("node", "quantity", "amount", "refund", "signs"),
    [
        ("sendMedInfo.meds.med", "alc406", "alc407", "81022", ""),
        ("sendBsMedInfo.bs004s.bs004", "akc226", "alc407", "330024", "330025"),
    ],
)
def test_quantity_and_amount_have_one_sign(node, quantity, amount, refund, signs):  # T73
    def broken(first: str, second: str) -> list[tuple[str, str, str]]:
        row = {quantity: first, amount: second}
        found = check_node(contract().node(node), row, path="")
        return [(one.path, one.rule, one.platform_code) for one in found if one.path in row]

    assert broken("1", "1") == broken("-1", "-0.5") == []
    assert broken("-1", "1") == [(amount, "forbidden", refund)]
    assert broken("1", "-1") == [(quantity, "forbidden", signs)]
    assert (
        [rule for _, rule, _ in broken("-1", "x")]
        == [rule for _, rule, _ in broken("x", "-1")]
        == ["decimal"]
    )
