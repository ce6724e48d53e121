"""The settlement sheet as a PDF: A4, fonts embedded, the state of the figures on every page."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Literal

from connector.pipeline.fonts import Choice, choose_fonts
from connector.pipeline.paper import Audit, Cell, Paper

_TITLE, _BANNER, _TEXT, _SMALL = 16, 13, 10, 8
"""Sizes in points."""

_LINE_MM = 6.0
_RED, _BLACK = (160, 0, 0), (0, 0, 0)
_GREY = 240
_GRID = (24, 36, 24, 46, 20, 32)
"""Widths of label, value, label, value, label, value: an identity number needs the widest."""

_ITEM_GRID = (10, 62, 20, 22, 24, 24, 28)
_FIGURES = (2, 3, 4, 5)
"""Columns of the items that are set to the right."""


def draw_pdf(paper: Paper, printed_at: datetime, fonts: Sequence[Path] = ()) -> tuple[bytes, tuple[str, ...]]:
    """The document, and the characters that no font has (each drawn as a mark, and named on the sheet).

    `printed_at` is an aware moment. Raises ConfigurationError where there is no Chinese font.
    """
    choice = choose_fonts([*paper.texts, _lacking(("",), "〓")], fonts)
    return _Drawing(paper, choice).draw(printed_at), choice.missing


def _lacking(missing: Sequence[str], stand_in: str) -> str:
    """What the sheet says of characters that could not be drawn."""
    codes = "、".join(f"U+{ord(one):04X}" for one in missing if one)
    return f"“{stand_in}”为字库所缺的字：{codes}"


class _Drawing:
    """One document under the pen."""

    def __init__(self, paper: Paper, choice: Choice) -> None:
        from fpdf import FPDF  # a second that only a PDF needs

        self._paper, self._choice = paper, choice
        drawing = self

        class Page(FPDF):
            """A page with the state of the figures at its foot."""

            def footer(self) -> None:
                """Draw the foot."""
                drawing.draw_foot()

        self._pdf = Page(format="A4")
        self._pdf.set_auto_page_break(auto=True, margin=18)
        names = []
        for number, font in enumerate(choice.fonts):
            names.append(f"font{number}")
            self._pdf.add_font(names[-1], "", font.file, collection_font_number=font.face)
        self._family = names[0]
        self._pdf.set_fallback_fonts(names[1:], exact_match=False)

    def draw(self, printed_at: datetime) -> bytes:
        """The whole document."""
        paper, pdf = self._paper, self._pdf
        pdf.set_title(paper.title)
        pdf.set_creation_date(printed_at)
        pdf.set_lang("zh-CN")
        pdf.add_page()
        self._say(paper.title, size=_TITLE, align="C")
        pdf.set_text_color(*(_BLACK if paper.audit is Audit.FINAL else _RED))
        self._say(paper.banner, size=_BANNER, align="C", border=1)
        pdf.set_text_color(*_BLACK)
        for note in paper.notes:
            self._say(note)
        if self._choice.missing:
            self._say(_lacking(self._choice.missing, self._choice.stand_in), size=_SMALL)
        self._say(f"{paper.number.label} {paper.number.text}", stays=True)
        self._say(paper.unit, align="R")
        for section in paper.sections:
            self._say(section.title)
            self._draw_cells(section.rows)
        self._say(paper.items_title)
        self._draw_items()
        pdf.ln(3)
        self._say(paper.footer)
        return bytes(pdf.output())

    def draw_foot(self) -> None:
        """State of the figures, number of the page."""
        pdf = self._pdf
        pdf.set_y(-14)
        self._say(f"{self._paper.banner}　　第{pdf.page_no()}页", size=_SMALL, align="C")

    def _say(
        self,
        text: str,
        *,
        size: int = _TEXT,
        align: str = "L",
        border: Literal[0, 1] = 0,
        stays: bool = False,
    ) -> None:
        """A line over the whole width, or its beginning where it `stays`."""
        self._pdf.set_font(self._family, size=size)
        height = _LINE_MM * size / _TEXT
        new_y = "TOP" if stays else "NEXT"
        self._pdf.multi_cell(
            0, height, self._fit(text), align=align, border=border, new_x="LMARGIN", new_y=new_y
        )

    def _draw_cells(self, rows: Sequence[Sequence[Cell]]) -> None:
        """A section's labels and values; the last value takes the rest of its row."""
        from fpdf.fonts import FontFace

        label = FontFace(fill_color=_GREY)
        self._pdf.set_font(self._family, size=_TEXT)
        with self._pdf.table(
            col_widths=_GRID, first_row_as_headings=False, line_height=_LINE_MM, text_align="LEFT"
        ) as table:
            for cells in rows:
                row = table.row()
                for number, cell in enumerate(cells, start=1):
                    last = number == len(cells)
                    row.cell(self._fit(cell.label), style=label)
                    row.cell(self._fit(cell.text), colspan=len(_GRID) - 2 * number + 1 if last else 1)
        self._pdf.ln(2)

    def _draw_items(self) -> None:
        """The items, the head of the table again on every page."""
        from fpdf.fonts import FontFace

        align = ["RIGHT" if number in _FIGURES else "LEFT" for number in range(len(_ITEM_GRID))]
        self._pdf.set_font(self._family, size=_TEXT)
        with self._pdf.table(
            col_widths=_ITEM_GRID,
            line_height=_LINE_MM,
            text_align=align,
            headings_style=FontFace(emphasis="", fill_color=_GREY),
        ) as table:
            for values in (self._paper.columns, *self._paper.items):
                row = table.row()
                for value in values:
                    row.cell(self._fit(value))

    def _fit(self, text: str) -> str:
        """A text as the fonts can draw it."""
        return self._choice.replace(" ".join(text.split(" ")).replace("\r", "").replace("\n", " "))
