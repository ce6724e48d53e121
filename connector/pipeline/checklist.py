"""What has to be right before a patient leaves (4.13, 4.26), as a list for people: a pure judgement over what was found.

Every refusal of the platform that can be told beforehand is an item here, so that nothing is sent into it. `departure`
finds the facts.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connector.pipeline.balance import CHANGED, DELETED, CategorySums, Comparison
from connector.pipeline.papers import Papers
from connector.records import yuan

_FEN = 100
"""In 1/10000 yuan: invoices are in fen, fees have four decimals."""

_MOST = 3
"""So many of a kind are named; the others are counted."""


class Mark(StrEnum):
    """How an item of the list stands."""

    FINE = "ok"
    STANDS_AGAINST = "not"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Item:
    """One item: what has to hold, whether it does, what was found, and what to do where it does not."""

    name: str
    mark: Mark
    found: str = field(default="", repr=False)
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Checklist:
    """Everything that has to be right before this visit leaves. `read_at`: when the platform said its total."""

    pipeline: str
    visit: str = field(repr=False)
    items: tuple[Item, ...] = field(repr=False)
    his: int = field(repr=False)
    ledger: int = field(repr=False)
    platform: int | None = field(repr=False)
    read_at: str = ""

    @property
    def obstacles(self) -> tuple[str, ...]:
        """What stands against leaving, in words."""
        return tuple(
            f"{one.found or one.name}: {one.advice}" if one.advice else one.found or one.name
            for one in self.items
            if one.mark is Mark.STANDS_AGAINST
        )

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should have seen, and what keeps nobody from leaving."""
        return tuple(one.found or one.name for one in self.items if one.mark is Mark.WARNING)


@dataclass(frozen=True, slots=True)
class Departure:
    """A visit's checklist, its papers, the day of its discharge ("" where it is not known), and its sums by category.

    `others` (scaled by 4): what the platform must hold besides the HIS's charges, because a person accepted it.
    """

    checklist: Checklist
    papers: Papers | None = field(repr=False)
    discharged: str
    categories: tuple[CategorySums, ...] = field(repr=False)
    others: int = field(default=0, repr=False)


@dataclass(frozen=True, slots=True)
class Stale:
    """Charges whose item the catalogue has no usable row for: `today` on this day, else on the day of the charge."""

    rows: int
    status: str
    today: bool


@dataclass(frozen=True, slots=True)
class Departing:
    """What was found of a visit that is to leave.

    `rows` by state, orders and the registration too: `staged`, `doubt`, `quarantined`. `left_on`: by whom and when it
    has left already. `late`: days of fees after `discharged`. `documents`: amounts of invoices that 4.18 brought.
    `used`: numbers of invoices that were sent before, with the words for it.
    """

    has_ended: bool
    is_registered: bool
    left_on: str
    held_for: str = field(repr=False)
    rows: Mapping[str, int]
    is_registration_changed: bool
    comparison: Comparison
    stale: tuple[Stale, ...]
    late: tuple[str, ...]
    discharged: str
    today: str
    is_inpatient: bool
    papers: Papers | None
    leave_mapping: str
    used: Mapping[str, str] = field(repr=False)
    documents: int = field(repr=False)
    has_e_invoices: bool


def judge(visit: str, found: Departing) -> Checklist:
    """The list of a visit."""
    items = [*_states(visit, found), *_sums(visit, found), *_fees(found)]
    if found.papers is None:
        items.append(
            Item(
                "It is known what it leaves with",
                Mark.STANDS_AGAINST,
                "the pipeline has no `leave`",
                "name a mapping with `fills: leaveHos` (or offsiteLeaveHos) in its file",
            )
        )
    else:
        items += [*_papers(found, found.papers), *_invoices(found, found.papers)]
    compared = found.comparison
    return Checklist(
        compared.pipeline,
        visit,
        tuple(items),
        compared.his,
        compared.ledger,
        compared.platform,
        compared.read_at,
    )


