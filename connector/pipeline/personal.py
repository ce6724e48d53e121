"""What names a person, in a mapping's columns and in its payloads: hidden unless it was asked for."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from connector.config.mapping import Mapping as RowMapping
from connector.contract.library import Contract
from connector.contract.spec import Field, Operation

_PERSONAL = (
    "姓名",
    "身份证",
    "社会保障",
    "社保卡",
    "电话",
    "住址",
    "地址",
    "个人编号",
    "签名",
    "医师",
    "医生",
    "主任",
    "助理",
    "护士",
    "编码员",
    "户口",
    "健康卡",
)
"""A field whose Chinese name contains one of these is a person's."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Columns of the HIS and fields of a payload that name a person."""

    columns: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()

    def hide_row(self, row: Mapping[str, object]) -> dict[str, object]:
        """A row of the HIS; whether there is a value stays visible."""
        return {name: _hide(value) if name in self.columns else value for name, value in row.items()}

    def hide_payload(self, payload: Mapping[str, object]) -> dict[str, object]:
        """A payload, with everything below."""
        return {
            name: self.hide_payload(value)
            if isinstance(value, Mapping)
            else (_hide(value) if name in self.fields else value)
            for name, value in payload.items()
        }


def is_personal(spec: Field) -> bool:
    """Whether a field names a person."""
    return any(word in spec.zh for word in _PERSONAL)


def mask_of(mapping: RowMapping, contract: Contract) -> Mask:
    """The fields of a mapping that name a person, and the columns they are made of."""
    paths = {
        path: child.name
        for path, child in contract.node(mapping.fills).walk()
        if isinstance(child, Field) and is_personal(child)
    }
    columns = (column for path in paths if path in mapping.fields for column in mapping.fields[path].needs)
    return Mask(frozenset(columns), frozenset(paths.values()))


@dataclass(frozen=True, slots=True)
class CallMask:
    """What of a call may be shown: what stands under names that the document has and that name no person."""

    harmless: frozenset[str]

    def hide(self, value: object, name: str = "") -> object:
        """A request or an answer, with everything below."""
        if isinstance(value, Mapping):
            return {inner: self.hide(part, inner) for inner, part in value.items()}
        if isinstance(value, list):
            return [self.hide(part, name) for part in value]
        return value if name in self.harmless else _hide(value)

    def hidden(self, value: object, name: str = "") -> Iterator[str]:
        """The texts in it that are hidden; a text elsewhere (the platform's message) may quote them."""
        if isinstance(value, Mapping):
            for inner, part in value.items():
                yield from self.hidden(part, inner)
        elif isinstance(value, list):
            for part in value:
                yield from self.hidden(part, name)
        elif name not in self.harmless and isinstance(value, (str, int)):
            yield str(value)


def mask_of_call(operation: Operation, *more: str) -> CallMask:
    """What may be shown of an interface's request and answer; `more` names are harmless too."""
    fields = [
        child
        for side in (operation.request, operation.answer)
        for _, child in side.walk()
        if isinstance(child, Field)
    ]
    personal = {one.name for one in fields if is_personal(one)}
    return CallMask(frozenset({one.name for one in fields} - personal).union(more))


def _hide(value: object) -> object:
    """A value as it may be shown: nothing where there is nothing, else three stars."""
    return value if value is None or value == "" else "***"
