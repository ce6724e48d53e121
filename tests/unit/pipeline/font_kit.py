"""A font of squares, made on the spot, so that tests need none of this machine's."""

from pathlib import Path

from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen

_HAS = [*range(0x20, 0x7F), 0xB7, *range(0x3000, 0x3020), 0x201C, 0x201D, *range(0xFF00, 0xFF5F)]
_HAS += [ord(bytes((high, low)).decode("gb2312")) for high in range(0xB0, 0xD7) for low in range(0xA1, 0xFF)]
_HAS += [ord(bytes((0xD7, low)).decode("gb2312")) for low in range(0xA1, 0xFA)]  # the last row is not full


def build_font(file: Path, *, but: str = "", only: str = "", name: str = "Squares") -> Path:
    """A font of ASCII and the 3,700 usual Chinese characters, without those of `but`; or of `only` some."""
    pen = TTGlyphPen(None)
    for start, end in (((50, 0), (50, 700)), ((450, 700), (450, 0))):
        (pen.moveTo if start == (50, 0) else pen.lineTo)(start)
        pen.lineTo(end)
    pen.closePath()
    box = pen.glyph()
    codes = [ord(one) for one in only] or [code for code in _HAS if chr(code) not in but]
    glyphs = [".notdef", *(f"u{code:05X}" for code in codes)]
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder(glyphs)
    builder.setupCharacterMap({code: f"u{code:05X}" for code in codes})
    builder.setupGlyf(dict.fromkeys(glyphs, box))
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (500, 50)))
    builder.setupHorizontalHeader(ascent=800, descent=-200)
    builder.setupNameTable({"familyName": name, "styleName": "Regular"})
    builder.setupOS2(sTypoAscender=800, sTypoDescender=-200)
    builder.setupPost()
    builder.save(file)
    return file
