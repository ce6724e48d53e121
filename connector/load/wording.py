"""An answer in words: every field it holds, known or not, in its own order (traps T28, T32, T59).

An answer is shown as it came: a code beside its meaning, an unknown code or field as it is. Objects stand where
lists are expected, and the other way round.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from connector.contract.library import Contract
from connector.contract.spec import Field, Node, Operation

_SAID = frozenset({"code", "msg", "resCode", "resMsg"})
"""What the outcome says already."""

_DEEPEST = 30


@dataclass(frozen=True, slots=True)
class Line:
    """One field of an answer, or the head of an object or list (`value` is then "").

    `path` is its place in the answer, list members counted from 0; `depth` how far it is indented; `begins` whether
    it is the first of a list's member; `words` what its code means; `is_known` whether the document has it here.
    """

    path: str
    depth: int
    begins: bool
    name: str
    zh: str
    value: str = field(repr=False)
    words: str = field(repr=False)
    is_known: bool

    def __str__(self) -> str:
        """`  - aac004 性别: 2 (女)`; what no terminal can show is a blank."""
        indent = "  " * self.depth
        lead = f"{indent[:-2]}- " if self.begins and self.depth else indent
        label = " ".join(part for part in (self.name, self.zh) if part)
        value = "".join(one if one.isprintable() else " " for one in self.value)
        words = f" ({self.words})" if self.words else ""
        unknown = "" if self.is_known or not self.name else "  [not in the document]"
        return f"{lead}{label}{': ' if label else ''}{value}{words}{unknown}".rstrip()


def put_in_words(contract: Contract, operation: Operation, body: Mapping[str, object]) -> list[Line]:
    """The lines of an answer, without the code and the message."""
    rest = {name: value for name, value in body.items() if name not in _SAID}
    return list(_Speaker(contract).tell(rest, operation.answer, "", 0, begins=False))


def put_request_in_words(contract: Contract, operation: Operation, body: Mapping[str, object]) -> list[Line]:
    """The lines of a request."""
    return list(_Speaker(contract).tell(body, operation.request, "", 0, begins=False))


def words_of(contract: Contract, spec: Field, text: str) -> str:
    """What a code means; "" for one that no table has."""
    table = contract.codes.get(spec.codes or "")
    return table.entries.get(text.strip(), "") if table else ""


@dataclass(frozen=True, slots=True)
class _Speaker:
    """One walk through one answer."""

    contract: Contract

    def tell(
        self, row: Mapping[str, object], node: Node | None, path: str, depth: int, *, begins: bool
    ) -> Iterator[Line]:
        """An object's members; of `node` is None nothing is known."""
        for number, (name, value) in enumerate(row.items()):
            place = f"{path}.{name}" if path else name
            first = begins and not number
            spec = _find(node, name)
            if isinstance(value, (Mapping, list)) and depth < _DEEPEST:
                zh = spec.zh if spec else ""
                yield Line(place, depth, first, name, zh, "", "", spec is not None)
                yield from self._tell_inside(value, spec, name, place, depth + 1)
            else:
                yield self._field(spec, name, value, place, depth, begins=first)

    def _tell_inside(
        self, value: object, spec: Field | Node | None, name: str, path: str, depth: int
    ) -> Iterator[Line]:
        """What an object or a list holds."""
        node = spec if isinstance(spec, Node) else None
        if isinstance(value, Mapping):
            is_wrapper = node is not None and name == node.wrapper and node.name in value
            inner = _wrap(node) if is_wrapper and node else node
            yield from self.tell(value, inner, path, depth, begins=False)
            return
        for number, item in enumerate(value if isinstance(value, list) else []):
            place = f"{path}[{number}]"
            if isinstance(item, Mapping):
                yield from self.tell(item, node, place, depth, begins=True)
            elif isinstance(item, list) and depth < _DEEPEST:
                yield Line(place, depth, begins=True, name="", zh="", value="", words="", is_known=False)
                yield from self._tell_inside(item, None, "", place, depth + 1)
            else:
                yield Line(
                    place, depth, begins=True, name="", zh="", value=as_text(item), words="", is_known=False
                )

    def _field(
        self, spec: Field | Node | None, name: str, value: object, path: str, depth: int, *, begins: bool
    ) -> Line:
        text = as_text(value)
        zh = spec.zh if spec else ""
        words = words_of(self.contract, spec, text) if isinstance(spec, Field) else ""
        return Line(path, depth, begins, name, zh, text, words, spec is not None)


def _find(node: Node | None, name: str) -> Field | Node | None:
    """What the document says of a name in a node; a node is found by its own name, too, where its wrapper is missing."""
    if node is None:
        return None
    by_name = {child.name: child for child in node.children}
    by_wrapper = {child.wrapper: child for child in node.nodes if child.wrapper}
    return by_wrapper.get(name) or by_name.get(name)


def _wrap(node: Node) -> Node:
    """The object that a wrapped list stands in."""
    return Node(name=node.wrapper or "", zh=node.zh, children=(node.model_copy(update={"wrapper": None}),))


def as_text(value: object) -> str:
    """A single value as it came; nothing is rounded."""
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return f"{value:f}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