def _item(name: str, found: str, advice: str, *, against: bool, mark: Mark = Mark.STANDS_AGAINST) -> Item:
    """An item that stands as `mark` says where something is `against` it."""
    return Item(name, mark, found, advice) if against else Item(name, Mark.FINE)


def _count(number: int, one: str) -> str:
    """`1 row`, `2 rows`."""
    return f"{number:,} {one if number == 1 else f'{one}s'}"


def _states(visit: str, found: Departing) -> Iterator[Item]:
    """Where the visit and its rows stand."""
    yield _item(
        "It has ended in the HIS",
        "it is still open in the HIS",
        "discharge the patient there first; the mapping of the visits says by `ended` which have ended",
        against=not found.has_ended,
    )
    yield _item(
        "It is registered",
        "it is not registered at the platform",
        f"`connector visit step {visit}` registers it",
        against=not found.is_registered,
    )
    yield _item(
        "It has not left yet",
        found.left_on,
        "leaving is done once; what comes later goes by `connector visit document`",
        against=bool(found.left_on),
    )
    for name, state, words, advice in (
        (
            "Nothing waits to be sent",
            "staged",
            "waiting to be sent",
            f"`connector visit step {visit}` sends them",
        ),
        (
            "Nothing is in doubt",
            "doubt",
            "in doubt",
            f"`connector visit step {visit}` settles them by the platform's totals",
        ),
        (
            "Nothing is in quarantine",
            "quarantined",
            "in quarantine",
            f"`connector quarantine list --visit {visit}` says why",
        ),
    ):
        rows = found.rows.get(state, 0)
        yield _item(name, f"{words}: {_count(rows, 'row')}", advice, against=bool(rows))
    yield _item(
        "No person has to look at it",
        f"it is held: {found.held_for}",
        f"`connector resolve {visit}` shows what may be decided",
        against=bool(found.held_for),
    )
    yield _item(
        "Its registration is as it was sent",
        "its registration changed in the HIS after it was sent",
        "the platform has the old one",
        against=found.is_registration_changed,
        mark=Mark.WARNING,
    )


def _sums(visit: str, found: Departing) -> Iterator[Item]:
    """HIS = ledger = platform, and row by row what was sent is what the HIS has."""
    compared = found.comparison
    changed = sum(compared.kept_back[why].rows for why in (CHANGED, DELETED) if why in compared.kept_back)
    yield _item(
        "What was sent is what the HIS has",
        f"changed or deleted in the HIS after it was sent: {_count(changed, 'row')}",
        "correct them (`connector changes`), or put the HIS right",
        against=bool(changed),
    )
    platform = "does not list it" if compared.platform is None else f"{yuan(compared.platform):.2f}"
    sums = f"HIS {yuan(compared.his):.2f}, ledger {yuan(compared.ledger):.2f}, platform {compared.unread or platform}"
    if compared.others:
        sums = f"{sums}; {yuan(compared.others):.2f} of it are other fees"
    own = compared.ledger - compared.others
    is_equal = compared.agrees and compared.platform is not None and compared.his == own
    yield Item(
        "HIS, ledger and platform hold the same sum",
        Mark.FINE if is_equal else Mark.STANDS_AGAINST,
        sums,
        "" if is_equal else f"`connector reconcile {visit}` names the rows",
    )
    yield _item(
        "There are fees",
        "no fee of it is at the platform",
        "a visit without fees cannot leave (110020): cancel its registration (4.9), or charge what is missing",
        against=not compared.ledger and not any(one.accepted for one in compared.categories),
    )


