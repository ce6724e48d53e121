"""Electronic invoices (DZ_FPXX): over the full amount of a stay or a bill, each with a PDF that really is one."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from connector.sample.plan import Plan, Stay
from connector.sample.schema import Row, Value

FIRST_INVOICE = 8001
_CASHIER = "0901  "
_FEN = Decimal("0.01")
_A5_MM = (148, 210)


def plan_invoices(plan: Plan) -> None:
    """Invoices of every stay that is over and of every bill. What was given back is invoiced anew, net of it."""
    rows: list[Row] = []

    def add(at: datetime, amount: Decimal, **owner: Value) -> None:
        rows.append(draft_invoice(FIRST_INVOICE + len(rows), at, amount, **owner))

    for stay in plan.stays:
        if stay.discharged is not None:
            for amount, is_void in _parts(plan, stay):
                if is_void:
                    plan.plant("invoice_void", str(FIRST_INVOICE + len(rows)))
                add(stay.discharged, amount, ZYH=stay.number, CHBZ=int(is_void))
    for bill in plan.tables["MS_SFZB"]:
        if bill["YSFXH"] is not None:
            continue
        paid = Decimal(str(bill["ZJJE"]))
        back = sum(
            (_money(one) for one in plan.tables["MS_SFZB"] if one["YSFXH"] == bill["SFXH"]), Decimal(0)
        )
        at = datetime.fromisoformat(str(bill["SFRQ"]))
        add(at, paid, SFXH=bill["SFXH"], CHBZ=int(back != 0))
        if back:
            add(at + timedelta(hours=8), paid + back, SFXH=bill["SFXH"])
    plan.tables["DZ_FPXX"] = rows


def _parts(plan: Plan, stay: Stay) -> Iterator[tuple[Decimal, bool]]:
    """The amounts a stay is invoiced in, and whether each is void: the archived one was settled in two steps."""
    own = (one.row["ZJJE"] for one in plan.charges if one.stay is stay and one.row["ZFPB"] != 1)
    total = sum((Decimal(str(amount)).quantize(_FEN) for amount in own), Decimal(0))
    if stay.case == "archived":
        first = (total / 3).quantize(_FEN)
        yield total, True  # written by mistake before the first part was known, and cancelled
        yield first, False
        yield total - first, False
    else:
        yield total, False


def _money(bill: Row) -> Decimal:
    return Decimal(str(bill["ZJJE"]))


def draft_invoice(number: int, at: datetime, amount: Decimal, **owner: Value) -> dict[str, Value]:
    """One invoice; `owner` names the stay (ZYH) or the bill (SFXH)."""
    name = f"261500{number:014d}"
    return {
        "FPXH": number,
        "LYLB": 1 if "SFXH" in owner else 2,
        "ZYH": None,
        "SFXH": None,
        "FPDM": None,
        "FPHM": name,
        "KPRQ": f"{at:%Y-%m-%d %H:%M:%S}",
        "KPJE": f"{amount:.2f}",
        "FPNR": invoice_pdf(name, at, amount),
        "CHBZ": 0,
        "KPGH": _CASHIER,
        **owner,
    }


def invoice_pdf(number: str, at: datetime, amount: Decimal) -> bytes:
    """The invoice as a small PDF; the same for the same invoice."""
    from fpdf import FPDF  # a second that only a PDF needs

    page = FPDF(format=_A5_MM)
    page.set_creation_date(at.replace(tzinfo=UTC))
    page.add_page()
    page.set_font("Helvetica", size=11)
    for line in (
        "ELECTRONIC INVOICE (SAMPLE)",
        f"Number {number}",
        f"Date {at:%Y-%m-%d}",
        f"Total CNY {amount:.2f}",
    ):
        page.cell(0, 8, line, new_x="LMARGIN", new_y="NEXT")
    return bytes(page.output())
