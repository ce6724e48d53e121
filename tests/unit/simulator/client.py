"""A plain client of the simulator, and what it sends: httpx and the envelope, nothing of the connector's own client."""

import json
import socket
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from connector.contract.envelope import form_body, login_key, open_sealed, password_digest, seal
from connector.simulator.server import Simulator

KEY = "0123456789abcdef0123456789abcdef"
START = datetime(2026, 3, 5, 2, 0, tzinfo=UTC)


class Clock:
    def __init__(self) -> None:
        self.time = START

    def __call__(self) -> datetime:
        return self.time

    def move(self, **by: float) -> None:
        self.time += timedelta(**by)


class Caller:
    """A hospital's client in a few lines; answers are the decoded JSON."""

    def __init__(self, simulator: Simulator) -> None:
        self.simulator = simulator
        # No TLS here, and making its context would take longer than most tests.
        self.http = httpx.Client(timeout=5, trust_env=False, verify=False)
        self.sessionid = ""

    def post(self, method: str, body: bytes, **headers: str) -> httpx.Response:
        return self.http.post(
            f"{self.simulator.url}/public/sendHis/{method}.html",
            content=body,
            headers={"Content-Type": "application/x-www-form-urlencoded"} | headers,
        )

    def send(self, method: str, payload: dict[str, Any]) -> httpx.Response:
        payload = {"sessionid": self.sessionid, **payload}
        return self.post(method, form_body(seal(KEY, json.dumps(payload).encode())), sessionid=self.sessionid)

    def call(self, method: str, **payload: Any) -> dict[str, Any]:
        return self.send(method, payload).json()

    def login(self, day: date = date(2026, 3, 5), username: str = "demo", password: str = "secret") -> dict:
        body = {"username": username, "password": password_digest(password) if password else ""}
        sealed = seal(login_key(day), json.dumps(body).encode())
        answer = self.post("login", form_body(sealed)).json()
        if str(answer["code"]) == "0":
            self.sessionid = answer["sessionid"]
        return answer

    def logout(self) -> dict[str, Any]:
        return self.call("logout", username="demo", password=password_digest("secret"))

    def register(self, number: str = "V1", **changes: Any) -> dict[str, Any]:
        new = changes.pop("isnewinjure", "0")
        return self.call("register", isnewinjure=new, kc21=admission(number, **changes))

    def upload(self, *meds: dict[str, Any], visit: str = "V1", orders: tuple = ()) -> dict[str, Any]:
        return self.call("sendMedInfo", **charges(*meds, visit=visit, orders=orders))

    def approve(self, visit: str = "V1") -> dict[str, Any]:
        return self.call("discharge", akc190=visit, aaca07="JS1", rolltype="0")


def exchange_raw(simulator: Simulator, sent: bytes) -> bytes:
    """Send bytes over a connection of their own; everything that comes back until the other side ends it."""
    with socket.create_connection(("127.0.0.1", simulator.port), timeout=5) as connection:
        connection.sendall(sent)
        answer = b""
        while part := connection.recv(65536):
            answer += part
        return answer


def open_answer(content: bytes) -> dict[str, Any]:
    return json.loads(open_sealed(KEY, content))


def admission(number: str, **changes: Any) -> dict[str, Any]:
    return {
        "aab001": "100435",
        "aac001": "10014152",
        "aac002": "152824198204240045",
        "aac003": "张敏",
        "aac004": "1",
        "aka130": "21",
        "akc191": "7",
        "akc190": number,
        "akc192": "2026-03-01",
        "alc028": "T14.900",
        "alca02": "2012282",
        "aae073": "10361076",
        "alk023": "骨科",
        "akc199": "3病房",
        "alk024": "12",
        "ysbm": "王医生",
        "sbkid": "A0001",
        "akc666": "",
        "bz": "",
        **changes,
    }


def med(price: str = "10", quantity: str = "1", amount: str | None = None, **changes: Any) -> dict[str, Any]:
    return {
        "alc400": "CF1",
        "alc401": "2026-03-02",
        "akc229": "1",
        "alc402": "XA11",
        "alc403": "鞘",
        "aka063": "51",
        "aka065": "1",
        "alc404": "9",
        "alc405": price,
        "alc406": quantity,
        "alc407": amount if amount is not None else str(float(price) * float(quantity)),
        "aka070": "无",
        "zka100": "支",
        "akc230": "",
        "akc231": "鞘",
        "akc515": "H1",
        "reason": "",
        "noinjury": "0",
        "aae080": "999",
        "spreason": "0",
        "bzmsg": "",
        "vmed": "1",
        "akc999": "",
        **changes,
    }


def order(number: str, text: str = "医嘱") -> dict[str, Any]:
    return {
        "aae080": number,
        "alk007": "2026-03-02",
        "alk008": "",
        "alk009": text,
        "alk011": "",
        "alk012": "",
        "alk013": "",
        "alk014": "",
        "alk015": "",
        "alk016": "王医生",
        "alk017": "李护士",
        "alk020": "",
        "alk022": "1",
        "alk023": "骨科",
        "alk024": "12",
    }


def charges(*meds: dict[str, Any], visit: str = "V1", orders: tuple = ()) -> dict[str, Any]:
    return {"akc190": visit, "advices": {"advice": list(orders)}, "meds": {"med": list(meds)}}


def code(answer: dict[str, Any]) -> str:
    return str(answer["code"])
