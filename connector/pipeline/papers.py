"""What a visit leaves with (4.13, 4.26): read from the HIS when it is asked for, held to the contract, never staged.

One row of the pipeline's `leave` mapping says how the visit ended; its `documents` fill the lists of the same
request: the medical record, the reports, the electronic invoices. Nothing is left out in silence: a row that breaks a
rule is a rejection, a text that was shortened is counted.
"""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from connector.config.mapping import Mapping as RowMapping
from connector.config.pipeline import Pipeline
from connector.contract.check import check
from connector.contract.spec import Node, Operation
from connector.errors import Violation
from connector.extract.lookup import read_by_visits
from connector.extract.source import Hospital
from connector.pipeline.files import Files
from connector.pipeline.parts import Parts
from connector.pipeline.queries import query_of
from connector.records import AMOUNT_SCALE
from connector.transform.shape import Plan, compile_plan, transform

_Lists = Mapping[str, Sequence[Mapping[str, Any]]]

_SESSION = "sessionid"
_PLACEHOLDER = "-"
AN_INVOICE, A_PLAN = "01", "02"
"""The document kinds (FILETYPE): an invoice, a rehabilitation plan; locally every file of 4.13's list is an invoice (trap
T128). A plan has no part in the sum."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """One rule that stands against the papers: of which mapping and row, and which field breaks it.

    `key` is the row's, or the visit's where a row is lacking. `field` is its place in the request, "" for the row as a
    whole; `rule` as `Violation` has it, and besides `missing` (no leave row), `several` (leave rows), `number` (of
    another visit), `twice` (an invoice's number). `message` holds no patient's value.
    """

    mapping: str
    key: str
    field: str
    rule: str
    message: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.mapping}, row {self.key}: {f'{self.field} ' if self.field else ''}{self.message}"


@dataclass(frozen=True, slots=True)
class Invoice:
    """An electronic invoice: its number, and its amount scaled by 4."""

    number: str = field(repr=False)
    amount: int = field(repr=False)


@dataclass(frozen=True, slots=True)
class Papers:
    """What a visit would leave with now.

    `body` is the whole request without its sessionid, of the rows that break no rule: it may be sent only where there
    are no `rejections`. `nodes`: list → how many objects it has, every list of the request; `invoices`: those in it;
    `shortened`: place of a field → texts that were cut.
    """

    operation: Operation = field(repr=False)
    body: Mapping[str, object] = field(repr=False)
    rejections: tuple[Rejection, ...]
    nodes: Mapping[str, int]
    invoices: tuple[Invoice, ...]
    shortened: Mapping[str, int]


def gather_papers(
    parts: Parts, hospital: Hospital, pipeline: Pipeline, visit_key: str, number: str
) -> Papers | None:
    """The papers of the visit that the HIS calls `visit_key`, registered as `number` ("" where it is not yet).

    None where the pipeline names no `leave`. Raises SourceError for what the database refuses.
    """
    if not pipeline.leave:
        return None
    desk = _Desk(parts, hospital, pipeline, visit_key)
    operation = parts.contract.operation(parts.project.mappings[pipeline.leave].fills)
    ending = _ending(desk, operation, number)
    lists: dict[str, list[dict[str, Any]]] = {node.name: [] for node in operation.request.nodes}
    for name in pipeline.documents:
        lists[parts.contract.node(parts.project.mappings[name].fills).name] += desk.read(name)
    body = {**(ending or {}), **_wrapped(operation.request, lists)}
    if ending is not None:
        desk.check(operation, body)
    invoices = list(_invoices(desk, operation, lists))
    return Papers(
        operation=operation,
        body=body,
        rejections=tuple(desk.rejections),
        nodes={name: len(rows) for name, rows in lists.items()},
        invoices=tuple(invoices),
        shortened=dict(desk.shortened),
    )


@dataclass(slots=True)
class _Desk:
    """Reads the papers of one visit and keeps what stands against them."""

    parts: Parts
    hospital: Hospital
    pipeline: Pipeline
    visit: str
    rejections: list[Rejection] = field(default_factory=list)
    shortened: Counter[str] = field(default_factory=Counter)

    def read(self, name: str) -> list[dict[str, Any]]:
        """The visit's rows of a mapping, as objects of the request, in the order of their keys."""
        project = self.parts.project
        mapping = project.mappings[name]
        plan = compile_plan(
            mapping, self.parts.contract, code_maps=project.code_maps, checks=project.settings.checks
        )
        files = Files.of(project.directory, project.settings)
        rows: list[dict[str, Any]] = []
        for chunk in read_by_visits(self.hospital, query_of(mapping), [self.visit]):
            filled = files.fill(mapping, chunk)
            made = transform(plan, filled.table, undecodable=chunk.undecodable, unusable=filled.unusable)
            for one in made.block.rejections:
                self._note(mapping, one.key, one.violations)
            for path, count in made.shortened.items():
                self.shortened[_place(plan, path)] += count
            rows += [json.loads(payload) for payload in made.block.payloads]
        return rows

    def say(self, mapping: str, rule: str, message: str, *, field: str = "") -> None:
        """Note something that stands against the papers as a whole."""
        self.rejections.append(Rejection(mapping, self.visit, field, rule, message))

    def _note(self, mapping: RowMapping, key: str, violations: Sequence[Violation]) -> None:
        self.rejections += [
            Rejection(mapping.name, key, one.path, one.rule, f"{one.zh}: {one.message}".removeprefix(": "))
            for one in violations
        ]

    def check(self, operation: Operation, body: Mapping[str, object]) -> None:
        """Hold the whole request to the contract, where no single row has been found wrong."""
        if self.rejections:
            return
        request = {**body, _SESSION: _PLACEHOLDER}  # filled in while it is sent (trap T14)
        length_in = self.parts.project.settings.checks.length_in
        for one in check(operation, request, length_in=length_in):
            self.say(
                self.pipeline.leave, one.rule, f"{one.zh}: {one.message}".removeprefix(": "), field=one.path
            )


def _ending(desk: _Desk, operation: Operation, number: str) -> dict[str, Any] | None:
    """The one row that says how the visit ended; None where there is not exactly one, or it breaks a rule (noted)."""
    name = desk.pipeline.leave
    rows = desk.read(name)
    if desk.rejections:
        return None
    if not rows:
        desk.say(name, "missing", "the HIS has no row that says how this visit ended")
        return None
    if len(rows) > 1:
        desk.say(name, "several", f"{len(rows)} rows say how this visit ended; there must be one")
        return None
    place = operation.request.roles["visit"]
    told = str(rows[0][place])
    if number and told != number:
        desk.say(name, "number", "is not the number that the visit was registered under", field=place)
    return {**rows[0], place: number or told}


def _invoices(desk: _Desk, operation: Operation, lists: _Lists) -> Iterator[Invoice]:
    """The invoices among the papers. One number in two files is used once too often (trap T111)."""
    seen: set[str] = set()
    for node in operation.request.nodes:
        for row in lists[node.name] if "invoice" in node.roles else ():
            number = str(row[node.roles["invoice"]])
            amount = Decimal(str(row[node.roles["invoice_amount"]])).scaleb(AMOUNT_SCALE)
            if number in seen:
                _say_of(desk, node, "invoice", "twice", "stands in two files of this visit")
            if amount != int(amount):
                _say_of(desk, node, "invoice_amount", "scale", f"has more than {AMOUNT_SCALE} decimals")
            seen.add(number)
            if row.get(node.roles.get("document_kind", ""), AN_INVOICE) == AN_INVOICE:
                yield Invoice(number, int(amount))


def _say_of(desk: _Desk, node: Node, role: str, rule: str, message: str) -> None:
    """Note something about a list as a whole, as a fault of the last mapping that fills it."""
    name = node.roles[role]
    spec = node.field(name)
    zh = f"{spec.zh}: " if spec else ""
    desk.say(_owner(desk, node), rule, f"{zh}{message}", field=f"{node.name}.{name}")


def _wrapped(request: Node, lists: _Lists) -> dict[str, object]:
    """Every list of a request where it stands; those without objects are empty (trap T96)."""
    return {
        node.wrapper or node.name: {node.name: list(lists[node.name])}
        if node.wrapper
        else list(lists[node.name])
        for node in request.nodes
    }


def _place(plan: Plan, path: str) -> str:
    """A field's place in the request."""
    slot = plan.slot(path)
    return slot.place if slot else path


def _owner(desk: _Desk, node: Node) -> str:
    """The last mapping that fills a list."""
    mappings = desk.parts.project.mappings
    return next(
        name
        for name in reversed(desk.pipeline.documents)
        if desk.parts.contract.node(mappings[name].fills) is node
    )
