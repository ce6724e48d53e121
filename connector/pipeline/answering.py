"""Questions about visits as a person sees and answers them: the candidates, in words, and who chose which."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from connector.config.pipeline import Pipeline
from connector.contract.library import Contract
from connector.contract.lookups import record_node
from connector.contract.spec import Field, Lookup
from connector.errors import ConfigurationError
from connector.ledger.decisions import Decision
from connector.ledger.questions import KeptQuestion
from connector.ledger.store import Ledger
from connector.ledger.visits import KnownVisit
from connector.pipeline.candidates import Candidate, read_candidate
from connector.pipeline.deciding import Signature
from connector.pipeline.decisions import find_visit
from connector.pipeline.parts import Parts
from connector.pipeline.personal import is_personal
from connector.pipeline.progress import Silent
from connector.pipeline.turns import open_turn

ASKED = {
    Lookup.INJURY: "Which injury is this stay for?",
    Lookup.APPLICATION: "Which treatment application is this stay under?",
    Lookup.REPORT: "Which accident report belongs to this stay?",
    Lookup.FILING: "Which cross-province filing is this stay under?",
}
"""Each kind of question in words."""


@dataclass(frozen=True, slots=True)
class Option:
    """One candidate: the number to choose it by, why it does not fit (or nothing), and its fields in words.

    `fields`: name, Chinese name, value; what names a person is hidden unless it was asked for.
    """

    number: int
    faults: tuple[str, ...]
    fields: tuple[tuple[str, str, str], ...] = field(repr=False)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a visit. `chosen` is the number of the candidate that was chosen, 0 while it is open."""

    visit: str = field(repr=False)
    pipeline: str
    kind: str
    asked: str
    asked_at: str
    answered_at: str
    options: tuple[Option, ...] = field(repr=False)
    chosen: int = 0

    @property
    def is_open(self) -> bool:
        """Whether it waits for an answer."""
        return not self.answered_at


def list_questions(parts: Parts, name: str = "", *, show_personal: bool = False) -> list[Question]:
    """The open questions; of one visit the last of each kind, answered or not. The ledger is only read."""
    with parts.open_ledger(read_only=True) as ledger:
        if name:
            visit = find_visit(ledger, name)
            kept = _last_of_each(ledger.questions.of(visit.visit_id))
            return [_report(parts, one, visit.mapping, show_personal=show_personal) for one in kept]
        return [
            _report(parts, one, pipeline.visits, show_personal=show_personal)
            for pipeline in parts.project.pipelines.values()
            for one in ledger.questions.open(pipeline.visits)
        ]


def _last_of_each(kept: Sequence[KeptQuestion]) -> list[KeptQuestion]:
    """The newest question of each kind: a decision that was changed is a newer one."""
    return list({one.kind: one for one in kept}.values())


def _report(parts: Parts, kept: KeptQuestion, visits: str, *, show_personal: bool) -> Question:
    """A question in words."""
    options = tuple(
        Option(number, one.faults, tuple(_fields(parts.contract, one, show_personal=show_personal)))
        for number, one in enumerate(map(read_candidate, kept.candidates), start=1)
    )
    chosen = [number for number, one in enumerate(kept.candidates, start=1) if one == kept.chosen]
    return Question(
        visit=kept.number or kept.key,
        pipeline=_pipeline_of(parts, visits),
        kind=kept.kind,
        asked=ASKED[Lookup(kept.kind)],
        asked_at=kept.asked_at,
        answered_at=kept.answered_at,
        options=options,
        chosen=chosen[0] if kept.answered_at and chosen else 0,
    )


def _pipeline_of(parts: Parts, visits: str) -> str:
    """The pipeline that delivers the visits of a mapping, "" where there is none any more."""
    found: list[Pipeline] = [one for one in parts.project.pipelines.values() if one.visits == visits]
    return found[0].name if found else ""


