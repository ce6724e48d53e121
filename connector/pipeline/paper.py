"""The settlement sheet as the platform's form 5.4 has it: values in their places, before they become HTML or PDF.

Figures are printed as they came; none is made of others (trap T125). Whether they are final is the platform's audit
flag and nothing else: a sheet whose flag says nothing is provisional.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from connector.contract.library import Contract
from connector.contract.printed import Labelled, settlement_form
from connector.contract.spec import Field, Node, Operation
from connector.errors import PlatformError
from connector.load.wording import as_text, words_of
from connector.pipeline.messages import rows_of
from connector.pipeline.personal import is_personal

SHEET = "getJSSheet"
_AUDITED, _NOT_AUDITED = "1", "0"
"""AKC667; codes are compared, never their words (trap T67)."""


class Audit(StrEnum):
    """Whether the figures are final."""

    FINAL = "final"
    PROVISIONAL = "provisional"
    NOT_TOLD = "not told"


BANNERS = {
    Audit.FINAL: "终审：社保已审核，为最终实际报销金额",
    Audit.PROVISIONAL: "暂定：社保未审核，不是最终金额，以审核后的实际报销为准",
    Audit.NOT_TOLD: "暂定：未返回审核状态，不是最终金额，以审核后的实际报销为准",
}
"""What stands large on the paper."""

_STILL_IN = "尚未办理出院：无出院时间、出院诊断及伙食补贴"


@dataclass(frozen=True, slots=True)
class Cell:
    """A label of the form, and what stands behind it; `is_personal` where it names a person."""

    label: str
    text: str = field(repr=False)
    is_personal: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """A heading, and rows of one to three cells."""

    title: str
    rows: tuple[tuple[Cell, ...], ...]


@dataclass(frozen=True, slots=True)
class Paper:
    """One sheet, ready to be drawn. `notes` stand below the banner, `footer` at the end of each page."""

    title: str
    unit: str
    number: Cell
    audit: Audit
    banner: str
    notes: tuple[str, ...]
    sections: tuple[Section, ...]
    items_title: str
    columns: tuple[str, ...]
    items: tuple[tuple[str, ...], ...] = field(repr=False)
    footer: str

    @property
    def texts(self) -> list[str]:
        """Everything that is drawn."""
        cells = [cell for section in self.sections for row in section.rows for cell in row]
        return [
            *(self.title, self.unit, self.banner, *self.notes, self.items_title, *self.columns, self.footer),
            *(section.title for section in self.sections),
            *(text for cell in (self.number, *cells) for text in (cell.label, cell.text)),
            *(text for row in self.items for text in row),
        ]


@dataclass(frozen=True, slots=True)
class Stamp:
    """What stands on a sheet beside the platform's values: which version it is, when it came, when it was printed."""

    version: int
    fetched_on: str
    printed_on: str
    title: str = ""


def sheet_of(operation: Operation, body: Mapping[str, object]) -> Mapping[str, object]:
    """The sheet in an answer of 4.16; PlatformError where there is none."""
    found = rows_of(body, operation.answer.nodes[0])
    if not found:
        raise PlatformError(
            f"The answer of {operation.section} {operation.zh} holds no sheet. It is in the journal as it came; "
            "ask the platform."
        )
    return found[0]


def read_audit(operation: Operation, body: Mapping[str, object]) -> Audit:
    """Whether an answer's figures are final."""
    node = operation.answer.nodes[0]
    flag = _text(sheet_of(operation, body).get(node.roles["audit"]))
    return {_AUDITED: Audit.FINAL, _NOT_AUDITED: Audit.PROVISIONAL}.get(flag, Audit.NOT_TOLD)


def is_still_in(operation: Operation, body: Mapping[str, object]) -> bool:
    """Whether the sheet has no date of discharge: the platform gives one from the discharge on (trap T124)."""
    node = operation.answer.nodes[0]
    return not _text(sheet_of(operation, body).get(node.roles["discharged"]))


def write_paper(contract: Contract, body: Mapping[str, object], stamp: Stamp) -> Paper:
    """An answer of 4.16 in the places of 5.4; PlatformError where it holds no sheet."""
    operation, form = contract.operation(SHEET), settlement_form()
    node = operation.answer.nodes[0]
    items_node = node.nodes[0]
    sheet = sheet_of(operation, body)
    audit = read_audit(operation, body)
    notes = [_STILL_IN] if is_still_in(operation, body) else []
    ordinal = f"第{stamp.version}次取得" if stamp.version else "未存档"
    return Paper(
        title=stamp.title or form.title,
        unit=form.unit,
        number=_cells(contract, node, sheet, form.number)[0],
        audit=audit,
        banner=BANNERS[audit],
        notes=tuple(notes),
        sections=tuple(
            Section(part.title, tuple(tuple(_cells(contract, node, sheet, row)) for row in part.rows))
            for part in form.sections
        ),
        items_title=form.items.title,
        columns=("序号", *form.items.columns),
        items=tuple(
            (str(number), *(cell.text for cell in _cells(contract, items_node, item, form.items.columns)))
            for number, item in enumerate(rows_of(sheet, items_node), start=1)
            if any(map(_text, item.values()))  # the sample's empty list is one item of blanks
        ),
        footer=f"{ordinal}：{stamp.fetched_on}　打印日期：{stamp.printed_on}　经办人：",
    )


def _cells(contract: Contract, node: Node, row: Mapping[str, object], labels: Labelled) -> list[Cell]:
    """Labelled values; a code in words, one that no table has as it came."""
    return [_cell(contract, node.field(name), label, _text(row.get(name))) for label, name in labels.items()]


def _cell(contract: Contract, spec: Field | None, label: str, text: str) -> Cell:
    words = words_of(contract, spec, text) if spec else ""
    return Cell(label, words or text, is_personal=spec is not None and is_personal(spec))


def _text(value: object) -> str:
    """A single value as it came."""
    if value is None or isinstance(value, (Mapping, list)):
        return ""
    return as_text(value).strip()
