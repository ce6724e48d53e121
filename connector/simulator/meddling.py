"""What people do on the platform's web page meanwhile (faults P.manual_*); no interface of ours shows it."""

from decimal import Decimal

from connector.simulator.call import Call, NoAnswer, read_list
from connector.simulator.fees import fee_node
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
        names = fee_node(call.state.visits[number].family)
        rows = read_list(call.payload, names.wrapper, names.name)
        try:
            total = sum((read_number(names.text(row, "amount")) for row in rows), Decimal(0))
        except ValueError:
            return  # the call itself will be refused for it
        enter_by_hand(call.state, number, total)
        raise NoAnswer


def enter_by_hand(state: State, visit: str, amount: Decimal, category: str = "91") -> None:
    """Add one row to a visit, as an operator does on the web page; the amount is in yuan."""
    quantity = "-1" if amount < 0 else "1"
    parts = {
        "prescription": MANUAL,
        "item": MANUAL,
        "category": category,
        "price": str(abs(amount)),
        "quantity": quantity,
        "amount": str(amount),
    }
    roles = fee_node(state.visits[visit].family).roles
    row = {roles[part]: value for part, value in parts.items()}
    fee = Fee(row, MANUAL, str(abs(amount)), quantity, scaled(amount), category)
    state.commit("fees", visit=visit, fees=[fee])
