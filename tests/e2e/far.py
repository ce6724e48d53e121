"""A ward whose patients come from another province: 4.22 and 4.24 instead of 4.8 and 4.10, by mappings like its own."""

from collections import Counter
from decimal import Decimal

from tests.ward import FEES, ORDERS, STAYS, Ward

_OWN = {
    "stays": STAYS,
    "fees": FEES.format(changes="{by: sequence, column: id, lookback: 100}"),
    "orders": ORDERS,
}
_FILLS = {
    "stays": "offsiteRegister",
    "fees": "sendBsMedInfo.bs004s.bs004",
    "orders": "sendBsMedInfo.advices.advice",
}


def send_far(ward: Ward, *, registration: str = "") -> None:
    """Let the ward's mappings fill the interfaces of the other provinces; `registration` is added to the stays'."""
    folder = ward.directory / "mappings"
    for name, text in _OWN.items():
        own = text.replace(f"mapping: {name}", f"mapping: own-{name}")
        (folder / f"own-{name}.yaml").write_text(own, encoding="utf-8")
        like = f"version: 1\nmapping: {name}\nlike: own-{name}\nfills: {_FILLS[name]}\n"
        differs = registration if name == "stays" else ""
        (folder / f"{name}.yaml").write_text(like + differs, encoding="utf-8")


def far_rows(ward: Ward, zyh: int) -> Counter:
    """What the platform holds of a visit from another province."""
    return Counter(
        (row["ala002"], Decimal(row["alc407"]).quantize(Decimal("0.0001")))
        for row in ward.simulator.fees(f"V{zyh}")
    )
