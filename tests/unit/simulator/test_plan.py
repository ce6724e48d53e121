"""Faults by name, by entry, by plan file; everything wrong at once."""

from pathlib import Path

import pytest

from connector.errors import ConfigurationError
from connector.simulator.faults import KINDS, Faults
from connector.simulator.plan import read_faults
from connector.simulator.server import serve


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "plan.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def messages(call) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        call()
    return [str(fault) for fault in caught.value.faults]


def test_a_good_plan(tmp_path):
    path = write(
        tmp_path,
        """\
# what a bad week looks like
version: 1
seed: 42
faults:
  - N.sent_no_answer@3
  - lose_request:register
  - P.delay_beyond_W
  - fault: P.partial_counts
    operation: sendMedInfo
    keep: [0, 2]
    every: 5
    times: 2
  - {fault: P.delay_pre_session, delay_s: 0.5, close: no, share: 0.25}
  - {fault: P.poison, items: [A, "012"], code: "0815", operation: [sendMedInfo, sendBsMedInfo]}
  - {fault: P.manual_add, amount: 12.30, at: [1, 4]}
  - {fault: N.reset, operation: "*"}
""",
    )
    faults = read_faults(path)
    assert faults.seed == 42
    by_name = {rule.fault: rule for rule in faults.rules}
    assert by_name["N.sent_no_answer"].at == {3}
    assert by_name["N.lose_request"].operations == ("register",)
    assert by_name["P.delay_post_session"].operations == ("sendMedInfo", "sendBsMedInfo")
    partial = by_name["P.partial_counts"]
    assert (partial.parameters, partial.every, partial.times) == ({"keep": (0, 2)}, 5, 2)
    delayed = by_name["P.delay_pre_session"]
    assert (delayed.parameters, delayed.share) == ({"delay_s": 0.5, "close": False}, 0.25)
    assert by_name["P.poison"].parameters == {"items": ("A", "012"), "code": "0815"}
    assert by_name["P.manual_add"].at == {1, 4}
    assert str(by_name["P.manual_add"].parameters["amount"]) == "12.30"
    assert by_name["N.reset"].operations == ("*",)
    assert read_faults(str(path)).rules == faults.rules


def test_a_plan_may_be_a_bare_list_or_empty(tmp_path):
    assert [rule.fault for rule in read_faults(write(tmp_path, "- N.reset\n- P.hard\n")).rules] == [
        "N.reset",
        "P.hard",
    ]
    assert read_faults(write(tmp_path, "faults: []")).rules == []
    assert read_faults(write(tmp_path, "seed: 3")).seed == 3


