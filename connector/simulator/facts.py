"""What the platform knows before anybody sends anything: persons, their injuries, applications, reports, filings, cards.

A fact file is YAML: `version: 1`, `others: accept | refuse`, `outdated_items: [CODE, …]` and a list `persons`. A
person has the fields of 4.3 that are about people (aac001, aac002, aac003, …) and lists of `injuries` (4.3),
`applications` (4.4, 4.5), `reports` (4.6, 4.7), `filings` (4.21) and `cards` (4.19, 4.20, 4.28, 4.29). Fields have
the document's names in the answers; those of the person count for each of their records.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

from connector.contract.library import contract
from connector.contract.spec import Node
from connector.errors import ConfigurationError, Fault
from connector.simulator.plan import read_yaml

Record = Mapping[str, Any]

RECORDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "injuries": ("getInjuryByNameAndId",),
        "applications": ("getCure", "getCureBatch"),
        "reports": ("getReport", "getReportBatch"),
        "filings": ("getBSTdjyba",),
        "cards": ("sbkAuth", "dzSbkAuth", "parsingQrcode", "parsingSbk"),
    }
)
"""The lists of a person, and the interfaces that tell of them."""

_TEXT_LOADER: Any = getattr(yaml, "CBaseLoader", yaml.BaseLoader)
_KEYS = ("version", "others", "outdated_items", "persons")
_ENVELOPE = {"code", "msg", "resCode", "resMsg", "counts", "result", "errmsg", "sessionid"}


@dataclass(frozen=True, slots=True)
class Facts:
    """Every record, with its person's fields filled in.

    `others_accepted`: whoever is not among them is admitted all the same; otherwise only they are.
    """

    injuries: tuple[Record, ...] = field(default=(), repr=False)
    applications: tuple[Record, ...] = field(default=(), repr=False)
    reports: tuple[Record, ...] = field(default=(), repr=False)
    filings: tuple[Record, ...] = field(default=(), repr=False)
    cards: tuple[Record, ...] = field(default=(), repr=False)
    outdated_items: frozenset[str] = frozenset()
    others_accepted: bool = False


def read_facts(path: Path) -> Facts:
    """The facts of a file; ConfigurationError with everything that is wrong in it."""
    return make_facts(read_yaml(path, "fact file"), str(path))


@cache
def default_facts() -> Facts:
    """The facts of a simulator that is not given any; docs/simulator.md lists them."""
    text = (files("connector.simulator") / "facts.yaml").read_text(encoding="utf-8")
    return make_facts(yaml.load(text, Loader=_TEXT_LOADER), "facts.yaml")  # noqa: S506 - texts, lists, mappings only


def make_facts(content: Any, file: str = "") -> Facts:
    """Facts from what a file holds; ConfigurationError with everything that is wrong."""
    wrong: list[Fault] = []
    if not isinstance(content, Mapping) or not isinstance(content.get("persons", []), list):
        raise ConfigurationError(
            [Fault("a fact file is `version: 1` and `persons:` with a list of persons", file)]
        )
    wrong += [_unknown("key", str(key), _KEYS, file) for key in content if key not in _KEYS]
    if str(content.get("version", "1")) != "1":
        wrong.append(Fault("the only version of a fact file is 1", file))
    others = str(content.get("others", "refuse"))
    if others not in ("accept", "refuse"):
        wrong.append(Fault("others: say accept or refuse", file))
    items = content.get("outdated_items") or []
    if not isinstance(items, list):
        wrong.append(Fault("outdated_items: a list of item codes is meant", file))
        items = []
    lists: dict[str, list[Record]] = {name: [] for name in RECORDS}
    for number, person in enumerate(content.get("persons") or [], start=1):
        _add_person(person, f"person {number}", file, lists, wrong)
    if wrong:
        raise ConfigurationError(wrong)
    return Facts(
        **{name: tuple(records) for name, records in lists.items()},
        outdated_items=frozenset(str(item) for item in items),
        others_accepted=others == "accept",
    )


def known_fields(name: str) -> tuple[str, ...]:
    """The fields that a record of the list may have, as the document names them."""
    names: dict[str, None] = {}
    for method in RECORDS[name]:
        operation = contract().operation(method)
        for side in (operation.answer, operation.request) if name == "cards" else (operation.answer,):
            names |= dict.fromkeys(field.name for node in _nodes(side) for field in node.fields)
    return tuple(one for one in names if one not in _ENVELOPE)


def _nodes(node: Node) -> Sequence[Node]:
    return (node, *node.nodes)


def _add_person(
    person: Any, place: str, file: str, lists: dict[str, list[Record]], wrong: list[Fault]
) -> None:
    """Take up one person; what is wrong is added to `wrong`."""
    if not isinstance(person, Mapping):
        wrong.append(Fault(f"{place}: a person is a mapping of fields and lists", file))
        return
    own = {str(key): str(value) for key, value in person.items() if key not in RECORDS}
    wrong += [
        Fault(f"{place}: {name} is missing", file) for name in ("aac002", "aac003") if not own.get(name)
    ]
    known = known_fields("injuries")
    wrong += [_unknown(f"field of {place}", key, (*known, *RECORDS), file) for key in own if key not in known]
    for name in RECORDS:
        records = person.get(name) or []
        known = known_fields(name)
        if not isinstance(records, list) or not all(isinstance(record, Mapping) for record in records):
            wrong.append(Fault(f"{place}: {name} is a list of records", file))
            continue
        for number, record in enumerate(records, start=1):
            what = f"field of {place}, {name} {number}"
            wrong += [_unknown(what, str(key), known, file) for key in record if key not in known]
            lists[name].append(_complete(own, record))


def _complete(person: Mapping[str, str], record: Record) -> Record:
    """A record with the fields of its person where it does not say otherwise; a QR code may be a list of them."""
    told = {
        str(key): tuple(map(str, value)) if isinstance(value, list) else str(value)
        for key, value in record.items()
    }
    return MappingProxyType({**person, "aac147": person.get("aac002", ""), **told})


def _unknown(what: str, name: str, known: Sequence[str], file: str) -> Fault:
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    return Fault(
        f"unknown {what}: {name}",
        file,
        hint=f"did you mean {close[0]}?" if close else f"known: {', '.join(known)}",
    )
