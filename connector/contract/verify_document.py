"""The platform's document, read from its text: what chapter 4 prints per interface, and the tables of chapter 5.

The text is that of a word processor: table cells start with a tab, bookmarks stand between the words, a JSON
sample is followed by remarks in the same order as its fields (traps T53 to T58 tell where that order lies).
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from connector.errors import ConfigurationError

_BOOKMARK = re.compile(r"\[(?:bookmark|image):[^\]]*\]")
_SECTION = re.compile(r"4\.(\d+)\s+(\S.*)")
_TOKEN = re.compile(r'"(?P<name>\w+)"\s*:\s*(?P<value>[{\[]|"[^"\n]*"?|[-\d.]+)|(?P<bracket>[{}\[\]])')
_GROUP = re.compile(r"\((\d+)\)\.(\S.*)")
_REGION = re.compile(r"(\d{6})\t(\S.*)")
_ABOUT_NODES = re.compile(
    r"节点一\s*(开始|结束)|\S*节点(开始|结束)|该节点可能为多条|可多条医嘱同时上传|此处为批量传，.*|参照《.*"
)


@dataclass(frozen=True, slots=True)
class Printed:
    """One field as the document prints it: its path and value in the sample, the remark beside it ("" = none)."""

    path: str
    remark: str
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Side:
    """A request or an answer. `containers`: path → "list" or "object"; `spare`: remarks left over."""

    fields: tuple[Printed, ...]
    containers: dict[str, str]
    spare: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Interface:
    """One section of chapter 4; `path` is the address below the base URL."""

    section: str
    title: str
    path: str
    request: Side
    answer: Side

    @property
    def method(self) -> str:
        """The last part of the address: one interface has no method name (trap T6)."""
        return self.path.rpartition("/")[2].removesuffix(".html")


@dataclass(frozen=True, slots=True)
class Group:
    """One group of 5.2; `entries` are (code, text), repeated codes included (trap T33)."""

    number: int
    title: str
    entries: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Document:
    """What is checked of the document. `codes` are rows of 5.1: (table, meaning, third column, fourth column)."""

    interfaces: tuple[Interface, ...]
    codes: tuple[tuple[str, str, str, str], ...]
    groups: tuple[Group, ...]
    regions: tuple[tuple[str, str], ...]


def read_document(text: str, *, remarks: Collection[tuple[str, str]] = ()) -> Document:
    """Read the document's text.

    `remarks` are (section, line): lines that belong to no field although they stand among the fields' remarks.
    Raises ConfigurationError when the text is not that document.
    """
    lines = [_BOOKMARK.sub("", line) for line in text.splitlines()]
    start = _find(lines, "第四章")
    chapter = _find(lines, "第五章", start)
    codes, errors = _find(lines, "5.1 代码对照", start), _find(lines, "5.2 错误信息", start)
    regions, end = _find(lines, "5.3 行政区划表", start), _find(lines, "5.4 医疗费结算单", start)
    return Document(
        interfaces=tuple(_read_interfaces(lines[start:chapter], remarks)),
        codes=tuple(_read_codes(lines[codes:errors])),
        groups=tuple(_read_groups(lines[errors:regions])),
        regions=tuple(
            (match[1], match[2].strip()) for line in lines[regions:end] if (match := _REGION.match(line))
        ),
    )


def _find(lines: Sequence[str], title: str, start: int = 0) -> int:
    """The line that begins with a title."""
    for number, line in enumerate(lines[start:], start):
        if line.strip().startswith(title):
            return number
    raise ConfigurationError(f"This is not the text of the platform's document: it has no line “{title}”.")


def _read_interfaces(lines: Sequence[str], remarks: Collection[tuple[str, str]]) -> Iterator[Interface]:
    starts: list[tuple[int, str, str]] = []
    for number, line in enumerate(lines):
        match = _SECTION.match(line)
        if match and int(match[1]) == len(starts) + 1:
            starts.append((number, f"4.{match[1]}", match[2].strip()))
    if not starts:
        raise ConfigurationError("This is not the text of the platform's document: it has no section “4.1”.")
    ends = [number for number, _, _ in starts[1:]] + [len(lines)]
    for (start, section, title), end in zip(starts, ends, strict=True):
        body = lines[start:end]
        skipped = {line for place, line in remarks if place == section}
        request, answer = _find(body, "REQUEST请求"), _find(body, "RESPONSE响应")
        address = re.search(r"接口地址：\s*\S*?/nm-his(/\S+)", "\n".join(body))
        yield Interface(
            section=section,
            title=title,
            path=address[1] if address else "",
            request=_read_side(body[request + 1 : answer], skipped),
            answer=_read_side(body[answer + 1 :], skipped),
        )


def _read_side(lines: Sequence[str], skipped: Collection[str]) -> Side:
    """A request or an answer: the head's second cell, the sample, a cell of remarks."""
    body = lines[_find(lines, "说明") + 1 :]
    if not any(line.startswith("\t{") for line in body):
        return _read_form(body)
    start = next(number for number, line in enumerate(body) if line.startswith("\t{"))
    cut = next(
        (number for number, line in enumerate(body) if number > start and line.startswith("\t")), len(body)
    )
    stop = next(
        (number for number, line in enumerate(body) if number > cut and re.match(r"\d+，", line)), len(body)
    )
    said = [line.strip() for line in body[cut:stop]]
    said = [line for line in said if line and line not in skipped and not _ABOUT_NODES.fullmatch(line)]
    values, containers = _read_sample("\n".join(body[start:cut]))
    fields = tuple(
        Printed(path, said[number] if number < len(said) else "", sample)
        for number, (path, sample) in enumerate(values)
    )
    return Side(fields, containers, tuple(said[len(fields) :]))


def _read_form(lines: Sequence[str]) -> Side:
    """The request of 4.18: rows of two cells, name and remark."""
    cells = [line.strip() for line in lines if line.strip()]
    return Side(
        tuple(Printed(name, remark) for name, remark in zip(cells[::2], cells[1::2], strict=False)), {}
    )


def _read_sample(sample: str) -> tuple[list[tuple[str, str]], dict[str, str]]:
    """The fields (path, value) and the containers of a JSON sample that need not be valid JSON (trap T58)."""
    fields: list[tuple[str, str]] = []
    containers: dict[str, str] = {}
    inside: list[str] = []
    for token in _TOKEN.finditer(sample):
        name, value = token["name"], token["value"] or token["bracket"]
        path = ".".join(step for step in [*inside, name] if step)
        if value in ("{", "["):
            inside.append(name or "")
            if name:
                containers[path] = "list" if value == "[" else "object"
        elif value in ("}", "]"):
            del inside[-1:]
        else:
            fields.append((path, value.strip('"')))
    return fields, containers


def _read_codes(lines: Sequence[str]) -> Iterator[tuple[str, str, str, str]]:
    cells = [line.strip() for line in lines if line.startswith("\t") and line.strip()]
    for row in range(4, len(cells) - 3, 4):
        table, meaning, third, fourth = cells[row : row + 4]
        yield table, meaning, third, fourth


def _read_groups(lines: Sequence[str]) -> Iterator[Group]:
    starts = [number for number, line in enumerate(lines) if _GROUP.match(line)]
    for start, end in zip(starts, [*starts[1:], len(lines)], strict=True):
        match = _GROUP.match(lines[start])
        cells = [line.strip() for line in lines[start + 1 : end] if line.startswith("\t") and line.strip()]
        rows = tuple(zip(cells[2::2], cells[3::2], strict=False))
        if match:
            yield Group(int(match[1]), match[2].strip(), rows)
