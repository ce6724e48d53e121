"""What people do on the platform's web page meanwhile (faults P.manual_*); no interface of ours shows it."""

from decimal import Decimal

from connector.simulator.call import Call, NoAnswer, read_list, read_text
from connector.simulator.state import State
from connector.simulator.visit import Fee, read_number, scaled

MANUAL = "MANUAL"
"""Item and prescription number of rows that were entered on the web page."""


def meddle(call: Call) -> None:
    """Do by hand what the struck faults say, just before the call itself."""
    number = call.text("akc190")
    if number not in call.state.visits:
        return
    if "P.manual_delete" in call.struck:
        call.state.commit("invalidate", visit=number)
    if "P.manual_add" in call.struck:
        how = call.struck["P.manual_add"]
        enter_by_hand(call.state, number, how.get("amount", Decimal(10)), how.get("category", "91"))
    if "P.manual_same_amount" in call.struck:
        rows = read_list(call.payload, "meds", "med")
        try:
            total = sum((read_number(read_text(row, "alc407")) for row in rows), Decimal(0))
        except ValueError:
            return  # the call itself will be refused for it
        enter_by_hand(call.state, number, total)
        raise NoAnswer


def enter_by_hand(state: State, visit: str, amount: Decimal, category: str = "91") -> None:
    """Add one row to a visit, as an operator does on the web page; the amount is in yuan."""
    quantity = "-1" if amount < 0 else "1"
    row = {
        "alc400": MANUAL,
        "alc402": MANUAL,
        "aka063": category,
        "alc405": str(abs(amount)),
        "alc406": quantity,
        "alc407": str(amount),
    }
    fee = Fee(row, MANUAL, str(abs(amount)), quantity, scaled(amount), category)
    state.commit("fees", visit=visit, fees=[fee])