def _fees(found: Departing) -> Iterator[Item]:
    """对照 and days of the fees."""
    then = [f"{_count(one.rows, 'row')} {one.status}" for one in found.stale if not one.today]
    yield _item(
        "Its 对照 is complete and current",
        f"charges that were sent have no usable catalogue row on their day: {', '.join(then)}",
        "the platform refuses the discharge (110022, 350013): mend the 对照, and send these rows anew",
        against=bool(then),
    )
    now = [f"{_count(one.rows, 'row')} {one.status}" for one in found.stale if one.today]
    yield _item(
        "Its items are in today's catalogue",
        f"items that were valid on their day are not in today's catalogue: {', '.join(now)}",
        "the platform may refuse the discharge (110022, 350013)",
        against=bool(now),
        mark=Mark.WARNING,
    )
    days = ", ".join(dict.fromkeys(found.late[:_MOST]))
    yield _item(
        "No fee is dated after the discharge",
        f"dated after the discharge on {found.discharged}: {_count(len(found.late), 'fee')} ({days})",
        "correct their day in the HIS, or the day of discharge, or take them back (110016)",
        against=bool(found.late),
    )


def _papers(found: Departing, papers: Papers) -> Iterator[Item]:
    """The discharge and the medical record."""
    wrong = [str(one) for one in papers.rejections]
    more = f"; and {len(wrong) - _MOST} more" if len(wrong) > _MOST else ""
    yield _item(
        "What it leaves with keeps the rules",
        f"{'; '.join(wrong[:_MOST])}{more}",
        f"mend it in the HIS or in its mapping; `connector preview {found.leave_mapping}` shows rows",
        against=bool(wrong),
    )
    yield _item(
        "The day of discharge has come",
        f"the discharge is on {found.discharged}, and today is {found.today}",
        "it can leave on that day",
        against=bool(found.discharged) and found.discharged > found.today,
    )
    nodes = [node for node in papers.operation.request.nodes if node.many and "invoice" not in node.roles]
    lacking = {
        is_needed: [
            f"{node.zh} ({node.name})"
            for node in nodes
            if bool(node.note) is is_needed and not papers.nodes.get(node.name)
        ]
        for is_needed in (True, False)
    }
    yield _item(
        "The medical record is there",
        f"an inpatient's record needs {', '.join(lacking[True])}",
        "write it in the HIS, or name a mapping for it under `documents:` of the pipeline",
        against=found.is_inpatient and bool(lacking[True]),
    )
    yield _item(
        "Reports are there, where the HIS has such",
        f"nothing goes as {', '.join(lacking[False])}",
        "",
        against=bool(lacking[False]),
        mark=Mark.WARNING,
    )
    cut = sum(papers.shortened.values())
    yield _item(
        "Nothing was shortened",
        f"cut to the platform's length: {_count(cut, 'text')} ({', '.join(papers.shortened)})",
        "",
        against=bool(cut),
        mark=Mark.WARNING,
    )


def _invoices(found: Departing, papers: Papers) -> Iterator[Item]:
    """Invoices are for the full amount, and each is used once (traps T111, T126)."""
    later = "later they go by `connector visit document`, or on the platform's web page"
    if not papers.invoices and not found.documents:
        mark = Mark.STANDS_AGAINST if found.has_e_invoices else Mark.WARNING
        advice = "lifecycle.e_invoice says that the hospital issues them" if found.has_e_invoices else later
        yield Item("Its invoices are there", mark, "no invoice goes with it", advice)
        return
    total = sum(one.amount for one in papers.invoices) + found.documents
    yield _item(
        "Its invoices come to the total",
        f"invoices come to {yuan(total):.2f}, the fees to {yuan(found.comparison.ledger):.2f}",
        "invoices are for the full amount, with what the patient pays himself (110025, 350026)",
        against=abs(total - found.comparison.ledger) >= _FEN and bool(papers.invoices),
    )
    used = list(found.used.values())
    yield _item(
        "Its invoices were not sent before",
        "; ".join(used[:_MOST]),
        "a number is used once; where the platform refuses it, leave the file out",
        against=bool(used),
        mark=Mark.WARNING,
    )
