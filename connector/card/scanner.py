"""Scanners: on a serial port, or typing like a keyboard.

A code is good for about a minute and for one use, so what lay in the port's buffer before is thrown away, and
a code that a scanner repeats while it is held before it counts once.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import closing
from dataclasses import dataclass, field
from typing import Any, Final

from connector.errors import CardError

REPEAT_S: Final = 3.0
"""The same code again within so many seconds is the same scan."""

_GAP_S: Final = 0.1
"""Silence after a text of the right length ends it, where the scanner sends no line end."""

_LONG_GAP_S: Final = 0.5
"""Silence after any other text."""

_MOST = 256
"""Characters that are kept of one line; a longer one is no code."""

_ENDS = b"\r\n\t"
_RETRY_S = 0.5


@dataclass(slots=True)
class LineAssembler:
    """Puts the chunks of a serial line together to texts.

    A text ends with CR, LF, CRLF or a tab, or with silence. `length` is that of a whole text. A text that is
    repeated within `REPEAT_S` is dropped.
    """

    length: int
    _buffer: bytearray = field(default_factory=bytearray, repr=False)
    _heard: float = 0.0
    _last: str = field(default="", repr=False)
    _last_at: float = 0.0

    def feed(self, chunk: bytes, now: float) -> Iterator[str]:
        """The texts that are complete after a chunk; an empty chunk tells that nothing came."""
        if not chunk:
            yield from self._after_silence(now)
            return
        self._heard = now
        for byte in chunk:
            if byte in _ENDS:
                yield from self._complete(now)
            elif len(self._buffer) < _MOST:
                self._buffer.append(byte)

    def _after_silence(self, now: float) -> Iterator[str]:
        """The text in the buffer, when it has been quiet for long enough."""
        text = self._buffer.strip(b"\x02\x03 ")
        gap = _GAP_S if len(text) == self.length else _LONG_GAP_S
        if self._buffer and now - self._heard >= gap:
            yield from self._complete(now)

    def _complete(self, now: float) -> Iterator[str]:
        text = self._buffer.decode("utf-8", errors="replace").strip("\x02\x03 ")
        self._buffer.clear()
        if not text:
            return
        is_repeat = text == self._last and now - self._last_at < REPEAT_S
        self._last, self._last_at = text, now
        if not is_repeat:
            yield text


@dataclass(frozen=True, slots=True)
class SerialScanner:
    """A scanner on a serial port (a USB one shows up as such a port too).

    `port`: COM3 or /dev/ttyACM0. `now`: seconds that never jump; `sleep` waits seconds; `notify` gets a
    sentence when the scanner is unplugged.
    """

    port: str
    length: int
    now: Callable[[], float]
    sleep: Callable[[float], None]
    notify: Callable[[str], None]
    baud: int = 9600
    is_stopping: Callable[[], bool] = lambda: False

    def scans(self, wait_s: float) -> Generator[str, None, None]:
        """The texts scanned within `wait_s` seconds, as they come.

        CardError: no pyserial, no such port, or a scanner that is unplugged and does not come back in time.
        """
        serial = _import_serial()
        until = self.now() + wait_s
        assembler = LineAssembler(self.length)
        port = self._open(serial)
        try:
            while self.now() < until and not self.is_stopping():
                try:
                    chunk = port.read(max(1, port.in_waiting))
                except (serial.SerialException, OSError):
                    port.close()
                    port = self._reopen(serial, until)
                    assembler = LineAssembler(self.length)
                    continue
                yield from assembler.feed(chunk, self.now())
        finally:
            port.close()

    def _open(self, serial: Any) -> Any:
        """The port, without what was scanned before."""
        try:
            port = serial.Serial(self.port, self.baud, timeout=_GAP_S)
            port.reset_input_buffer()
        except (serial.SerialException, OSError, ValueError):
            raise CardError(f"The scanner's port {self.port} cannot be opened. {_known_ports()}") from None
        return port

    def _reopen(self, serial: Any, until: float) -> Any:
        """The port once the scanner is plugged in again."""
        self.notify(f"The scanner on {self.port} was unplugged. Plug it in again.")
        while self.now() < until and not self.is_stopping():
            self.sleep(_RETRY_S)
            try:
                return self._open(serial)
            except CardError:
                continue
        raise CardError(f"The scanner on {self.port} was unplugged. Plug it in, and repeat.")


def first_scan(scans: Generator[str, None, None]) -> str:
    """The first text, after which the scanner is left alone; CardError when nothing was scanned in time."""
    with closing(scans):
        for text in scans:
            return text
    raise CardError("Nothing was scanned in time. Hold the QR code before the scanner, and repeat.")


def _known_ports() -> str:
    """A sentence on the ports there are."""
    from serial.tools import list_ports

    names = sorted(port.device for port in list_ports.comports())
    there = f"There is: {', '.join(names)}." if names else "The system knows no serial port at all."
    return f"{there} Another program may hold it; a scanner set to keyboard mode has none (--keyboard)."


def _import_serial() -> Any:
    """pyserial; CardError where it is not installed."""
    try:
        import serial
    except ImportError:
        raise CardError(
            "A scanner on a serial port needs pyserial, which is not installed: "
            "pip install 'injury-connector[card]'. A scanner in keyboard mode does not: --keyboard."
        ) from None
    return serial
