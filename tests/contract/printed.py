"""A document printed from the contract, in the shape of the platform's: what the verifier reads, without owning it."""

from collections.abc import Iterator

from connector.contract.library import Contract
from connector.contract.spec import Field, Node, Operation

_FORMATS = {"%Y-%m-%d": "yyyy-mm-dd", "%Y%m%d": "yyyymmdd", "%Y-%m-%d %H:%M:%S": "yyyy-mm-dd hh:mm:ss"}


def print_document(contract: Contract) -> str:
    lines = ["目录", "第四章\t接口说明"]
    for operation in contract.operations.values():
        lines += _interface(operation)
    lines += ["第五章 附件", "5.1 代码对照", *_cells("代码", "含义", "码值", "注释")]
    for table in contract.codes.values():
        for code, text in table.entries.items():
            last = (text, code) if table.name == "AAA027" else (code, text)
            lines += _cells(table.name, table.zh, *last)
    lines.append("5.2 错误信息")
    for group in contract.error_groups:
        lines += [f"({group.number}).{group.title}", *_cells("错误代码", "含义")]
        for entry in group.entries:
            lines += _cells(entry.code, entry.text)
    lines.append("5.3 行政区划表")
    lines += [f"{region.code}\t{region.zh}" for region in contract.regions.values()]
    lines.append("5.4 医疗费结算单")
    return "\n".join(lines) + "\n"


def _cells(*texts: str) -> list[str]:
    return [f"\t{text}" for text in texts]


def _interface(operation: Operation) -> Iterator[str]:
    yield f"[bookmark: _Toc1]{operation.section} {operation.zh}"
    yield f"1，接口地址：https://example.org/nm-his{operation.path}"
    for title, node in (("REQUEST请求", operation.request), ("RESPONSE响应", operation.answer)):
        yield from (f"\t{title}", "\t说明", "")
        fields = [child for _, child in node.walk() if isinstance(child, Field)]
        if operation.encoding == "multipart" and node is operation.request:
            for field in fields:
                yield from _cells(field.name, _remark(field))
            continue
        yield "\t" + "\n".join(_sample(node, ""))
        yield "\t"
        yield from map(_remark, fields)
        yield ""
    yield "9，说明"


def _sample(node: Node, indent: str) -> Iterator[str]:
    yield indent + "{"
    for child in node.children:
        if isinstance(child, Field):
            yield f'{indent}  "{child.name}": "",'
            continue
        if child.wrapper:
            yield f'{indent}  "{child.wrapper}": {{'
        inner = list(_sample(child, indent + "    "))
        yield f'{indent}  "{child.name}": ' + ("[" if child.many else "{")
        yield from inner if child.many else inner[1:-1]
        yield indent + ("]" if child.many else "}")
        if child.wrapper:
            yield indent + "}"
    yield indent + "}"


def _remark(field: Field) -> str:
    size = f"({field.length})" if field.length else ""
    if field.precision:
        size = f"({field.precision},{field.scale})"
    return "".join(
        (
            "*" if field.required else "",
            field.zh,
            size,
            _FORMATS[field.format] if field.format else "",
            f"，码值{field.codes}" if field.codes else "",
            "，必填" if field.required_when else "",
        )
    )
