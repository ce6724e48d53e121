"""What a remark of the document says of its field: name, star, length, precision, date format, code table."""

import re
from dataclasses import dataclass

_SIZE = re.compile(r"[（(](\d+)(?:\s*[,，]\s*(\d+))?[）)]")
_TABLE = re.compile(r"(?:码值|码制|附件)\s*([A-Za-z]{3,}\d*)")
_SINCE = re.compile(r"^\d{4}[年-]\d+[月-](?:\d+日?)?(?:接口接口升级)?(?:新增|增加)[-，,\s]*")
_NAME_ENDS = re.compile(
    r"[（(]\d+(?:[,，]\d+)?[）)]"  # a length
    r"|[（(][^（()）]*[）)](?:(?=见)|(?![\u4e00-\u9fff]))"  # an explanation, but 住院（门诊）号 is a name
    r"|[（(](?=必须)|[,，。:：—-]|[yY]{4}|见代码表|见码值表|pdf|\s"
)
_DATES = (
    (re.compile(r"yyyy-mm-dd hh:mm:ss", re.IGNORECASE), "%Y-%m-%d %H:%M:%S"),
    (re.compile(r"yyyy-mm-dd|（date）", re.IGNORECASE), "%Y-%m-%d"),
    (re.compile(r"yyyymmdd", re.IGNORECASE), "%Y%m%d"),
)


@dataclass(frozen=True, slots=True)
class Remark:
    """The facts in a remark; None or "" where it is silent. `codes` is a table's name, "?" for "see table"."""

    name: str
    star: bool
    demanded: bool
    length: int | None
    precision: int | None
    scale: int | None
    format: str | None
    codes: str


def read_remark(text: str, sample: str = "") -> Remark:
    """Read the facts of one remark (`*总金额(his传)(30,4)`); a sample like `yyyy-mm-dd` shows the date format."""
    star = text.startswith("*")
    plain = text.removeprefix("*").strip()
    size = _SIZE.search(plain)
    both = bool(size and size[2])
    table = _TABLE.search(plain)
    return Remark(
        name=_read_name(plain),
        star=star,
        demanded="必填" in plain,
        length=int(size[1]) if size and not both else None,
        precision=int(size[1]) if size and both else None,
        scale=int(size[2]) if size and both else None,
        format=_read_format(plain) or _read_format(sample),
        codes=table[1].upper() if table else "?" if _mentions_a_table(plain) else "",
    )


def _read_name(plain: str) -> str:
    """The Chinese name at the beginning; "" when the remark names nothing (`0:成功 见代码表`, `sessionid`)."""
    named = _SINCE.sub("", plain)
    end = _NAME_ENDS.search(named)
    name = named[: end.start()] if end else named
    return name.strip() if re.search(r"[\u4e00-\u9fff]", name) else ""


def _read_format(text: str) -> str | None:
    return next((name for shape, name in _DATES if shape.search(text)), None)


def _mentions_a_table(plain: str) -> bool:
    return not plain.startswith("0:") and bool(re.search(r"见代码表|见码值|码值见代码附件", plain))
