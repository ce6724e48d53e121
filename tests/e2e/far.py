"""A ward whose patients come from another province: 4.22 and 4.24 instead of 4.8 and 4.10."""

from collections import Counter
from decimal import Decimal

from tests.ward import FEES, ORDERS, Ward

STAYS = """
version: 1
mapping: stays
fills: offsiteRegister
source: {table: stay, key: zyh, visit: zyh, changes: {by: comparison}, ended: ended}
fields:
  aac002: {value: "152824198204240045"}
  aac003: name
  akc190: number
  aka130: {value: "72"}
  aae030: {value: "2026-03-01"}
  akc191: {value: "7"}
  alc028: {value: "T14.900"}
  alc011: injury
  akc201: {value: 骨科}
  akc199: ward
  akc200: {value: "12"}
  ysbm: {value: 王医生}
  sbkid: {value: A0001}
"""

_TWINS = {
    "sendMedInfo.meds.med": "sendBsMedInfo.bs004s.bs004",
    "  alc402: item": "  ala002: item",
    "  alc403: item": "  ala020: item",
    '  alc404: {value: "1"}': '  ala012: {value: "01"}',
    "  alc405: price": "  akc225: price",
    "  alc406: quantity": "  akc226: quantity",
}
"""What a mapping of charges says, and what it says across provinces."""


def send_far(ward: Ward) -> None:
    """Let the ward's mappings fill the interfaces of the other provinces."""
    folder = ward.directory / "mappings"
    fees = FEES.format(changes="{by: sequence, column: id, lookback: 100}")
    for local, far in _TWINS.items():
        assert local in fees
        fees = fees.replace(local, far)
    (folder / "stays.yaml").write_text(STAYS, encoding="utf-8")
    (folder / "fees.yaml").write_text(fees, encoding="utf-8")
    (folder / "orders.yaml").write_text(ORDERS.replace("sendMedInfo", "sendBsMedInfo"), encoding="utf-8")


def far_rows(ward: Ward, zyh: int) -> Counter:
    """What the platform holds of a visit from another province."""
    return Counter(
        (row["ala002"], Decimal(row["alc407"]).quantize(Decimal("0.0001")))
        for row in ward.simulator.fees(f"V{zyh}")
    )
