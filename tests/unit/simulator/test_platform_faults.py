"""Faults of the platform itself: what is stored, and what is answered."""

import threading
import time
from decimal import Decimal

import httpx
import pytest

from connector.simulator.faults import KINDS
from tests.unit.simulator.client import charges, code, med, order

ROWS = [med(str(price)) for price in (1, 2, 3, 4, 5)]


def prices(caller) -> list[str]:
    return [row["alc405"] for row in caller.simulator.fees("V1")]


def fails(caller, *rows) -> None:
    with pytest.raises(httpx.TransportError):
        caller.upload(*rows)


@pytest.mark.parametrize(
    ("how", "kept"),
    [
        ({}, ["1", "2"]),
        ({"saved": "0"}, []),
        ({"saved": 4}, ["1", "2", "3", "4"]),
        ({"keep": ["0", 2, "4"]}, ["1", "3", "5"]),
        ({"keep": []}, []),
    ],
)
def test_only_some_rows_are_saved(start, how, kept):
    caller = start(faults=[{"fault": "P.partial_counts", **how}])
    assert caller.upload(*ROWS) == {"code": 0, "msg": "", "counts": len(kept)}
    assert prices(caller) == kept


def test_partial_error(start):
    caller = start(faults=["P.partial_error", {"fault": "P.partial_error", "code": 99999, "at": 2}])
    assert code(caller.upload(*ROWS, orders=(order("1"),))) == "990009"
    assert (prices(caller), len(caller.simulator.orders("V1"))) == (["1", "2"], 1)
    assert code(caller.upload(*ROWS)) == "99999"


def test_partial_silent(start):
    caller = start(faults=["P.partial_silent"])
    fails(caller, *ROWS)
    assert prices(caller) == ["1", "2"]
    assert caller.simulator.calls[-1] == ("sendMedInfo", "")


def test_counts_that_lie(start):
    caller = start(faults=["P.counts_lie", "P.counts_more@2"])
    assert caller.upload(*ROWS)["counts"] == 5
    assert prices(caller) == ["1", "2"]
    assert caller.upload(*ROWS)["counts"] == 6
    assert len(prices(caller)) == 7


def test_double(start):
    caller = start(faults=["P.double"])
    assert caller.upload(*ROWS)["counts"] == 5
    assert prices(caller) == ["1", "2", "3", "4", "5"] * 2


@pytest.mark.parametrize(
    ("entry", "expected", "rows"),
    [
        ("P.soft", "99999", 0),
        ({"fault": "P.soft", "commit": "true", "code": "1004"}, "1004", 1),
        ("P.hard", "81036", 0),
        ({"fault": "P.hard", "code": "81028"}, "81028", 0),
        ("P.busy", "110021", 0),
    ],
)
def test_refusals_out_of_the_blue(start, entry, expected, rows):
    caller = start(faults=[entry])
    answer = caller.upload(med())
    assert code(answer) == expected
    assert caller.simulator.rows_received == rows
    assert code(caller.upload(med())) == "0"


def test_stale_totals(start):
    caller = start(faults=[{"fault": "P.stale", "times": 2}, {"fault": "P.stale", "back": 2, "at": [3, 4]}])
    for price in ("1", "2", "4"):
        caller.upload(med(price))
    assert caller.approve()["alc407"] == 3.0
    assert caller.call("getPerDetail")["detailcolls"]["detailData"][0]["alc407"] == "3.0000"
    assert caller.approve()["alc407"] == 1.0
    caller.call("invalidData", akc190="V1")
    assert caller.approve()["alc407"] == 3.0
    assert caller.approve()["alc407"] == 0.0


def test_stale_totals_of_a_visit_without_a_past(start):
    assert start(faults=["P.stale"]).approve()["alc407"] == 0.0


def test_session_drop(start):
    caller = start(faults=["P.session_drop"])
    assert code(caller.upload(med())) == "11005"
    assert code(caller.approve()) == "11005"
    assert code(caller.login()) == "0"
    assert code(caller.upload(med())) == "0"


def test_a_session_that_ended_stays_usable(start):
    caller = start(faults=["P.session_multi"])
    assert code(caller.logout()) == "0"
    assert code(caller.upload(med())) == "0"
    assert code(caller.logout()) == "31007"
    caller.sessionid = "12345"
    assert code(caller.upload(med())) == "11005"


def test_lockout(start):
    caller = start(ready=False, faults=[{"fault": "P.lockout", "times": 2}])
    assert [code(caller.login()) for _ in range(3)] == ["21003", "21003", "0"]


