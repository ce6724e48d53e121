"""Starting, several callers at once, and how answers look."""

import json
import socket
import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal

import pytest

from connector.contract.envelope import password_digest
from connector.errors import ConfigurationError, EnvelopeError
from connector.simulator.answers import STYLES
from connector.simulator.fees import check_refunds
from connector.simulator.operations import charges
from connector.simulator.server import serve
from tests.unit.simulator.client import KEY, Caller, code, med, open_answer, order

GIVEN = {"key_text": "k" * 16, "username": "demo", "password": "secret"}


def test_the_address(start):
    simulator = start(ready=False).simulator
    assert simulator.url == f"http://127.0.0.1:{simulator.port}/nm-his"


def test_a_port_of_ones_choice_can_be_taken_again_at_once():
    with serve(**GIVEN) as first:
        port = first.port
        with pytest.raises(ConfigurationError, match=f"port {port} on 127.0.0.1 cannot be opened"):
            serve(port, **GIVEN)
    with serve(port, **GIVEN) as second:
        assert second.port == port


@pytest.mark.parametrize("port", [-1, 65536, 10**9])
def test_ports_that_are_none(port, tmp_path):
    with pytest.raises(ConfigurationError, match=f"port {port} "):
        serve(port, **GIVEN, state_file=tmp_path / "state")
    (tmp_path / "state").unlink()  # closed: on Windows an open file could not be removed


@pytest.mark.parametrize(
    ("choices", "error", "said"),
    [
        ({"key_text": "short"}, EnvelopeError, "16, 24 or 32"),
        ({"answer_style": "strings+encripted"}, ConfigurationError, "unknown answer style: encripted"),
        ({"answer_style": ""}, ConfigurationError, "unknown answer style"),
        ({"latency_s": -1}, ConfigurationError, "latency"),
        ({"latency_s": float("nan")}, ConfigurationError, "latency"),
        ({"latency_s": float("inf")}, ConfigurationError, "latency"),
        ({"faults": "nothing.yaml"}, ConfigurationError, "nothing.yaml"),
    ],
)
def test_wrong_choices_are_told_before_anything_starts(choices, error, said):
    with pytest.raises(error, match=said):
        serve(**GIVEN | choices)


def test_the_hint_names_the_nearest_style():
    with pytest.raises(ConfigurationError, match="known: encrypted"):
        serve(**GIVEN, answer_style="encripted")


def test_a_key_of_every_size(start):
    for size in (16, 24, 32):
        with serve(**GIVEN | {"key_text": "k" * size}) as simulator:
            assert simulator.internal_errors == []


def test_no_secret_and_no_patient_is_in_a_text(start):
    caller = start()
    caller.upload(med(bzmsg="私事"), orders=(order("1", "私事"),))
    state = caller.simulator.state
    told = repr((caller.simulator, caller.simulator._reception, state.visits, [*state.sessions.values()]))
    digest = password_digest("secret")
    for secret in (KEY, digest, caller.sessionid, "私事", "张敏", "152824198204240045"):
        assert secret not in told


def test_two_accounts_upload_at_once_and_nothing_is_lost(start):
    accounts = [f"user{n}" for n in range(6)]
    first = start(accounts=dict.fromkeys(accounts, "secret"), one_open_stay=False)
    for number in range(3):
        first.register(f"P{number}")

    def work(name: str) -> list[int]:
        caller = Caller(first.simulator)
        with caller.http:
            assert code(caller.login(username=name)) == "0"
            counts = [
                caller.upload(med("1"), med("0.0001", amount="0.0001"), visit=f"P{turn % 3}")["counts"]
                for turn in range(15)
            ]
            assert code(caller.approve("P0")) == "0"
            return counts

    with ThreadPoolExecutor(6) as pool:
        counts = [count for result in pool.map(work, accounts) for count in result]
    simulator = first.simulator
    assert counts == [2] * 90
    assert simulator.rows_received == 180
    assert [simulator.total(f"P{n}") for n in range(3)] == [30 * 10_001] * 3
    assert [len(simulator.fees(f"P{n}")) for n in range(3)] == [60] * 3
    assert len(simulator.state.visits["P0"].approvals) == 6
    assert len([call for call in simulator.calls if call == ("sendMedInfo", "0")]) == 90
    assert len(simulator.state.sessions) == 7


def test_of_several_logins_at_once_one_gets_the_session(start):
    first = start(ready=False)

    def log_in(_: int) -> str:
        caller = Caller(first.simulator)
        with caller.http:
            return code(caller.login())

    with ThreadPoolExecutor(8) as pool:
        codes = sorted(pool.map(log_in, range(8)))
    assert codes == ["0"] + ["21003"] * 7


