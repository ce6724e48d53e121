import pytest

from tests.ledger.blocks import begin


def test_steps_are_kept_in_their_order_with_their_details(ledger, opened, clock):
    visits = begin(ledger, "A", "B")
    ledger.steps.note(visits["A"], "approve", "discharge", {"total": 399_0000})
    clock.forward(hours=1)
    ledger.steps.note(visits["B"], "leave", "leaveHos", {})
    ledger.steps.note(visits["A"], "leave", "leaveHos", {"day": "2025-03-01", "person": "张三"})
    ledger.close()
    again = opened()
    approved, left = again.steps.of(visits["A"])
    assert (approved.name, approved.operation, approved.details) == (
        "approve",
        "discharge",
        {"total": 399_0000},
    )
    assert (left.at, left.details["person"]) == ("2025-03-01T09:00:00.000+00:00", "张三")
    assert "张三" not in repr(left)


@pytest.mark.parametrize("place", ["sqlite"], indirect=True)
def test_details_are_sealed(ledger, tmp_path):
    visits = begin(ledger, "A")
    ledger.steps.note(visits["A"], "look up", "getCure", {"person": "SECRET-WORDS"})
    ledger.questions.ask(visits["A"], "injury", [{"aac003": "SECRET-WORDS"}])
    ledger.close()
    assert b"SECRET-WORDS" not in (tmp_path / "ledger.db").read_bytes()