def _fields(contract: Contract, one: Candidate, *, show_personal: bool) -> Iterator[tuple[str, str, str]]:
    """What a record says, field by field, with code values in words."""
    if not one.record:
        return
    node = record_node(contract.operation(one.method))
    for name, value in one.record.items():
        text = str(value if value is not None else "").strip()
        if text and isinstance(value, (str, int)):
            spec = node.field(name)
            hidden = not show_personal and (spec is None or is_personal(spec))
            yield name, spec.zh if spec else "", "***" if hidden else _in_words(contract, spec, text)


def _in_words(contract: Contract, spec: Field | None, text: str) -> str:
    """A value, and what its code means."""
    entries = contract.codes[spec.codes].entries if spec is not None and spec.codes else {}
    return f"{text} {entries[text]}" if text in entries else text


def answer_question(parts: Parts, name: str, number: int, signature: Signature, *, kind: str = "") -> str:
    """Choose a candidate of a visit's question; returns in one sentence what follows.

    An answer may be changed until the visit is registered. Raises ConfigurationError for a number that is none, for a
    candidate that does not fit without a reason, and for a visit that is registered; LeaseHeld while a run is under way.
    """
    with open_turn(parts, notify=Silent().note, is_stopping=lambda: False) as (ledger, _):
        visit = find_visit(ledger, name)
        question = _question_of(ledger, visit, kind)
        decision = _decide(question, number, visit, signature)
        _keep(ledger, question, number, decision)
        is_waiting = ledger.outbox.registration(visit.visit_id) is not None
    then = (
        "the next run goes on with it"
        if is_waiting
        else f"its registration is kept back: `connector quarantine release --visit {visit.name}` lets it go again"
    )
    return f"Visit {visit.name}: candidate {number} is its {question.kind}; {then}."


def _question_of(ledger: Ledger, visit: KnownVisit, kind: str) -> KeptQuestion:
    """The question that is meant: of that kind, else the open one, else the only one."""
    if visit.registered or ledger.open_batches(visit.visit_id):
        raise ConfigurationError(
            f"Visit {visit.name} is registered, or its registration is under way: what was chosen for it stands. "
            "Another choice needs the registration to be cancelled first."
        )
    known = _last_of_each(ledger.questions.of(visit.visit_id))
    if kind:
        meant = [one for one in known if one.kind == kind]
    else:
        meant = [one for one in known if not one.answered_at] or known
    if not meant:
        raise ConfigurationError(
            f"There is no {kind + ' ' if kind else ''}question about visit {visit.name}. `connector decide` lists those "
            "that are open."
        )
    if len(meant) > 1:
        kinds = ", ".join(one.kind for one in meant)
        raise ConfigurationError(
            f"There is more than one question about visit {visit.name} ({kinds}): say --kind."
        )
    return meant[0]


def _decide(question: KeptQuestion, number: int, visit: KnownVisit, signature: Signature) -> Decision:
    """The choice of that number, as a decision; ConfigurationError where it may not be made."""
    if not 1 <= number <= len(question.candidates):
        raise ConfigurationError(
            f"The question about visit {visit.name} has the candidates 1 to {len(question.candidates)}; {number} is none."
        )
    faults = read_candidate(question.candidates[number - 1]).faults
    if faults and not signature.because:
        raise ConfigurationError(
            f"Candidate {number} does not fit: {'; '.join(faults)}. It can be chosen all the same: say why, with "
            "--because."
        )
    numbers: dict[str, int | str] = {"candidates": len(question.candidates)}
    if faults:
        numbers["does not fit"] = "; ".join(faults)
    return Decision(
        question.kind, str(number), signature.who, signature.because, visit.visit_id, None, numbers
    )


def _keep(ledger: Ledger, question: KeptQuestion, number: int, decision: Decision) -> None:
    """Keep the choice and who made it; a changed one is a new question with its answer."""
    chosen = question.candidates[number - 1]
    with ledger.together():
        open_id = question.id
        if question.answered_at:
            open_id = ledger.questions.ask(question.visit_id, question.kind, question.candidates)
        ledger.questions.answer(open_id, chosen, decision)
