"""4.1 login and 4.2 logout, and the checks of group (1) that every other call has to pass."""

import json
from datetime import UTC, date, datetime
from urllib.parse import quote

import pytest

from connector.contract.envelope import form_body, login_key, password_digest, seal
from tests.unit.simulator.client import KEY, code, exchange_raw

LATER = {"sessionid": "0"}


def test_login_gives_a_long_number_as_text_and_logout_ends_it(start):
    caller = start(ready=False)
    answer = caller.login()
    assert (answer["code"], answer["msg"]) == (0, "登录成功!")
    assert answer["sessionid"].isdecimal()
    assert len(answer["sessionid"]) >= 10
    assert code(caller.logout()) == "0"
    assert code(caller.call("getPerDetail")) == "11005"
    assert code(caller.logout()) == "31007"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"username": "", "password": "X"}, "21001"),
        ({"password": "X"}, "21001"),
        ({"username": "demo"}, "21004"),
        ({"username": "nobody", "password": password_digest("secret")}, "21002"),
        ({"username": "demo", "password": password_digest("Secret")}, "21005"),
        ({"username": "demo", "password": "secret"}, "21005"),  # not digested
        ({"username": "demo", "password": password_digest("secret").lower()}, "21005"),  # T19
    ],
)
def test_login_refusals(start, body, expected):
    caller = start(ready=False)
    sealed = seal(login_key(date(2026, 3, 5)), json.dumps(body).encode())
    answer = caller.post("login", form_body(sealed)).json()
    assert code(answer) == expected
    assert expected in answer["msg"]


def test_login_is_sealed_with_the_chinese_date(start, clock):
    caller = start(ready=False)
    clock.time = datetime(2026, 3, 5, 15, 59, tzinfo=UTC)  # 23:59 in China
    assert code(caller.login(date(2026, 3, 6))) == "11002"
    assert code(caller.login(date(2026, 3, 5))) == "0"
    caller.logout()
    clock.move(minutes=2)
    assert code(caller.login(date(2026, 3, 5))) == "11002"
    assert code(caller.login(date(2026, 3, 6))) == "0"


def test_the_hospitals_key_opens_no_login_and_the_date_no_other_call(start):
    caller = start()
    body = json.dumps({"username": "demo", "password": password_digest("secret")}).encode()
    assert code(caller.post("login", form_body(seal(KEY, body))).json()) == "11002"
    logout = json.dumps({"sessionid": caller.sessionid, "username": "demo"}).encode()
    sealed = form_body(seal(login_key(date(2026, 3, 5)), logout))
    assert code(caller.post("logout", sealed, sessionid=caller.sessionid).json()) == "11002"  # T7


def test_an_account_holds_one_session(start):
    caller = start(ready=False, accounts={"second": "secret"})
    first = caller.login()["sessionid"]
    answer = caller.login()
    assert code(answer) == "21003"
    assert "sessionid" not in answer
    other = caller.login(username="second")["sessionid"]
    assert other != first
    caller.sessionid = first
    assert code(caller.call("getPerDetail")) == "230003"


def test_an_older_platform_tells_the_live_session(start):
    caller = start(ready=False, tells_live_session=True)
    caller.login()
    assert caller.login()["sessionid"] == caller.sessionid


def test_a_session_lapses_two_hours_after_its_last_use(start, clock):
    caller = start()
    clock.move(minutes=119)
    assert code(caller.approve()) == "0"
    clock.move(minutes=119)
    assert code(caller.approve()) == "0"
    clock.move(hours=2)
    assert code(caller.approve()) == "11006"
    assert code(caller.approve()) == "11006"
    former = caller.sessionid
    assert code(caller.login()) == "0"
    assert caller.sessionid != former
    assert code(caller.approve()) == "0"


def test_a_lapsed_session_can_be_logged_in_over_and_not_logged_out(start, clock):
    caller = start()
    clock.move(hours=2)
    assert code(caller.logout()) == "31007"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"username": ""}, "31002"),
        ({"password": ""}, "31005"),
        ({"username": "second"}, "31003"),
        ({"password": password_digest("other")}, "31006"),
    ],
)
def test_logout_refusals_leave_the_session_alive(start, body, expected):
    caller = start(accounts={"second": "secret"})
    good = {"username": "demo", "password": password_digest("secret")}
    assert code(caller.call("logout", **{**good, **body})) == expected
    assert code(caller.approve()) == "0"


