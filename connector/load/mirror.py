"""A client for rehearsals: it seals every call, opens it again, compares, and answers yes by itself. No socket.

It goes the real client's whole way up to the wire. What it answers is what a platform would that agrees with
the ledger and takes everything; so what a rehearsal counts is what a run would send.
"""

import json
import threading
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs

from connector.contract.envelope import form_body, open_sealed, seal
from connector.contract.spec import Effect, Node, Operation
from connector.errors import EnvelopeError
from connector.load.client import PlatformClient, add_session
from connector.records import Outcome, Verdict, yuan

UNKNOWN = "a batch of the visit is in doubt, which only the platform itself can settle"
"""Why a visit cannot be rehearsed."""

NOT_TAKEN_BACK = "a dry run takes nothing back; a run does that"
"""Why what is sent after it cannot be rehearsed."""

UNASKED = "a dry run does not ask the platform"
"""Why nothing is looked up."""

UNAPPROVED = "a dry run approves nothing, and lets nobody leave"
"""Why a visit stays."""

_NOT_DONE = {Effect.APPROVE: UNAPPROVED, Effect.UNDO: NOT_TAKEN_BACK}
"""What is not rehearsed, by the effect of the interface."""


class Mirror(PlatformClient):
    """The account's client without a platform. `sealed` counts messages, `visits` are those sent to.

    `expect` tells what the platform's totals would be; `None` for a visit of which nobody knows.
    """

    def __init__(self, *settings: Any, **values: Any) -> None:
        super().__init__(*settings, **values)
        self.sealed = 0
        self.visits: set[str] = set()
        self._totals: dict[str, Decimal | None] = {}
        self._lock = threading.Lock()

    def expect(self, totals: Mapping[str, int | None]) -> None:
        """What the platform would answer: visit number → total, scaled by 4, or None."""
        for number, total in totals.items():
            self._totals[number] = None if total is None else yuan(total)

    def _send(
        self,
        operation: Operation,
        body: bytes,
        key_text: str,
        sessionid: str,
        batch_id: int | None,  # noqa: ARG002 - nothing is recorded
    ) -> Outcome:
        """Seal, open, compare; EnvelopeError when the message did not survive it."""
        body = add_session(body, sessionid) if sessionid else body
        message = parse_qs(form_body(seal(key_text, body)).decode("ascii"))["message"][0]
        if open_sealed(key_text, message.encode()) != body:
            raise EnvelopeError(
                f"A message of {operation.method} ({operation.section}) is another one once it is sealed and opened."
            )
        with self._lock:
            self.sealed += 1
            return self._answer(operation, json.loads(body))

    def _answer(self, operation: Operation, request: Mapping[str, Any]) -> Outcome:
        if operation.effect is Effect.SESSION:
            session = operation.answer.roles.get("session", "session")
            return Outcome(Verdict.ACCEPTED, "0", body={session: str(self.sealed)})
        number = str(request.get(operation.request.roles.get("visit", ""), ""))
        if operation.lookup is not None:
            return Outcome(Verdict.RETRYABLE, message=UNASKED)
        if operation.effect is Effect.READ:
            return self._total(operation.answer.nodes[0], number)
        if operation.effect is not Effect.ADD:
            return Outcome(Verdict.RETRYABLE, message=_NOT_DONE.get(operation.effect, UNKNOWN))
        rows = 0
        for node in operation.request.nodes:
            found = _rows(request, node)
            rows += len(found) if node.many else 0
            number = number or str(found[0].get(node.roles.get("visit", ""), ""))
            self._add(number, [row.get(node.roles.get("amount", ""), "") for row in found])
        return Outcome(Verdict.ACCEPTED, "0", counts=rows)

    def _total(self, node: Node, number: str) -> Outcome:
        total = self._totals.get(number, Decimal(0))
        if total is None:
            return Outcome(Verdict.RETRYABLE, message=UNKNOWN)
        row = {node.roles["visit"]: number, node.roles["total"]: f"{total:f}"}
        body: dict[str, object] = {node.wrapper: {node.name: [row]}} if node.wrapper else {node.name: [row]}
        return Outcome(Verdict.ACCEPTED, "0", body=body)

    def _add(self, number: str, amounts: list[str]) -> None:
        self.visits.add(number)
        total = self._totals.get(number, Decimal(0))
        if total is not None:
            self._totals[number] = total + sum((Decimal(amount or "0") for amount in amounts), Decimal(0))


def _rows(request: Mapping[str, Any], node: Node) -> list[Mapping[str, Any]]:
    """The objects of a node of a request."""
    inside = request.get(node.wrapper, {}) if node.wrapper else request
    found = inside.get(node.name, [])
    return [found] if isinstance(found, dict) else list(found)
