"""Opening the files of a project as text: UTF-8, and a clear complaint where it is something else."""

from pathlib import Path

from connector.config.near import propose
from connector.config.page import Page, Spot

_MOST_BYTES = 32 * 1024 * 1024
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


def open_page(path: Path, *, keeps_secrets: bool = False) -> Page:
    """A file as a page; one that cannot be read is an empty page with its complaint.

    UTF-8, with or without a byte order mark. The page's `readable` tells which.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            return _broken(path, "The file is larger than 32 MB.")
        data = path.read_bytes()
    except FileNotFoundError:
        return _broken(path, "There is no such file.", propose(path.name, _siblings(path)))
    except OSError as error:
        return _broken(path, f"The file cannot be read: {error.strerror or type(error).__name__}.")
    return read_page(path, data, keeps_secrets=keeps_secrets)


def read_page(path: Path, data: bytes, *, keeps_secrets: bool = False) -> Page:
    """The bytes of a file, or of what stands for one, as a page; what is not UTF-8 is an empty page that complains."""
    try:
        return Page(str(path), data.decode("utf-8-sig"), keeps_secrets=keeps_secrets)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        start = data.rfind(b"\n", 0, error.start) + 1
        column = len(data[start : error.start].decode("utf-8", "replace")) + 1
        looks = "UTF-16" if data.startswith(_UTF16) else "GBK" if _is_gbk(data) else ""
        hint = f"It looks like {looks}. Save it as UTF-8." if looks else "Save it as UTF-8."
        return _broken(path, "The file is not UTF-8 text.", hint, Spot(line, column))


def _broken(path: Path, message: str, hint: str = "", spot: Spot | None = None) -> Page:
    """An empty page that only complains."""
    page = Page(str(path), "", readable=False)
    page.complain(spot or Spot(0, 0), message, hint)
    return page


def _siblings(path: Path) -> list[str]:
    """Names of the files of the same kind beside a file."""
    try:
        return sorted(one.name for one in path.parent.iterdir() if one.suffix == path.suffix)
    except OSError:
        return []


def _is_gbk(data: bytes) -> bool:
    """Whether the bytes are valid in the character set that Chinese Windows saves by default."""
    try:
        data.decode("gb18030")
    except UnicodeDecodeError:
        return False
    return True