def test_the_sessionid_travels_twice(start):  # T14
    caller = start()
    body = form_body(seal(KEY, json.dumps({"sessionid": caller.sessionid, "akc190": "V1"}).encode()))
    assert code(caller.post("discharge", body).json()) == "11004"
    assert code(caller.post("discharge", body, sessionid="1").json()) == "11005"
    bare = form_body(seal(KEY, b'{"akc190": "V1"}'))
    assert code(caller.post("discharge", bare, sessionid=caller.sessionid).json()) == "11004"
    foreign = form_body(seal(KEY, b'{"sessionid": "1", "akc190": "V1"}'))
    assert code(caller.post("discharge", foreign, sessionid="1").json()) == "11005"


def test_the_sessionid_may_be_a_json_number(start):  # T15
    caller = start()
    body = form_body(seal(KEY, json.dumps({"sessionid": int(caller.sessionid)}).encode()))
    assert code(caller.post("getPerDetail", body, sessionid=caller.sessionid).json()) == "0"


SEALED = seal(KEY, b'{"sessionid": "1"}')


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", "11001"),
        (b"message=", "11001"),
        (b"other=1", "11001"),
        (b"message=%20", "11002"),
        (b"message=hello", "11002"),
        (b"message=%E5", "11002"),
        (form_body(seal("f" * 16, b"{}")), "11002"),
        (form_body(seal(KEY, b"not json")), "11002"),
        (form_body(seal(KEY, b'{"a": \xff}')), "11002"),
        (form_body(seal(KEY, b"[" * 100_000)), "11002"),
        (form_body(seal(KEY, b"{}")), "11003"),
        (form_body(seal(KEY, b"[1]")), "11003"),
        (form_body(seal(KEY, b"null")), "11003"),
    ],
)
def test_messages_that_are_none(start, body, expected):
    answer = start(ready=False).post("discharge", body, sessionid="1").json()
    assert code(answer) == expected


def test_an_unescaped_plus_is_a_blank(start):  # T11
    caller = start(ready=False)
    sealed = next(
        sealed
        for sealed in (seal(KEY, json.dumps({"sessionid": "1", "n": n}).encode()) for n in range(500))
        if b"+" in sealed
    )
    assert code(caller.post("discharge", b"message=" + sealed, sessionid="1").json()) == "11002"
    assert code(caller.post("discharge", form_body(sealed), sessionid="1").json()) == "11005"


@pytest.mark.parametrize(
    "send",
    [
        lambda http, url, sealed: http.get(url + "?message=" + quote(sealed, safe=""), headers=LATER),
        lambda http, url, sealed: http.post(url + "?message=" + quote(sealed, safe=""), headers=LATER),
        lambda http, url, sealed: http.post(url, json={"message": sealed}, headers=LATER),
        lambda http, url, sealed: http.post(url, data={"x": "1", "message": sealed}, headers=LATER),
        lambda http, url, sealed: http.post(url, data={"message": sealed}, headers=LATER),
        lambda http, url, sealed: http.post(
            url, content="message=" + "".join(f"%{ord(letter):02x}" for letter in sealed), headers=LATER
        ),
    ],
)
def test_the_message_may_come_in_several_ways(start, send):  # T12
    caller = start(ready=False)
    url = f"{caller.simulator.url}/public/sendHis/discharge.html"
    assert code(send(caller.http, url, SEALED.decode()).json()) == "11005"


@pytest.mark.parametrize("content", [b"[]", b"{", b"[" * 100_000, b'{"message": null}'])
def test_json_without_a_message(start, content):
    answer = start(ready=False).post("discharge", content, **{"Content-Type": "application/json"}).json()
    assert code(answer) == "11001"


def test_other_addresses_are_not_found(start):
    caller = start(ready=False)
    for path in ("/public/sendHis/nothing.html", "/", "/sendMedInfo.html"):
        assert caller.http.post(caller.simulator.url + path, content=b"x").status_code == 404
    assert caller.http.put(caller.simulator.url + "/public/sendHis/login.html").status_code == 501
    assert caller.simulator.calls == []


def test_later_interfaces_answer_in_their_own_way(start):  # T24, T25
    caller = start()
    assert caller.call("getCure")["code"] == 190001
    assert caller.call("sbkAuth")["code"] == "1004"
    assert set(caller.call("parsingSbk")) == {"resCode", "resMsg"}
    assert caller.call("parsingSbk")["resCode"] == "1004"


@pytest.mark.parametrize(
    ("header", "status"),
    [
        (b"Content-Length: x", 411),
        (b"Content-Length: -1", 411),
        (b"Transfer-Encoding: chunked", 411),
        (b"Content-Length: 1000000000", 413),
    ],
)
def test_bodies_of_unknown_or_absurd_length_are_refused(start, header, status):
    simulator = start(ready=False).simulator
    head = b"POST /nm-his/public/sendHis/login.html HTTP/1.1\r\nHost: x\r\n" + header + b"\r\n\r\n"
    assert exchange_raw(simulator, head).startswith(b"HTTP/1.1 %d " % status)
