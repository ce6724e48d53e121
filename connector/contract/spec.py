"""The shape of the contract: operations, nodes, fields, code tables, error groups, regions.

Everything here is a fact of the platform's document (or a decision of ours where it misleads, with the trap
that it answers). What we do about an answer is `connector.load`'s business.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict
from pydantic import Field as Slot


class _Fact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Type(StrEnum):
    """What a field holds."""

    TEXT = "text"
    DECIMAL = "decimal"  #: plain decimal text; `precision` digits in all, `scale` of them decimals
    INTEGER = "integer"
    DATE = "date"  #: as `format` says
    DATETIME = "datetime"  #: as `format` says
    CODE = "code"  #: a value of the table `codes`
    BASE64 = "base64"  #: a file, URL-safe alphabet with padding (T10)
    LIST = "list"  #: texts separated by `,` (T89)


class Condition(_Fact):
    """True when the field `path` (same node, or from the request's root with a leading `/`) fits.

    Exactly one of the tests is given. `negative: false` is a number from zero on; what is no number is neither.
    """

    path: str
    one_of: tuple[str, ...] | None = None
    not_one_of: tuple[str, ...] | None = None
    empty: bool | None = None
    negative: bool | None = None


class Fit(_Fact):
    """A record of an answer fits only if `needs` holds for it, where all of `when` hold (of the request it is for)."""

    needs: Condition
    when: tuple[Condition, ...] = ()


class Field(_Fact):
    """One field of a request or an answer.

    `values`: the only values, where words name them and no table does (T64). A `forbidden_when` that names the
    field itself forbids those values of it. `twin`: the name of the field with the same meaning in the twin of
    its node, `twin_codes`: how a code reads there.
    """

    kind: Literal["field"] = "field"
    name: str
    zh: str
    type: Type = Type.TEXT
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    format: str | None = None
    codes: str | None = None
    values: tuple[str, ...] = ()
    required: bool = False
    required_when: tuple[Condition, ...] = ()
    forbidden_when: tuple[Condition, ...] = ()
    const_when: tuple[tuple[str, tuple[Condition, ...]], ...] = ()
    nonzero: bool = False
    positive: bool = False
    send_empty: bool = True
    descriptive: bool = False
    errors: Mapping[str, str] = Slot(default_factory=dict)
    twin: str | None = None
    twin_codes: Mapping[str, str] = Slot(default_factory=dict)
    note: str = ""
    traps: tuple[str, ...] = ()


class Node(_Fact):
    """An object, or a list of objects, inside a request or an answer.

    `wrapper`: the list stands inside an object (`"meds": {"med": [ … ]}` is the node `meds.med`).
    `roles`: which field plays which part (`amount`, `price`, `quantity`, `item`, …), so that no Python
    spells a field name. `ranges`: pairs of fields that limit a query to days, the first and the last.
    `fits`: what makes a record of an answer the one that a request may name. `twin`: the node of the other family, as
    `Contract.node` takes it. `errors`: the platform's codes for rules about the node as a whole (`required`).
    """

    kind: Literal["node"] = "node"
    name: str
    zh: str = ""
    many: bool = False
    wrapper: str | None = None
    required: bool = False
    required_when: tuple[Condition, ...] = ()
    children: tuple[Annotated["Field | Node", Slot(discriminator="kind")], ...] = ()
    roles: Mapping[str, str] = Slot(default_factory=dict)
    ranges: Mapping[str, tuple[str, str]] = Slot(default_factory=dict)
    fits: tuple[Fit, ...] = ()
    errors: Mapping[str, str] = Slot(default_factory=dict)
    twin: str | None = None
    note: str = ""
    traps: tuple[str, ...] = ()

    @property
    def fields(self) -> tuple[Field, ...]:
        """The fields directly in this node, in the document's order."""
        return tuple(child for child in self.children if isinstance(child, Field))

    @property
    def nodes(self) -> tuple["Node", ...]:
        """The nodes directly in this node, in the document's order."""
        return tuple(child for child in self.children if isinstance(child, Node))

    def field(self, name: str) -> Field | None:
        """The field of that name directly in this node."""
        return next((child for child in self.fields if child.name == name), None)

    def walk(self, path: str = "") -> Iterator[tuple[str, "Field | Node"]]:
        """Every field and node below, with its path (`meds.med.alc407`), depth first."""
        for child in self.children:
            steps = [path, child.wrapper, child.name] if isinstance(child, Node) else [path, child.name]
            place = ".".join(step for step in steps if step)
            yield place, child
            if isinstance(child, Node):
                yield from child.walk(place)


class Effect(StrEnum):
    """What a call does on the platform."""

    SESSION = "session"
    READ = "read"
    ADD = "add"  #: adds or overwrites
    UNDO = "undo"  #: removes something: `removes` says what
    APPROVE = "approve"


class Lookup(StrEnum):
    """What the platform is asked for before a visit is registered."""

    INJURY = "injury"
    APPLICATION = "application"  #: for the treatment of an old injury
    REPORT = "report"  #: of the accident, for a new injury
    FILING = "filing"  #: for treatment in another province


class Operation(_Fact):
    """One interface of chapter 4. `lookup`: what its answer tells; the first of several is asked first."""

    method: str  #: the last part of its address without .html (4.18 has no method name, trap T6)
    section: str  #: "4.10"
    zh: str
    purpose: str  #: an English verb phrase, unique: "approve fees" is 4.12 (traps T1, T2)
    path: str  #: below the base URL: "/public/sendHis/sendMedInfo.html"
    effect: Effect
    removes: str = ""
    key: Literal["date", "hospital", "none"] = "hospital"
    encoding: Literal["sealed", "multipart"] = "sealed"
    family: Literal["local", "cross_province", "both"] = "local"
    lookup: Lookup | None = None
    idempotent: bool = False  #: a repeated request has no further effect
    twin: str | None = None  #: the interface of the other family with the same purpose
    error_group: str | None = None  #: title of its group in 5.2
    success: Literal["code", "resCode"] = "code"  #: traps T24, T25
    request: Node
    answer: Node
    note: str = ""
    traps: tuple[str, ...] = ()


class CodeTable(_Fact):
    """One code table of 5.1; codes are text, leading zeros matter (T62)."""

    name: str
    zh: str
    entries: Mapping[str, str]
    note: str = ""
    traps: tuple[str, ...] = ()


class ErrorEntry(_Fact):
    """One error of 5.2, and our words for it where the document's mislead."""

    code: str
    text: str
    ours: str = ""
    traps: tuple[str, ...] = ()


class ErrorGroup(_Fact):
    """One group of 5.2. The title is the key: two groups share the number (29), trap T6."""

    number: int | None
    title: str
    operations: tuple[str, ...] = ()
    entries: tuple[ErrorEntry, ...]


class Region(_Fact):
    """One administrative region of 5.3."""

    code: str
    zh: str
