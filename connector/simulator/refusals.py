"""What the platform refuses for the state of things, and the document's code for it on each interface.

Rules about one field carry their codes in the contract; these here need the platform's memory. Where 5.2 has no
code for a situation, the answer is 1004 with our explanation (T37).
"""

from collections.abc import Mapping
from types import MappingProxyType

from connector.simulator.call import Call, Refusal

OTHER = "1004"

SITUATIONS: Mapping[str, str] = MappingProxyType(
    {
        "no_visit": "there is no such visit of this family",
        "taken": "the visit number is taken",
        "open_stay": "the person has another open stay",
        "within_stay": "the admission lies within an earlier stay",
        "future": "the date lies in the future",
        "no_injury": "the person has no such injury",
        "before_injury": "the admission comes before the injury",
        "no_application": "no approved application of that number belongs to the injury (4.4)",
        "no_filing": "no approved filing is valid on the day of admission (4.21)",
        "nothing_sent": "neither orders nor fees were sent",
        "discharged": "the visit is discharged",
        "settled": "the visit is settled",
        "not_discharged": "the visit is not discharged",
        "audited": "the agency has audited the visit",
        "applied": "a settlement application stands; withdraw it on the web page first",
        "approved": "the fees are approved",
        "fees_exist": "fees are still uploaded; delete them first",
        "no_fees": "no fees are uploaded",
        "not_approved": "the fees are not approved as they stand now (4.12)",
        "other_injury": "the injury is not the one of the registration",
        "other_identity": "the ID number is not the one of the registration",
        "other_name": "the name is not the one of the registration",
        "wrong_amount": "the amount is not price times quantity",
        "nothing_to_refund": "nothing of the kind is stored that could be refunded",
        "too_much_refunded": "more is refunded than is stored",
        "outdated_item": "the catalogue's item is outdated",
        "before_admission": "the discharge comes before the admission",
        "too_many_days": "the days in hospital do not fit between admission and discharge",
        "later_fees": "fees are dated after the discharge",
        "record_missing": "an inpatient's record is missing (T96)",
        "wrong_invoice_sum": "the invoices do not sum up to the fees",
        "wrong_file": "the file is empty, or not of its type",
        "invoice_used": "the number of an invoice was used before",
        "none_found": "nothing was found",
        "unknown_card": "no such card or QR code is known",
    }
)
"""What is wrong, in our words."""

CODES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "getCure": {"none_found": "190002"},
        "register": {
            "taken": "51014",
            "open_stay": "51013",
            "future": "51020",
            "no_injury": "51017",
            "before_injury": "51018",
            "no_application": OTHER,
        },
        "regundo": {
            "no_visit": "61007",
            "other_injury": "61008",
            "discharged": "61005",
            "fees_exist": "61006",
        },
        "sendMedInfo": {
            "no_visit": "81001",
            "nothing_sent": "81003",
            "discharged": "81005",
            "wrong_amount": "81023",
            "nothing_to_refund": "81021",
            "too_much_refunded": "81020",
        },
        "invalidData": {"no_visit": "130003", "discharged": "130001", "no_fees": "130004"},
        "discharge": {"no_visit": "91003", "discharged": "91004", "settled": "91005", "no_fees": "91006"},
        "leaveHos": {
            "no_visit": "110009",
            "discharged": "110010",
            "other_identity": "110011",
            "other_name": "110012",
            "no_fees": "110020",
            "not_approved": "110008",
            "before_admission": "110017",
            "future": "110017",
            "too_many_days": "110019",
            "later_fees": "110016",
            "outdated_item": "110022",
            "record_missing": OTHER,
            "wrong_file": "110024",
            "wrong_invoice_sum": "110025",
            "invoice_used": OTHER,
        },
        "leaveHosUndo": {"no_visit": "120002", "not_discharged": "120002", "audited": "120003"},
        "getPerDetail": {"none_found": "230003"},
        "getJSSheet": {"no_visit": "240002", "not_discharged": "240003"},
        "getPerMed": {"no_visit": OTHER},
        "saveInvoice": {
            "no_visit": OTHER,
            "not_discharged": OTHER,
            "applied": OTHER,
            "audited": OTHER,
            "wrong_file": OTHER,
            "invoice_used": OTHER,
        },
        "dzSbkAuth": {"unknown_card": OTHER},
        "getBSTdjyba": {"none_found": "300004"},
        "offsiteRegister": {
            "taken": "310020",
            "open_stay": "310019",
            "within_stay": "310021",
            "future": "310022",
            "no_filing": "310018",
        },
        "offsiteRegisterUndo": {
            "no_visit": "320002",
            "other_injury": "320005",
            "audited": "320003",
            "discharged": "320004",
            "approved": "320004",
            "fees_exist": OTHER,
        },
        "sendBsMedInfo": {
            "no_visit": "330001",
            "nothing_sent": "330003",
            "discharged": "330005",
            "wrong_amount": OTHER,
            "nothing_to_refund": "330023",
            "too_much_refunded": "330022",
            "outdated_item": "330039",
        },
        "medInfoInvalidData": {
            "no_visit": "340003",
            "discharged": "340001",
            "no_fees": "340004",
            "audited": "340005",
        },
        "offsiteLeaveHos": {
            "no_visit": "350010",
            "discharged": "350011",
            "other_identity": OTHER,
            "other_name": OTHER,
            "no_fees": "350012",
            "not_approved": "350014",
            "before_admission": "350017",
            "future": OTHER,
            "too_many_days": OTHER,
            "later_fees": OTHER,
            "outdated_item": "350013",
            "record_missing": OTHER,
            "wrong_file": "350029",
            "wrong_invoice_sum": "350026",
            "invoice_used": OTHER,
        },
        "offsiteLeaveHosUndo": {
            "no_visit": "360002",
            "not_discharged": "360004",
            "audited": "360003",
            "applied": OTHER,
        },
        "parsingQrcode": {"unknown_card": OTHER},
        "parsingSbk": {"unknown_card": OTHER},
    }
)
"""Interface → situation → code: every refusal that is imitated beside the contract's own rules."""


def refusal(call: Call, situation: str, detail: str = "") -> Refusal:
    """The refusal of a situation on the interface that is called; `detail` names what is meant, never a value."""
    code = CODES[call.operation.method].get(situation, OTHER)
    text = SITUATIONS[situation]
    return Refusal(code, f"{text}: {detail}" if detail else text)


def code_of(call: Call, situation: str) -> str:
    """The code alone."""
    return CODES.get(call.operation.method, {}).get(situation, OTHER)