def test_one_session_may_be_used_by_several_threads(start):
    first = start(faults=[{"fault": "P.hard", "every": 10}])

    def upload(_: int) -> str:
        caller = Caller(first.simulator)
        caller.sessionid = first.sessionid
        with caller.http:
            return code(caller.upload(med()))

    with ThreadPoolExecutor(5) as pool:
        codes = list(pool.map(upload, range(40)))
    assert (codes.count("0"), codes.count("81036")) == (36, 4)
    assert first.simulator.rows_received == 36


def test_what_a_refund_is_held_against_cannot_change_meanwhile(start, monkeypatch):
    def check_slowly(visit, fees):
        found = check_refunds(visit, fees)
        time.sleep(0.02)  # noqa: TID251 - long enough for every other thread to look at the same stock
        return found

    monkeypatch.setattr(charges, "check_refunds", check_slowly)
    first = start()
    first.upload(med("10", "3", "30"))

    def refund(_: int) -> str:
        caller = Caller(first.simulator)
        caller.sessionid = first.sessionid
        with caller.http:
            return code(caller.upload(med("10", "-1", "-10")))

    with ThreadPoolExecutor(6) as pool:
        codes = sorted(pool.map(refund, range(6)))
    assert codes == ["0"] * 3 + ["81021"] * 3
    assert first.simulator.total("V1") == 0


def test_a_caller_that_says_nothing_blocks_nobody(start):
    caller = start()
    with socket.create_connection(("127.0.0.1", caller.simulator.port)):
        assert code(caller.upload(med())) == "0"


def ready(start, style):
    """A caller whose answers have a style, with a session, a visit and two fees."""
    caller = start()
    caller.upload(med("0.10", amount="0.10"), med("0.20", amount="0.20"), orders=(order("1"),))
    caller.simulator._server.styles = caller.simulator._reception.styles = frozenset(style.split("+"))
    return caller


def approve(caller):
    return caller.send("discharge", {"akc190": "V1", "aaca07": "J", "rolltype": "0"})


def test_style_document(start):
    answer = approve(ready(start, "document"))
    assert answer.headers["Content-Type"] == "application/json;charset=UTF-8"
    assert answer.text.startswith('{"code":0,"msg":"","akc190":"V1","alc407":0.3,')


def test_style_strings(start):
    caller = ready(start, "strings")
    assert (approve(caller).json()["code"], approve(caller).json()["alc407"]) == ("0", "0.30")
    assert caller.upload(med())["counts"] == "1"


def test_style_extra_fields(start):
    answer = approve(ready(start, "extra-fields")).json()
    for place in (answer, answer["collections"], answer["collections"]["collection"][0]):
        assert place["zzz999"] == {"new": ["since", 2027]}
        assert place["zzz998"] is None


def test_style_encrypted(start):
    caller = ready(start, "encrypted")
    with pytest.raises(json.JSONDecodeError):
        approve(caller).json()
    assert open_answer(approve(caller).content)["alc407"] == 0.3
    assert code(open_answer(caller.send("discharge", {"akc190": "V9"}).content)) == "91002"


def test_style_artefacts(start):
    text = approve(ready(start, "artefacts")).text
    assert '"alc407":0.30000000000000004' in text


def test_style_json_string(start):
    inner = approve(ready(start, "json-string")).json()
    assert json.loads(inner)["alc407"] == 0.3


def test_style_odd_charset(start):
    answer = ready(start, "odd-charset").send("discharge", {"akc190": "V9", "aaca07": "1", "rolltype": "0"})
    assert answer.headers["Content-Type"] == "text/html;charset=ISO-8859-1"
    assert "不存在就诊信息" in answer.content.decode()


def test_styles_combine(start):
    caller = ready(start, "encrypted+json-string+strings+extra-fields+artefacts+odd-charset")
    answer = json.loads(open_answer(approve(caller).content))
    assert (answer["alc407"], answer["zzz998"]) == ("0.30", None)


@pytest.mark.parametrize("style", STYLES)
def test_a_whole_conversation_in_every_style(start, style):
    caller = start(ready=False, answer_style=style)
    if style in ("encrypted", "json-string"):  # this plain client does not read those
        with pytest.raises((json.JSONDecodeError, TypeError)):
            caller.login()
        return
    assert code(caller.login()) == "0"
    assert code(caller.register()) == "0"
    caller.upload(med("399"))
    assert Decimal(str(caller.approve()["alc407"])).quantize(Decimal("0.01")) == 399


def test_sums_beyond_a_floats_reach_are_still_decimals(start):
    caller = start()
    caller.upload(med("900000", "90000000", "81000000000000"))
    assert '"alc407":81000000000000.0' in approve(caller).text
