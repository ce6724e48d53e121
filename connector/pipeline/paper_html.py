"""The settlement sheet as one HTML page: nothing beside it is needed, and a browser prints it on A4.

One page of three tables needs no template language: every value goes through `html.escape`, and that is all of it.
"""

from collections.abc import Iterable
from html import escape

from connector.pipeline.paper import Audit, Cell, Paper

_COLUMNS = 6
"""Three labels and three values a row; the last value takes what is left."""

_STYLE = """
@page { size: A4; margin: 14mm }
body { font: 11pt SimSun, "Songti SC", "Noto Serif CJK SC", "Noto Sans CJK SC", serif; max-width: 190mm; margin: 1em auto }
h1 { font-size: 18pt; text-align: center; margin: .3em 0 }
.audit { font-size: 15pt; font-weight: bold; text-align: center; border: 2px solid; padding: .3em; margin: .4em 0 }
.provisional { color: #a00000 }
.note, .head { margin: .3em 0 }
.head { display: flex; justify-content: space-between }
table { border-collapse: collapse; width: 100%; margin-bottom: .8em }
th, td { border: 1px solid; padding: .25em .4em; text-align: left; vertical-align: top; overflow-wrap: anywhere }
th { font-weight: normal; background: #f0f0f0 }
caption, thead th { font-weight: bold; text-align: left; padding: .3em 0 }
thead th { padding: .25em .4em }
thead { display: table-header-group }
tr { break-inside: avoid }
td.figure { text-align: right; white-space: nowrap }
footer { white-space: pre-wrap }
"""


def draw_html(paper: Paper) -> str:
    """The whole page."""
    number = escape(f"{paper.number.label} {paper.number.text}")
    kind = "final" if paper.audit is Audit.FINAL else "provisional"
    parts = [
        "<!DOCTYPE html>",
        '<html lang="zh-CN"><head><meta charset="utf-8">',
        f"<title>{escape(paper.title)}</title><style>{_STYLE}</style></head><body>",
        f"<h1>{escape(paper.title)}</h1>",
        f'<p class="audit {kind}">{escape(paper.banner)}</p>',
        *(f'<p class="note">{escape(note)}</p>' for note in paper.notes),
        f'<p class="head"><span>{number}</span><span>{escape(paper.unit)}</span></p>',
    ]
    for section in paper.sections:
        rows = "\n".join(_row(row) for row in section.rows)
        parts.append(f"<table><caption>{escape(section.title)}</caption>\n{rows}\n</table>")
    head = "".join(f"<th>{escape(column)}</th>" for column in paper.columns)
    items = "\n".join(_item(row) for row in paper.items)
    parts.append(
        f"<table><caption>{escape(paper.items_title)}</caption>\n<thead><tr>{head}</tr></thead>\n"
        f"<tbody>{items}</tbody></table>"
    )
    parts.append(f"<footer>{escape(paper.footer)}</footer></body></html>\n")
    return "\n".join(parts)


def _row(cells: tuple[Cell, ...]) -> str:
    """Labels and values; the last value is as wide as the rest of the row."""
    parts = []
    for number, cell in enumerate(cells, start=1):
        span = 1 if number < len(cells) else _COLUMNS - 2 * len(cells) + 1
        wide = f' colspan="{span}"' if span > 1 else ""
        parts.append(f"<th>{escape(cell.label)}</th><td{wide}>{escape(cell.text)}</td>")
    return f"<tr>{''.join(parts)}</tr>"


def _item(values: Iterable[str]) -> str:
    """One item; what stands in columns of figures is set to the right."""
    parts = [
        f'<td class="figure">{escape(value)}</td>' if _is_figure(value) else f"<td>{escape(value)}</td>"
        for value in values
    ]
    return f"<tr>{''.join(parts)}</tr>"


def _is_figure(value: str) -> bool:
    return value.lstrip("-").replace(".", "", 1).isdecimal()
