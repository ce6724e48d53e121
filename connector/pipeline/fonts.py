"""Fonts that the PDF of a sheet is drawn with: those of connector.yaml, else the usual ones of this machine.

A font is embedded, cut down to what is drawn, so a sheet looks the same on every computer. Where the first font has no
sign for a character (a rare name), the next one that has it draws it; where none has, the sheet says so.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from connector.errors import ConfigurationError

USUAL = (
    "C:/Windows/Fonts/simsun.ttc",
    "C:/Windows/Fonts/simsunb.ttf",  # the rare ones of SimSun
    "C:/Windows/Fonts/msyh.ttc",
    "C:/Windows/Fonts/simhei.ttf",
    "/usr/share/fonts/opentype/noto/NotoSerifCJK-Regular.ttc",
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/google-noto-cjk/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc",
    "/usr/share/fonts/truetype/arphic/uming.ttc",
    "/System/Library/Fonts/Supplemental/Songti.ttc",
    "/System/Library/Fonts/STHeiti Medium.ttc",
)
"""Where Windows, Linux and macOS keep Chinese fonts."""

_SIMPLIFIED = frozenset({"SC", "CN"})
"""How the face of simplified Chinese is called in a file of several."""

_SAMPLE = "工伤保险医疗费结算单"
"""A font without these is no Chinese font."""

STAND_IN = ("〓", "□", "?")
"""What is drawn for a character that no font has (〓 is the printer's own mark for it): the first that a font has."""


@dataclass(frozen=True, slots=True)
class FontFile:
    """A font: its file, the face in it, and the characters (code points) it has."""

    file: Path
    face: int
    has: Collection[int]


@dataclass(frozen=True, slots=True)
class Choice:
    """The fonts to draw with, the first mostly; `missing` characters that none has, and what stands in for them."""

    fonts: tuple[FontFile, ...]
    missing: tuple[str, ...]
    stand_in: str

    def replace(self, text: str) -> str:
        """A text as it can be drawn."""
        lacking = set(self.missing)
        return "".join(self.stand_in if one in lacking else one for one in text)


def choose_fonts(texts: Iterable[str], wanted: Sequence[Path] = (), usual: Sequence[str] = USUAL) -> Choice:
    """The fonts that `texts` need: those that are `wanted` first, then the `usual` ones that are there.

    Raises ConfigurationError where a wanted one cannot be read, or there is no Chinese font at all.
    """
    needed = {one for text in texts for one in text if not one.isspace()}
    fonts: list[FontFile] = []
    for file in (*wanted, *(Path(one) for one in usual)):
        lacking = {one for one in needed if not any(ord(one) in font.has for font in fonts)}
        if fonts and not lacking:
            break
        if file not in wanted and not file.is_file():
            continue
        font = read_font(file)
        is_chinese = all(ord(one) in font.has for one in _SAMPLE)
        if (not fonts and is_chinese) or any(ord(one) in font.has for one in lacking if fonts):
            fonts.append(font)
        elif not fonts and file in wanted:
            raise ConfigurationError(
                f"{file} (settlement.fonts) has no Chinese characters; name a Chinese font first."
            )
    if not fonts:
        raise ConfigurationError(
            "No Chinese font is found to draw the PDF with. Name one in connector.yaml (settlement: {fonts: [FILE]}), "
            "or install one (Debian: fonts-noto-cjk or fonts-wqy-microhei). The page of --html needs none: a browser "
            "prints it."
        )
    has = {one for one in needed if any(ord(one) in font.has for font in fonts)}
    stand_in = next((one for one in STAND_IN if ord(one) in fonts[0].has), "?")
    return Choice(tuple(fonts), tuple(sorted(needed - has)), stand_in)


def must_have_font(wanted: Sequence[Path]) -> None:
    """Raise ConfigurationError where nothing could be drawn: before a sheet is fetched, which approves (trap T109)."""
    choose_fonts([_SAMPLE], wanted)


def read_font(file: Path) -> FontFile:
    """What a font file has; of several faces that of simplified Chinese. ConfigurationError where it is none."""
    from fontTools.ttLib import TTCollection, TTFont, TTLibError  # half a second that only a PDF needs

    try:
        content = file.read_bytes()
        if content[:4] != b"ttcf":
            return FontFile(file, 0, frozenset(TTFont(BytesIO(content), lazy=True).getBestCmap() or {}))
        faces = list(TTCollection(BytesIO(content), lazy=True))
        names = [set(str(face["name"].getDebugName(1)).split()) for face in faces]
        number = next((number for number, words in enumerate(names) if words & _SIMPLIFIED), 0)
        return FontFile(file, number, frozenset(faces[number].getBestCmap() or {}))
    except (OSError, TTLibError, KeyError, ValueError) as error:
        raise ConfigurationError(
            f"{file} cannot be read as a font ({type(error).__name__}). Name a .ttf, .otf or .ttc file in "
            "settlement.fonts."
        ) from None