def test_an_empty_visit_is_refused(start):
    caller = start(faults=["P.empty_91006"])
    assert [code(caller.approve()) for _ in range(2)] == ["91006", "91006"]  # a condition holds
    caller.upload(med())
    assert code(caller.approve()) == "0"
    assert caller.simulator.faults.fired == []  # and is no incident


@pytest.mark.parametrize(
    ("fault", "total"),
    [
        (None, 1.02),
        ("P.round.half_up", 1.02),
        ("P.round.half_even", 1.02),
        ("P.round.trunc", 1.01),
        ("P.round.per_row", 1.03),
    ],
)
def test_rounding(start, fault, total):
    caller = start(faults=[fault] if fault else [])
    caller.upload(med("0.005", amount="0.005"), med("0.005", amount="0.005"), med("1.005", amount="1.005"))
    assert caller.approve()["alc407"] == total
    detail = caller.call("getPerDetail")["detailcolls"]["detailData"][0]["alc407"]
    assert detail == ("1.0300" if fault == "P.round.per_row" else "1.0150")


@pytest.mark.parametrize(("fault", "total"), [("P.round.half_up", 0.03), ("P.round.half_even", 0.02)])
def test_half_up_and_half_even_differ_at_the_even_half(start, fault, total):
    caller = start(faults=[fault])
    caller.upload(med("0.025", amount="0.025"))
    assert caller.approve()["alc407"] == total


def test_poison(start):
    caller = start(faults=[{"fault": "P.poison", "items": ["BAD", "WORSE"]}])
    for item in ("BAD", "WORSE"):
        assert code(caller.upload(med(), med(alc402=item))) == "81023"
    assert code(caller.upload(med())) == "0"
    assert caller.simulator.rows_received == 1


def test_poison_with_a_code(start):
    caller = start(faults=[{"fault": "P.poison", "items": "BAD", "code": "81006"}])
    assert code(caller.upload(med(alc402="BAD"))) == "81006"


def test_somebody_adds_a_row(start):
    caller = start(faults=[{"fault": "P.manual_add", "amount": "-2.50", "category": "22"}, "P.manual_add@2"])
    assert code(caller.upload(med("10"))) == "0"
    assert caller.simulator.total("V1") == 75_000
    assert [row["alc402"] for row in caller.simulator.fees("V1")] == ["MANUAL", "XA11"]
    caller.upload(med("10"))
    assert caller.simulator.total("V1") == 75_000 + 200_000
    assert {one["aka063"] for one in caller.approve()["collections"]["collection"]} == {"22", "51", "91"}


def test_somebody_deletes_the_fees(start):
    caller = start(faults=["P.manual_delete@2"])
    caller.upload(med("10"))
    caller.upload(med("3"))
    assert prices(caller) == ["3"]


def test_somebody_enters_exactly_what_was_lost(start):
    caller = start(faults=["P.manual_same_amount"])
    fails(caller, med("10"), med("2.5"))
    assert caller.simulator.total("V1") == 125_000
    assert [row["alc402"] for row in caller.simulator.fees("V1")] == ["MANUAL"]


@pytest.mark.parametrize("fault", ["P.manual_add", "P.manual_delete", "P.manual_same_amount"])
def test_nobody_meddles_with_a_visit_that_is_not_there(start, fault):
    caller = start(faults=[fault, f"{fault}@2"])
    assert code(caller.upload(med(), visit="V9")) == "81001"
    assert caller.simulator.total("V9") == 0
    if fault == "P.manual_same_amount":
        assert code(caller.upload(med(alc407="x"))) == "1004"


def test_by_hand(start):
    caller = start()
    caller.simulator.add_fees_by_hand("V1", Decimal("12.34"))
    assert caller.simulator.total("V1") == 123_400
    for act in (
        lambda: caller.simulator.add_fees_by_hand("V9", Decimal(1)),
        lambda: caller.simulator.close_visit("V9"),
    ):
        with pytest.raises(KeyError, match="V9"):
            act()


def settle(caller, pending: int) -> None:
    """Wait until so many requests are pending; a broken simulator fails here after five seconds."""
    until = time.monotonic() + 5
    while caller.simulator.pending != pending:
        assert time.monotonic() < until
        time.sleep(0.005)  # noqa: TID251 - a thread of the simulator is waited for


LONG = {"delay_s": 3600}


def test_delayed_before_the_session_check_is_harmless_after_a_new_login(start):
    caller = start(faults=[{"fault": "P.delay_pre_session", **LONG}])
    fails(caller, med())
    assert (caller.simulator.pending, caller.simulator.rows_received) == (1, 0)
    caller.logout()
    caller.login()
    caller.simulator.release()
    assert (caller.simulator.pending, caller.simulator.rows_received) == (0, 0)
    assert caller.simulator.calls[-1] == ("sendMedInfo", "11005")


