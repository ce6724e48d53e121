"""What a whole stay sends, in both families: the requests of 4.13, 4.18, 4.22, 4.24, 4.26 in a few lines."""

import base64
from typing import Any

from connector.simulator.facts import default_facts
from tests.unit.simulator.client import Caller, med

PDF = b"%PDF-1.4 made up"
FACTS = default_facts()
FILED = {"aac002": "210102198811126033", "aac003": "李强", "alc011": "LN2024000077"}


def local_discharge(number: str = "V1", *, invoices: tuple = (), **changes: Any) -> dict[str, Any]:
    return {
        "akc190": number,
        "aac002": "152824198204240045",
        "aac003": "张敏",
        "akc194": "2026-03-04",
        "akc195": "9",
        "akc196": "T14.900",
        "ints": "3",
        "km02s": {"km02": [{"blz060": "右手痛"}]},
        "km03s": {"km03": [{"blz073": "骨折"}]},
        "km05s": {"km05": [{"blm002": "1"}]},
        "km12s": {"km12": [{**one, "invoiceType": "pdf"} for one in invoices]},
        **changes,
    }


def far_admission(number: str = "F1", **changes: Any) -> dict[str, Any]:
    return {
        **FILED,
        "akc190": number,
        "aka130": "72",
        "aae030": "2026-03-01",
        "akc192": "S82",
        "akc193": "右胫骨骨折",
        "akc191": "7",
        "alc028": "S82.200",
        "akc201": "骨科",
        "akc199": "3病房",
        "akc200": "12",
        "ysbm": "王医生",
        "sbkid": "C33333333",
        **changes,
    }


def far_fee(price: str = "10", quantity: str = "1", amount: str | None = None, **changes: Any) -> dict:
    local = med(price, quantity, amount)
    moved = {"alc402": "ala002", "alc403": "ala020", "alc405": "akc225", "alc406": "akc226"}
    row = {moved.get(name, name): value for name, value in local.items() if name != "alc404"}
    return {**row, "ala012": "9", **changes}


def far_upload(caller: Caller, *fees: dict, number: str = "F1", orders: tuple = ()) -> dict[str, Any]:
    return caller.call(
        "sendBsMedInfo", akc190=number, advices={"advice": list(orders)}, bs004s={"bs004": list(fees)}
    )


def far_discharge(number: str = "F1", *, invoices: tuple = (), **changes: Any) -> dict[str, Any]:
    return {
        "akc190": number,
        "aac002": FILED["aac002"],
        "aac003": FILED["aac003"],
        "aae031": "2026-03-04",
        "akc194": "S82.200",
        "akc195": "右胫骨骨折",
        "akc202": "9",
        "ints": "3",
        "bskm02s": {"bskm02": [{"blz060": "右小腿痛"}]},
        "bskm03s": {"bskm03": [{"blz073": "骨折"}]},
        "bskm05s": {"bskm05": [{"blm002": "1"}]},
        "bskm12s": {"bskm12": [{"filetype": "01", **one} for one in invoices]},
        **changes,
    }


def invoice(number: str = "FP1", money: str = "10.00", content: bytes = PDF) -> dict[str, str]:
    return {
        "body": base64.urlsafe_b64encode(content).decode(),
        "invoiceNo": number,
        "invoiceMoney": money,
    }


def approve_far(caller: Caller, number: str = "F1") -> dict[str, Any]:
    return caller.call("discharge", akc190=number, aaca07="JS1", rolltype="1")


def save_file(caller: Caller, *, file: bytes = PDF, header: str | None = None, **changes: str) -> dict:
    fields = {
        "sessionid": caller.sessionid,
        "akc190": "V1",
        "invoiceType": "pdf",
        "invoiceNo": "FP9",
        "invoiceMoney": "10.00",
        "rolltype": "0",
        "filetype": "01",
        **changes,
    }
    return caller.http.post(
        f"{caller.simulator.url}/his/pub/interface/upInvoice/saveInvoice.html",
        data=fields,
        files={"file": ("发票.pdf", file, "application/pdf")} if file is not None else None,
        headers={"sessionid": caller.sessionid if header is None else header},
    ).json()