def test_everything_wrong_at_once_with_its_line(tmp_path):
    path = write(
        tmp_path,
        """\
version: 2
sead: 7
seed: x
faults:
  - N.answer_middle
  - {fault: P.hard, att: 3, every: 0}
  - {fault: P.soft, at: 1, every: 2, share: 2}
  - P.poison
  - {fault: N.reset, operation: sendMedinfo}
  - [N.reset]
  - {fault: P.counts_lie, operation: [discharge, sendMedInfo]}
""",
    )
    found = messages(lambda: read_faults(path))
    assert [line.partition(": ")[2].splitlines()[0] for line in found] == [
        "unknown key: sead",
        "a fault plan is `version: 1`, `seed: NUMBER` and `faults:` with a list of entries",
        "fault 1: unknown fault: N.answer_middle",
        "fault 2: unknown parameter of P.hard: att",
        "fault 2: P.hard: every is wrong: say a whole number from 1",
        "fault 3: P.soft: share is wrong: say a share above 0, at most 1",
        "fault 3: P.soft: give only one of at, every and share",
        "fault 4: P.poison: items is missing: the item codes that are refused",
        "fault 5: The platform has no interface “sendMedinfo”. Did you mean sendMedInfo?",
        "fault 6: an entry is a fault's name, or a mapping with `fault: NAME`",
        "fault 7: P.counts_lie: it has no effect on discharge, only on sendMedInfo, sendBsMedInfo",
        "a fault plan is `version: 1`, `seed: NUMBER` and `faults:` with a list of entries",
    ]
    assert found[0].endswith("did you mean seed?")
    assert found[2].startswith(f"{path}:5: ")
    assert found[2].endswith("did you mean N.answer_mid?")
    assert found[10].startswith(f"{path}:11: ")


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("", "unknown fault: (nothing)"),
        ("N.", "unknown fault: N."),
        (None, "an entry is a fault's name"),
        (7, "an entry is a fault's name"),
        ({}, "unknown fault: (nothing)"),
        ({"fault": ["N.reset"]}, "unknown fault"),
        ({"fault": "N.reset", 7: 1}, "unknown parameter of N.reset: 7"),
        ("N.reset@0", "at is wrong: say a whole number from 1"),
        ("N.reset@x", "at is wrong: say a whole number from 1"),
        ("N.reset@²", "at is wrong: say a whole number from 1"),
        ({"fault": "N.reset", "at": []}, "at is wrong: the list is empty"),
        ({"fault": "N.reset", "at": {"a": 1}}, "at is wrong: say a whole number from 1"),
        ({"fault": "N.reset", "at": 1.5}, "at is wrong: say a whole number from 1"),
        ({"fault": "N.reset", "times": -1}, "times is wrong: say a whole number from 1"),
        ({"fault": "N.reset", "share": "nan"}, "share is wrong"),
        ({"fault": "N.reset", "share": "half"}, "share is wrong"),
        ({"fault": "N.reset", "operation": []}, "operation is wrong: the list is empty"),
        ({"fault": "N.reset", "operation": [["x"]]}, "operation is wrong: say one word"),
        ("N.reset:registr", "Did you mean register?"),
        ({"fault": "N.html_200", "commit": "maybe"}, "commit is wrong: say true or false"),
        ({"fault": "P.delay_pre_session", "delay_s": "-1"}, "delay_s is wrong: say a number of seconds"),
        ({"fault": "P.delay_pre_session", "delay_s": "inf"}, "delay_s is wrong: say a number of seconds"),
        ({"fault": "P.delay_pre_session", "delay_s": ""}, "delay_s is wrong: say a number of seconds"),
        ({"fault": "P.partial_counts", "keep": ["1", "-2"]}, "keep is wrong: say a whole number, 0 or more"),
        ({"fault": "P.partial_counts", "saved": True}, "saved is wrong: say a whole number, 0 or more"),
        ({"fault": "P.soft", "code": ["1"]}, "code is wrong: say one word or number"),
        ({"fault": "P.soft", "code": " "}, "code is wrong: say one word or number"),
        ({"fault": "P.poison", "items": []}, "items is wrong: the list is empty"),
        ({"fault": "P.poison", "items": {"A": 1}}, "items is wrong: say one word or number"),
        ({"fault": "P.manual_add", "amount": "ten"}, "amount is wrong: say an amount in yuan"),
        ({"fault": "P.manual_add", "amount": "Infinity"}, "amount is wrong: say an amount in yuan"),
        ("P.lockout:register", "it has no effect on register, only on login"),
        ("P.stale:*", "it has no effect on *"),
    ],
)
def test_one_wrong_entry(entry, said):
    (found,) = messages(lambda: read_faults([entry]))
    assert said in found


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "a fault plan is"),
        ("just text", "a fault plan is"),
        ("faults: N.reset", "a fault plan is"),
        ("faults:", "a fault plan is"),
        ("faults: {N.reset: 1}", "a fault plan is"),
        ("seed: -1", "a fault plan is"),
        ("seed: [1]", "a fault plan is"),
        ("faults: [N.reset", "plan.yaml:1: not YAML"),
        ("faults: []\nfaults: []", "plan.yaml:2: not YAML: the key faults stands twice"),
        ("faults:\n  - {fault: N.reset, at: 1, at: 2}", "plan.yaml:2: not YAML: the key at stands twice"),
        ("a: 1\n\tb: 2", "not YAML"),
        ("a: \x00", "not YAML: characters or nesting"),
        ("[" * 50, "not YAML"),
        ("[" * 2000 + "]" * 2000, "not YAML: characters or nesting"),
        (b"\xff\xfe\x00", "the fault plan cannot be read"),
    ],
)
def test_files_that_are_no_plan(tmp_path, text, said):
    path = write(tmp_path, text)
    found = messages(lambda: read_faults(path))
    assert said in found[0]
    assert str(path) in found[0]


@pytest.mark.parametrize("name", ["missing.yaml", ".", "nul\x00l"])
def test_plans_that_cannot_be_read(tmp_path, name):
    (found,) = messages(lambda: read_faults(tmp_path / name))
    assert "cannot be read" in found


def test_a_name_that_looks_like_a_fault_is_no_file():
    assert "unknown fault: P.hart" in messages(lambda: read_faults("P.hart"))[0]
    assert "cannot be read" in messages(lambda: read_faults("sendMedInfo"))[0]
    assert [rule.fault for rule in read_faults("N.500.A:register@2").rules] == ["N.500.A"]


def test_a_simulator_does_not_start_with_a_wrong_plan(tmp_path):
    state = tmp_path / "state"
    with pytest.raises(ConfigurationError, match="unknown fault"):
        serve(key_text="k" * 16, username="u", password="p", faults=["N.nothing"], state_file=state)
    assert not state.exists()


def test_ready_made_faults_are_taken_as_they_are():
    faults = Faults(read_faults(["N.reset"]).rules, seed=5)
    with serve(key_text="k" * 16, username="u", password="p", faults=faults) as simulator:
        assert simulator.faults is faults


@pytest.mark.parametrize("name", sorted(KINDS))
def test_every_fault_can_be_named_alone_but_poison(name):
    entry = {"fault": name, "items": "A"} if name == "P.poison" else name
    (rule,) = read_faults([entry]).rules
    assert (rule.fault, rule.operations) == (name, KINDS[name].operations)
    assert KINDS[name].does
