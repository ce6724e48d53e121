"""Look-ups before a visit is registered: ask the platform, find out which record is meant, or ask a person.

4.3 (and 4.7, where it knows nothing), 4.4, 4.6 and 4.21; and the registration completed by what they told.
"""

import json
from collections.abc import Generator, Mapping, Sequence
from dataclasses import asdict
from typing import Any

from connector.config.settings import LifecycleSettings
from connector.contract.check import check
from connector.contract.lookups import NEW_INJURY, record_node, role_paths, roles_told
from connector.contract.spec import Lookup
from connector.errors import Violation
from connector.ledger.questions import KeptQuestion
from connector.load.judge import is_nothing_found
from connector.pipeline import messages
from connector.pipeline.candidates import (
    Candidate,
    Choice,
    choose,
    new_injury,
    read_candidate,
    value_of,
    weigh,
)
from connector.pipeline.desk import Desk, Held, Waits
from connector.pipeline.facts import Sitting
from connector.pipeline.lifecycle import Told
from connector.pipeline.steps import Ask, Step, Steps
from connector.records import Outcome, Verdict

WITHOUT = Candidate("", {}, ("the platform has no accident report yet",))
"""What a person may choose where a region demands an accident report and none has come (trap T115)."""

_SESSION = "sessionid"


def look_up(sitting: Sitting, kind: Lookup) -> Steps:
    """Ask for the records of one kind, and choose; afterwards it is `told` what came of it."""
    if sitting.is_registered:
        yield from _watch_report(sitting)
        return
    candidates = yield from _ask(sitting, kind)
    questions = [
        one for one in sitting.desk.ledger.questions.of(sitting.visit.visit_id) if one.kind == kind.value
    ]
    choice = _choose(sitting, kind, candidates, questions)
    if choice is not None:
        _take(sitting, kind, choice)
    elif (candidates and _fills(sitting.desk, kind)) or _is_demanded(sitting.desk.lifecycle, kind):
        _question(sitting, kind, candidates, questions)
        return
    else:
        sitting.told[kind.value] = Told.NOTHING
        if kind is Lookup.REPORT:
            sitting.desk.report.warn(sitting.visit, "the platform has no accident report that fits yet (4.6)")
    if any(not one.answered_at for one in questions):
        sitting.desk.ledger.questions.withdraw(sitting.visit.visit_id, kind.value)


def _watch_report(sitting: Sitting) -> Steps:
    """Look once more for the accident report of a new injury that was registered without one (trap T116).

    Nothing depends on it any more, so nothing is asked, and a platform that does not tell is asked another time.
    """
    try:
        candidates = yield from _ask(sitting, Lookup.REPORT)
    except Waits:
        return
    if fitting := [one for one in candidates if not one.faults]:
        _take(sitting, Lookup.REPORT, Choice(fitting[-1], "fits"))


def _fills(desk: Desk, kind: Lookup) -> bool:
    """Whether the registration takes anything from it; a report is often looked for only to see that it is there."""
    return kind in desk.flow.lookups.values()


def _is_demanded(rules: LifecycleSettings, kind: Lookup) -> bool:
    """Whether a person has to agree before it goes on without."""
    return kind is Lookup.REPORT and rules.accident_report == "required"


def _ask(sitting: Sitting, kind: Lookup) -> Generator[Step, Any, list[Candidate]]:
    """Every record that the first interface that knows any names."""
    desk, roles = sitting.desk, sitting.admission.roles
    for operation in desk.flow.tells[kind]:
        wanted = operation.request.roles
        lacking = [name for role, name in wanted.items() if role not in roles]
        if lacking:
            raise Waits(
                f"the platform cannot be asked for its {kind} ({operation.section}): {', '.join(lacking)} is not known"
            )
        body = messages.query_body(operation, **{name: roles[role] for role, name in wanted.items()})
        outcome: Outcome = yield Ask(operation, body)
        if outcome.verdict is not Verdict.ACCEPTED and not is_nothing_found(operation, outcome):
            raise Waits(
                f"the platform does not tell its {kind} ({operation.section}): "
                f"{outcome.code} {outcome.message}".strip()
            )
        records = messages.rows_of(outcome.body, record_node(operation))
        if records:
            return [weigh(desk.contract, operation, record, sitting.admission) for record in records]
    return []


