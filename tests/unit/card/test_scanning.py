"""QR codes and scanners: what a code looks like, and how its bytes arrive."""

import os
import pty
import threading
import time
import tty
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connector.card.qr import read_code
from connector.card.scanner import LineAssembler, SerialScanner, first_scan
from connector.errors import CardError

CODE = "0123456789abcdefABCDEF"
OTHER = "ZYXWVUTSRQPONMLKJIHGFE"
PAUSE = threading.Event()


@pytest.mark.parametrize(
    "scanned",
    [
        CODE,
        CODE + "\r\n",
        f"\x02{CODE}\x03",
        f"]Q1{CODE}",
        f" {CODE}\t",
        "".join(chr(ord(c) + 0xFEE0) for c in CODE),
    ],
)
def test_a_code_is_found_in_what_scanners_send(scanned):
    assert read_code(scanned).take() == CODE


@pytest.mark.parametrize(
    ("scanned", "told"),
    [
        ("150102198001011234", "identity number"),
        ("15010219800101123x", "identity number"),
        (CODE + "G", "has 23 characters"),
        (CODE[:21], "has 21 characters"),
        ("1" * 28, "医保电子凭证"),
        ("", "Nothing was scanned"),
        ("\r\n", "Nothing was scanned"),
        ("巴特尔", "input method"),
        (CODE[:10] + " " + CODE[11:], "garbled"),
        (CODE[:10] + "\x07" + CODE[11:], "garbled"),
    ],
)
def test_anything_else_is_told_in_one_clear_message(scanned, told):
    with pytest.raises(CardError, match=told) as caught:
        read_code(scanned)
    assert "\n" not in str(caught.value)
    assert "othing was s" in str(caught.value)
    digits = scanned.strip()
    assert not digits or digits not in str(caught.value)


@given(st.lists(st.integers(1, 60)), st.sampled_from([b"\r", b"\n", b"\r\n", b"\t"]), st.booleans())
def test_chunks_of_any_size_give_the_same_texts(cuts, end, framed):
    frame = (b"\x02", b"\x03") if framed else (b"", b"")
    line = b"".join(frame[0] + code.encode() + frame[1] + end for code in (CODE, OTHER))
    assembler, found = LineAssembler(22), []
    for size in [*cuts, len(line)]:
        found += assembler.feed(line[:size], 1.0) if line[:size] else []
        line = line[size:]
    assert found == [CODE, OTHER]


def test_silence_ends_a_text_without_a_line_end():
    assembler = LineAssembler(22)
    assert list(assembler.feed(CODE.encode()[:10], 0.0)) == []
    assert list(assembler.feed(b"", 0.3)) == []  # half a code: the rest may come
    assert list(assembler.feed(CODE.encode()[10:], 0.35)) == []
    assert list(assembler.feed(b"", 0.4)) == []
    assert list(assembler.feed(b"", 0.46)) == [CODE]
    assert list(assembler.feed(b"1234", 9.0)) == []
    assert list(assembler.feed(b"", 9.5)) == ["1234"]


def test_a_repeat_is_dropped_for_three_seconds():
    assembler = LineAssembler(22)
    line = CODE.encode() + b"\r"
    heard = [list(assembler.feed(line, at)) for at in (0.0, 1.0, 3.5, 7.0)]
    assert heard == [[CODE], [], [], [CODE]]  # held before the scanner, it goes on being a repeat
    assert list(assembler.feed(OTHER.encode() + b"\r" + line, 7.5)) == [OTHER, CODE]


@given(st.binary(max_size=2000))
def test_any_noise_is_bounded(noise):
    assembler = LineAssembler(22)
    assert all(len(text) <= 256 for text in assembler.feed(noise, 0.0))
    assert len(assembler._buffer) <= 256
    assert "_buffer" not in repr(assembler)


class Line:
    """A pty: the scanner writes to one end, the port is the other."""

    def __init__(self):
        self.scanner, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.name = os.ttyname(self.slave)

    def send(self, *chunks: bytes, after: float = 0.15) -> None:
        def write():
            for chunk in chunks:
                PAUSE.wait(after)
                with suppress(OSError):
                    os.write(self.scanner, chunk)

        threading.Thread(target=write, daemon=True).start()

    def unplug(self) -> None:
        for end in (self.scanner, self.slave):
            with suppress(OSError):
                os.close(end)


@pytest.fixture
def line():
    made = Line()
    yield made
    made.unplug()


def scanner(port: str, **changes) -> SerialScanner:
    parts = {"now": time.monotonic, "sleep": PAUSE.wait, "notify": lambda _: None, **changes}
    return SerialScanner(port, 22, **parts)


@pytest.mark.parametrize(
    "chunks",
    [
        (CODE.encode() + b"\r\n",),
        (CODE.encode()[:7], CODE.encode()[7:], b"\r"),
        (b"\x02" + CODE.encode() + b"\x03\n",),
        (CODE.encode(),),
    ],
)
def test_a_scan_arrives_over_a_serial_port(line, chunks):
    line.send(*chunks)
    assert first_scan(scanner(line.name).scans(5.0)) == CODE


def test_what_was_scanned_before_is_thrown_away(line):
    os.write(line.scanner, OTHER.encode() + b"\r")
    line.send(CODE.encode() + b"\r", after=0.3)
    assert first_scan(scanner(line.name).scans(5.0)) == CODE


def test_two_scans_back_to_back_are_two(line):
    line.send(CODE.encode() + b"\r" + CODE.encode() + b"\r" + OTHER.encode() + b"\r")
    assert list(scanner(line.name).scans(0.6)) == [CODE, OTHER]


def test_no_scan_in_time_is_told(line):
    with pytest.raises(CardError, match="Nothing was scanned in time"):
        first_scan(scanner(line.name).scans(0.2))


def test_an_unplugged_scanner_is_told(line, tmp_path):
    told = []
    port = (
        tmp_path / "scanner"
    )  # a name of its own: the terminal's number goes to the next test that opens one
    port.symlink_to(line.name)

    def unplug() -> None:
        port.unlink()
        line.unplug()

    threading.Timer(0.2, unplug).start()
    with pytest.raises(CardError, match="unplugged"):
        first_scan(scanner(str(port), notify=told.append).scans(1.2))
    assert told == [f"The scanner on {port} was unplugged. Plug it in again."]


def test_a_scanner_plugged_in_again_goes_on(tmp_path):
    first, second = Line(), Line()
    port = tmp_path / "scanner"
    port.symlink_to(first.name)

    def replug(_seconds: float) -> None:
        port.unlink()
        port.symlink_to(second.name)
        second.send(CODE.encode() + b"\r", after=0.2)

    threading.Timer(0.2, first.unplug).start()
    try:
        assert first_scan(scanner(str(port), sleep=replug).scans(5.0)) == CODE
    finally:
        second.unplug()


def test_a_port_that_is_not_there_is_told():
    with pytest.raises(CardError, match="COM77 cannot be opened"):
        first_scan(scanner("COM77").scans(1.0))


def test_a_stop_ends_the_waiting(line):
    with pytest.raises(CardError, match="Nothing was scanned"):
        first_scan(scanner(line.name, is_stopping=lambda: True).scans(60.0))
