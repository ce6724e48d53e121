"""Where the contract's data and the platform's document disagree."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from connector.contract.library import Contract
from connector.contract.spec import CodeTable, ErrorGroup, Field, Node, Operation
from connector.contract.verify_document import Document, Group, Interface, Printed, Side
from connector.contract.verify_remark import Remark, read_remark

_CODE_LAST = "AAA027"  #: the table whose last column is the code (trap T60)


@dataclass(frozen=True, slots=True)
class Disagreement:
    """One thing on which data and document disagree.

    `place`: `register.request.kc21.alk023`, `codes.AKA063`, `errors.出院`, `regions`; `aspect`: `length`, `zh`, …
    """

    place: str
    aspect: str
    data: str
    document: str

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.place} {self.aspect}: the data say {self.data}, the document says {self.document}"


def compare(contract: Contract, document: Document) -> Iterator[Disagreement]:
    """Every disagreement, in the order of the document."""
    printed = {interface.method: interface for interface in document.interfaces}
    yield from _compare_names("interfaces", list(contract.operations), list(printed))
    for method, interface in printed.items():
        if method in contract.operations:
            yield from compare_interface(contract.operations[method], interface)
    yield from _compare_codes(contract.codes, document.codes)
    yield from _compare_groups(contract.error_groups, document.groups)
    regions = {code: region.zh for code, region in contract.regions.items()}
    yield from _compare_texts("regions", regions, dict(document.regions))


def compare_interface(operation: Operation, interface: Interface) -> Iterator[Disagreement]:
    """Every disagreement about one interface of chapter 4."""
    for aspect, data, said in (
        ("section", operation.section, interface.section),
        ("zh", operation.zh, interface.title),
        ("path", operation.path, interface.path),
    ):
        if data != said:
            yield Disagreement(operation.method, aspect, data, said)
    for node, side in ((operation.request, interface.request), (operation.answer, interface.answer)):
        yield from _compare_side(f"{operation.method}.{node.name}", node, side)


def _compare_side(place: str, node: Node, side: Side) -> Iterator[Disagreement]:
    fields = {path: child for path, child in node.walk() if isinstance(child, Field)}
    yield from _compare_names(place, list(fields), [printed.path for printed in side.fields])
    containers = _find_containers(node)
    for path in sorted(containers.keys() | side.containers.keys()):
        data, said = containers.get(path, "nothing"), side.containers.get(path, "nothing")
        if data != said:
            yield Disagreement(f"{place}.{path}", "container", data, said)
    for printed in side.fields:
        if printed.path in fields:
            yield from _compare_field(f"{place}.{printed.path}", fields[printed.path], printed)
    for remark in side.spare:
        yield Disagreement(place, "remark", "nothing", f"“{remark}”, which belongs to no field")


def _find_containers(node: Node) -> dict[str, str]:
    """Path → list or object, wrappers included."""
    found: dict[str, str] = {}
    for path, child in node.walk():
        if isinstance(child, Node):
            found[path] = "list" if child.many else "object"
            if child.wrapper:
                found[path.removesuffix(f".{child.name}")] = "object"
    return found


def _compare_names(place: str, data: Sequence[str], said: Sequence[str]) -> Iterator[Disagreement]:
    """What is on one side only; else the order."""
    for name in data:
        if name not in said:
            yield Disagreement(place, "names", name, "nothing of that name")
    for name in said:
        if name not in data:
            yield Disagreement(place, "names", "nothing of that name", name)
    if sorted(data) == sorted(said) and list(data) != list(said):
        yield Disagreement(place, "order", ", ".join(data), ", ".join(said))


def _compare_field(place: str, field: Field, printed: Printed) -> Iterator[Disagreement]:
    if not printed.remark:
        yield Disagreement(place, "remark", field.zh, "nothing beside the sample")
        return
    remark = read_remark(printed.remark, printed.sample)
    if remark.name and remark.name != field.zh:
        yield Disagreement(place, "zh", field.zh, remark.name)
    for aspect, data, said in (
        ("length", field.length, remark.length),
        ("precision", (field.precision, field.scale), (remark.precision, remark.scale)),
        ("format", field.format, remark.format),
    ):
        if data != said:
            yield Disagreement(place, aspect, str(data), str(said))
    yield from _compare_required(place, field, remark)
    if (remark.codes == "?" and not field.codes) or remark.codes not in ("", "?", field.codes):
        yield Disagreement(place, "codes", str(field.codes), remark.codes)


def _compare_required(place: str, field: Field, remark: Remark) -> Iterator[Disagreement]:
    data = "required" if field.required else "required when" if field.required_when else "optional"
    said = "required" if remark.star else "required in words" if remark.demanded else "optional"
    agreeing = {
        ("required", "required"),
        ("required", "required in words"),
        ("required when", "required in words"),
        ("optional", "optional"),
    }
    if (data, said) not in agreeing:
        yield Disagreement(place, "required", data, said)


def _compare_codes(
    tables: Mapping[str, CodeTable], rows: Sequence[tuple[str, str, str, str]]
) -> Iterator[Disagreement]:
    said: dict[str, dict[str, str]] = {}
    meanings: dict[str, str] = {}
    for table, meaning, third, fourth in rows:
        code, text = (fourth, third) if table == _CODE_LAST else (third, fourth)
        said.setdefault(table, {})[code] = text
        meanings[table] = meaning
    yield from _compare_names("codes", list(tables), list(said))
    for name in [name for name in said if name in tables]:
        if tables[name].zh != meanings[name]:
            yield Disagreement(f"codes.{name}", "zh", tables[name].zh, meanings[name])
        yield from _compare_texts(f"codes.{name}", tables[name].entries, said[name])


def _compare_groups(data: Sequence[ErrorGroup], said: Sequence[Group]) -> Iterator[Disagreement]:
    """Groups by title (trap T6), their entries as a sequence: a code may stand twice (trap T33)."""
    yield from _compare_names("errors", [group.title for group in data], [group.title for group in said])
    by_title = {group.title: group for group in data}
    for group in said:
        own = by_title.get(group.title)
        if own is None:
            continue
        if own.number != group.number:
            yield Disagreement(f"errors.{group.title}", "number", str(own.number), str(group.number))
        entries = [f"{entry.code} {entry.text}" for entry in own.entries]
        yield from _compare_names(
            f"errors.{group.title}", entries, [" ".join(entry) for entry in group.entries]
        )


def _compare_texts(place: str, data: Mapping[str, str], said: Mapping[str, str]) -> Iterator[Disagreement]:
    yield from _compare_names(place, list(data), list(said))
    for code in [code for code in said if code in data]:
        if data[code] != said[code]:
            yield Disagreement(f"{place}.{code}", "text", data[code], said[code])