def test_delayed_before_the_session_check_takes_effect_in_the_same_session(start):
    caller = start(faults=[{"fault": "P.delay_pre_session", **LONG}])
    fails(caller, med())
    caller.simulator.release()
    assert caller.simulator.rows_received == 1


@pytest.mark.parametrize(("fault", "rows"), [("P.delay_post_session", 5), ("P.partial_late", 2)])
def test_delayed_after_the_session_check_takes_effect_whatever_became_of_it(start, fault, rows):
    caller = start(faults=[{"fault": fault, **LONG}])
    fails(caller, *ROWS)
    caller.logout()
    caller.login()
    assert caller.simulator.rows_received == 0
    caller.simulator.release()
    assert caller.simulator.rows_received == rows


def test_a_dead_session_is_refused_before_the_delay(start):
    caller = start(faults=[{"fault": "P.delay_post_session", **LONG}])
    caller.sessionid = "1"
    assert code(caller.upload(med())) == "11005"
    assert caller.simulator.pending == 0


def test_a_short_delay_passes_by_itself(start):
    caller = start(faults=[{"fault": "P.delay_post_session", "delay_s": "0.02"}])
    fails(caller, med())
    settle(caller, 0)
    assert caller.simulator.rows_received == 1


def test_a_delay_may_keep_the_caller_waiting(start):
    caller = start(faults=[{"fault": "P.delay_pre_session", "delay_s": 0.1, "close": "no"}])
    begun = time.monotonic()
    assert caller.upload(med())["counts"] == 1
    assert time.monotonic() - begun > 0.09


def test_a_caller_that_is_kept_waiting_is_answered_on_release(start):
    caller = start(faults=[{"fault": "P.delay_post_session", "close": False, **LONG}])
    answers = []
    thread = threading.Thread(target=lambda: answers.append(caller.upload(med())))
    thread.start()
    settle(caller, 1)
    caller.simulator.release()
    thread.join(5)
    assert answers == [{"code": 0, "msg": "", "counts": 1}]


@pytest.mark.parametrize("close", [True, False])
def test_stopping_drops_delayed_requests(start, close):
    caller = start(faults=[{"fault": "P.delay_post_session", "close": close, **LONG}])
    thread = threading.Thread(target=fails, args=(caller, med()))
    thread.start()
    settle(caller, 1)
    caller.simulator.stop()
    thread.join(5)
    assert (caller.simulator.pending, caller.simulator.rows_received) == (0, 0)
    assert not thread.is_alive()


def test_which_calls_are_struck(start):
    caller = start(
        faults=[
            {"fault": "P.hard", "at": [2, "4"]},
            {"fault": "P.busy", "every": "3"},
            {"fault": "N.500.B", "operation": ["discharge", "getPerDetail"], "times": "2"},
        ]
    )
    assert [code(caller.upload(med())) for _ in range(6)] == ["0", "81036", "110021", "81036", "0", "110021"]
    statuses = [
        caller.send(method, {"akc190": "V1", "aaca07": "1", "rolltype": "0"}).status_code
        for method in ("getPerDetail", "discharge", "discharge")
    ]
    assert statuses == [500, 500, 200]


def test_one_seed_is_one_sequence_of_decisions(start, tmp_path):
    plan = tmp_path / "plan.yaml"
    plan.write_text("seed: 11\nfaults: [{fault: P.soft, share: 0.5}]", encoding="utf-8")

    def sequence():
        caller = start(faults=plan)
        return [code(caller.upload(med())) for _ in range(12)]

    first = sequence()
    assert set(first) == {"0", "99999"}
    assert sequence() == first


def test_faults_are_switched_on_and_off_while_it_runs(start):
    caller = start()
    caller.simulator.switch_on("P.hard:discharge", {"fault": "P.soft", "times": 9})
    assert (code(caller.approve()), code(caller.upload(med()))) == ("81036", "99999")
    caller.simulator.faults.clear()
    assert code(caller.upload(med())) == "0"


def test_several_faults_strike_one_call(start):
    caller = start(faults=["P.double", "P.counts_more", "N.500.A"])
    assert caller.send("sendMedInfo", charges(med())).status_code == 500
    assert caller.simulator.rows_received == 2


def test_every_fault_has_a_test_of_its_effect(request):
    here = request.path.parent
    text = "".join(
        (here / name).read_text(encoding="utf-8")
        for name in ("test_network_faults.py", "test_platform_faults.py")
    )
    statuses = {name for name in KINDS if name[2:5] in ("500", "502", "504")}  # parametrised by their parts
    assert [name for name in KINDS if f'"{name}' not in text and name not in statuses] == []