def _choose(
    sitting: Sitting, kind: Lookup, candidates: Sequence[Candidate], questions: Sequence[KeptQuestion]
) -> Choice | None:
    """Which one is meant, if that can be known without asking."""
    desk = sitting.desk
    operation = desk.contract.operation(candidates[0].method) if candidates else desk.flow.tells[kind][0]
    answered = [one for one in questions if one.answered_at]
    choice = choose(
        kind,
        record_node(operation),
        candidates,
        sitting.admission,
        kept=read_candidate(answered[-1].chosen) if answered else None,
        takes_single=_takes_single(desk.lifecycle, kind),
    )
    if choice is None and not _fills(desk, kind):
        # Nothing depends on which one it is: any that fits will do.
        fitting = [one for one in candidates if not one.faults]
        return Choice(fitting[-1], "fits") if fitting else None
    return choice


def _takes_single(rules: LifecycleSettings, kind: Lookup) -> bool:
    """Whether the only one that fits is taken."""
    return kind is Lookup.REPORT or asdict(rules)[f"single_{kind.value}"] == "take"


def _take(sitting: Sitting, kind: Lookup, choice: Choice) -> None:
    """Keep what was chosen, once, and tell what it says."""
    desk, visit = sitting.desk, sitting.visit
    roles: dict[str, str] = {}
    found = choice.candidate
    if found is not None and found.record:
        operation = desk.contract.operation(found.method)
        node = record_node(operation)
        roles = {role: text for role in node.roles if (text := value_of(node, found.record, role))}
        if NEW_INJURY in roles_told(operation):
            roles[NEW_INJURY] = new_injury(node, found.record)
    sitting.tell(kind, roles)
    if choice.warning:
        desk.report.warn(visit, choice.warning)
    details = {"how": choice.how, **(found.kept() if found is not None else {})}
    note_once(desk, visit.visit_id, kind.value, found.method if found is not None else "", details)


def note_once(desk: Desk, visit_id: int, name: str, method: str, details: Mapping[str, object]) -> None:
    """Keep a step, unless it is what the last one of its name says already."""
    same = [one for one in desk.ledger.steps.of(visit_id) if one.name == name]
    if not same or dict(same[-1].details) != dict(details):
        desk.ledger.steps.note(visit_id, name, method, details)


def _question(
    sitting: Sitting, kind: Lookup, candidates: Sequence[Candidate], questions: Sequence[KeptQuestion]
) -> None:
    """Ask a person, or bring the candidates of the open question up to date."""
    sitting.told[kind.value] = Told.ASKED
    extra = [WITHOUT] if _is_demanded(sitting.desk.lifecycle, kind) else []
    wanted = [one.kept() for one in (*candidates, *extra)]
    if not any(not one.answered_at and list(one.candidates) == wanted for one in questions):
        sitting.desk.ledger.questions.ask(sitting.visit.visit_id, kind.value, wanted)


def complete(sitting: Sitting) -> bytes:
    """The registration as it is sent: what the HIS left empty, filled by what was looked up.

    Raises Held where the whole of it does not keep the contract: staging could not check what was not there.
    """
    desk, record = sitting.desk, sitting.record
    if record is None:
        raise Waits("its registration is not staged any more")
    if not desk.flow.lookups:
        return record.payload
    request: dict[str, Any] = json.loads(record.payload)
    operation = desk.flow.register
    role_of = {path: role for role, path in role_paths(operation)}
    for path, kind in desk.flow.lookups.items():
        holder, _, name = path.rpartition(".")
        inside = request[holder] if holder else request
        if not inside[name]:
            inside[name] = sitting.chosen.get(kind, {}).get(role_of[path], "")
    violations = check(operation, request, codes=desk.contract.codes, length_in=desk.length_in)
    if wrong := [one for one in violations if one.path != _SESSION]:
        raise Held(f"its registration, completed by what the platform told, breaks rules: {_said(wrong)}")
    return json.dumps(request, ensure_ascii=False, separators=(",", ":")).encode()


def _said(violations: Sequence[Violation]) -> str:
    """Violations in one line."""
    return "; ".join(f"{one.path} {one.zh} {one.message}".replace("  ", " ") for one in violations)


def must_be_plausible(desk: Desk, sitting: Sitting) -> None:
    """Raise Waits for an admission that the centre's calendar does not know yet (51020, trap T105)."""
    if sitting.admission.admitted > desk.today():
        raise Waits("its day of admission lies in the future: it is registered on that day")
