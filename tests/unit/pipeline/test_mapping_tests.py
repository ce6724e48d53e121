"""A mapping's own test passes when it should, and says what differs when it should not."""

import pytest

from connector.errors import ConfigurationError
from connector.pipeline.mapping_tests import run_tests
from connector.pipeline.parts import open_project
from connector.pipeline.shipped import copy_shipped

GIVEN = (
    'JLXH: "1", ZYH: "2", FYRQ: "2026030209:30:00", XMLX: "1", FYXH: "1", YPCD: "1", FYMC: 头孢, GG: 0.75g, '
    'FYSL: "2", FYDJ: "6.83", ZJJE: "{amount}", FYXM: "1", YZXH: null, CFH: CF1, TFXH: null, TYMC: 头孢, '
    "JXMC: 注射剂, CDMC: 一厂"
)
FOUND = ", catalogue.centre_code: X1, catalogue.centre_name: 头孢, catalogue.level: '2', catalogue.category: '11', catalogue.version: V1"


@pytest.fixture
def result(tmp_path):
    """Run one test of the shipped charges; what was not as expected."""
    copy_shipped(tmp_path)
    (tmp_path / "connector.yaml").write_text(
        "version: 1\nhis: {url: 'sqlite:///his.db'}\n"
        'platform: {base_url: "http://127.0.0.1:9/x", username: u, password: "env:P", key: "env:K"}\n'
        'ledger: {url: "sqlite:///ledger.db", key: "file:ledger.key"}\n',
        encoding="utf-8",
    )
    file = tmp_path / "mappings" / "inpatient-charges.yaml"
    own = file.read_text(encoding="utf-8").partition("\ntests:")[0]

    def run(expectation, *, amount="13.66", item=FOUND):
        given = GIVEN.format(amount=amount) + item
        file.write_text(
            f"{own}\ntests:\n  - {{name: one, given: {{{given}}}, {expectation}}}\n", encoding="utf-8"
        )
        (found,) = run_tests(open_project(tmp_path, environ={}), ["inpatient-charges"])
        assert (found.mapping, found.name) == ("inpatient-charges", "one")
        return list(found.problems)

    return run


@pytest.mark.parametrize(
    ("expectation", "values"),
    [
        ("expect: {alc402: X1, alc407: '13.6600'}", {}),
        ("expect_set_aside: true", {"amount": "0"}),
        ("expect_violations: [{field: alc407, rule: amount}]", {"amount": "99"}),
        ("expect_violations: [{field: alc402, rule: unmapped}]", {"item": ""}),
        ("expect: {alc402: SZFYP999, aka065: '3'}", {"item": ", catalogue.centre_code: SZFYP999"}),
    ],
)
def test_what_is_as_expected_passes(result, expectation, values):
    assert result(expectation, **values) == []


@pytest.mark.parametrize(
    ("expectation", "values", "words"),
    [
        ("expect: {alc402: X2}", {}, "alc402: expected 'X2', found 'X1'"),
        ("expect: {alc402: X1}", {"amount": "99"}, "expected a payload, but rejected: "),
        ("expect: {alc402: X1}", {"amount": "0"}, "it is set aside"),
        ("expect_set_aside: true", {}, "it would be sent"),
        ("expect_set_aside: true", {"amount": "99"}, "rejected: "),
        ("expect_violations: [{field: alc407, rule: amount}]", {}, "found none"),
        ("expect_violations: [{field: alc407, rule: required}]", {"amount": "99"}, "alc407 amount"),
    ],
)
def test_what_is_not_as_expected_is_told(result, expectation, values, words):
    (problem,) = result(expectation, **values)
    assert words in problem


def test_a_mapping_that_does_not_exist_is_told(tmp_path, result):
    with pytest.raises(ConfigurationError, match="Did you mean inpatient-charges"):
        run_tests(open_project(tmp_path, environ={}), ["inpatient-charge"])
