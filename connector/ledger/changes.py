"""What staging does with a row whose key the ledger knows: a pure decision.

The first half of a fingerprint is a digest of the source, the second of the payload. So a change in the HIS can
be told from a change of the mapping, which never makes anything go a second time. Where the mapping reads other
columns by now, or by another SELECT, the first halves cannot be compared (their first bytes differ, `shape`): then
what the HIS shows now is what it is compared with from now on.
"""

from enum import Enum, auto

from connector.ledger.tables import Standing


class Kind(Enum):
    """What the transform made of a row."""

    GOOD = auto()
    REJECTED = auto()
    SET_ASIDE = auto()


class Action(Enum):
    """What becomes of the known record."""

    KEEP = auto()  #: nothing is written
    REPLACE = auto()  #: it is superseded, the row enters as a new version
    RENEW = auto()  #: it has no payload: its fingerprint and reasons are written anew
    REBASE = (
        auto()
    )  #: nothing but its digest of the source is written anew: the mapping reads it in another shape
    MARK = auto()  #: it is (or may be) on the platform: kept as it is, and shown as changed


_COUNT = {Kind.REJECTED: "quarantined", Kind.SET_ASIDE: "set_aside"}
_RESTING = (Standing.REJECTED, Standing.SET_ASIDE)


def decide(
    kind: Kind,
    standing: Standing,
    *,
    same_shape: bool,
    same_source: bool,
    same_payload: bool,
    same_visit: bool,
    same_reasons: bool,
) -> tuple[Action, str]:
    """The action, and the name of the count (`StageCounts`) that the row goes to.

    A row that came under another visit counts as changed in the source. `same_reasons` is asked only of rows
    without payload: whether kind, violations and reasons are those that are kept.
    """
    unchanged_source = (same_source or not same_shape) and same_visit
    keep = Action.KEEP if same_source else Action.REBASE
    if standing is Standing.BATCHED:
        if not unchanged_source:
            return Action.MARK, "changed_after_upload"
        return keep, "unchanged" if kind is Kind.GOOD and same_payload else "mapping_changed"
    if kind is not Kind.GOOD:
        rests = standing in _RESTING and same_visit
        is_same = rests and same_source and same_payload and same_reasons
        return _decide_resting(kind, rests=rests, is_same=is_same)
    if standing in (Standing.STAGED, Standing.REFUSED) and unchanged_source and same_payload:
        return keep, "unchanged"
    if standing is Standing.STAGED:
        return Action.REPLACE, "mapping_changed" if unchanged_source else "changed"
    return Action.REPLACE, "requeued"


def _decide_resting(kind: Kind, *, rests: bool, is_same: bool) -> tuple[Action, str]:
    """A row with nothing to send; `rests`: its record, too, has no payload and belongs to the same visit."""
    if is_same:
        return Action.KEEP, "unchanged"
    return Action.RENEW if rests else Action.REPLACE, _COUNT[kind]
