"""A real smart card daemon with a virtual reader, and a virtual card to put into it.

Each daemon has a socket of its own, handed over as systemd would, so it neither needs nor disturbs the
machine's. Its reader (vsmartcard's vpcd) waits for a card on a free port. vpcd 3.3 cannot be told to listen on the
loopback address only, and its other way, connecting to the card, ends the daemon when the card leaves; so for as
long as these tests run somebody on the network could insert a card of his own, and would spoil a test.
"""

import os
import shutil
import socket
import struct
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NoReturn, Self

import pytest

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
T1_ATR = bytes.fromhex("3B800181")
T0_ATR = bytes.fromhex("3B00")
_CONFIGURATION = """\
FRIENDLYNAME "Virtual PCD"
DEVICENAME   /dev/null:0x{port:X}
LIBPATH      {driver}
CHANNELID    0x{port:X}
"""
_START = """\
import os, sys
os.dup2(int(sys.argv[1]), 3)
os.environ |= {"LISTEN_PID": str(os.getpid()), "LISTEN_FDS": "1"}
os.execvp("pcscd", ["pcscd", "--foreground", "--config", sys.argv[2]])
"""
"""What starts the daemon: its listening socket is descriptor 3, as systemd hands it over."""

_ATR = 4
"""The one control message that is answered; 0, 1 and 2 are power off, power on, and reset."""

_BETWEEN_LOOKS_S = 1.0
"""pcscd looks for a card every 400 ms."""


def missing(reason: str) -> NoReturn:
    """Skip; in CI fail, because a skipped test proves nothing there."""
    if os.environ.get("CI", "").lower() == "true":
        pytest.fail(f"{reason}; in CI this must not be skipped", pytrace=False)
    pytest.skip(reason)


def require_pcsc() -> None:
    """Daemon, virtual reader and pyscard, or a skipped test."""
    if shutil.which("pcscd") is None:
        missing("pcscd is not installed (Debian: pcscd)")
    if not DRIVER.exists():
        missing(f"{DRIVER} is not there (Debian: vsmartcard-vpcd)")
    try:
        import smartcard.scard  # noqa: F401
    except ImportError:
        missing("pyscard is not installed (pip install '.[card]')")


class Daemon:
    """A pcscd in the foreground with one virtual reader of two slots."""

    def __init__(self, directory: Path) -> None:
        self.socket = str(directory / "pcscd.comm")
        self.port = _free_ports()
        readers = directory / "readers"
        readers.mkdir()
        configuration = _CONFIGURATION.format(port=self.port, driver=DRIVER)
        (readers / "vpcd").write_text(configuration, encoding="ascii")
        # Our copy of the listening socket is closed again: a daemon that died is to be noticed, not waited for.
        with socket.socket(socket.AF_UNIX) as listener, (directory / "pcscd.log").open("wb") as log:
            listener.bind(self.socket)
            listener.listen()
            given = listener.fileno()
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, str(given), str(readers)],
                pass_fds=[given],
                stdout=log,
                stderr=subprocess.STDOUT,
            )

    def stop(self) -> None:
        """End it; clients find nobody behind the socket."""
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait(10)
        Path(self.socket).unlink(missing_ok=True)


class VirtualCard:
    """A card in the daemon's reader while the context lasts; `chip` answers its commands.

    The reader asks for the answer to reset again and again, which is how it notices a card that left.
    """

    def __init__(self, daemon: Daemon, chip: Callable[[bytes], bytes], *, atr: bytes = T1_ATR) -> None:
        self._port = daemon.port
        self._chip = chip
        self._atr = atr
        self._line: socket.socket
        self._is_out = False
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._line = _connect(self._port)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._is_out:
            # Pulled out in the middle, the card was called gone before the daemon looked for itself. It would never
            # notice the next card if that were there at its next look already.
            threading.Event().wait(_BETWEEN_LOOKS_S)
        self.pull_out()
        self._thread.join(5)

    def pull_out(self) -> None:
        """Leave the reader, in the middle of whatever goes on."""
        self._is_out = True
        with suppress(OSError):
            self._line.shutdown(socket.SHUT_RDWR)
        self._line.close()

    def _serve(self) -> None:
        """Answer until pulled out. The daemon may hang up on a new card when it tidies up after the last one."""
        while not self._is_out:
            with suppress(OSError):
                for message in self._messages():
                    self._answer(message)
            if not self._is_out:
                self._line.close()
                try:
                    self._line = socket.create_connection(("127.0.0.1", self._port), timeout=30)
                except OSError:  # the daemon is gone
                    return

    def _answer(self, message: bytes) -> None:
        if len(message) > 1:
            self._send(self._chip(message))
        elif message[0] == _ATR:
            self._send(self._atr)

    def _messages(self) -> Iterator[bytes]:
        while head := self._receive(2):
            (size,) = struct.unpack(">H", head)
            yield self._receive(size)

    def _receive(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            part = self._line.recv(size - len(data))
            if not part:
                return b""
            data += part
        return data

    def _send(self, data: bytes) -> None:
        self._line.sendall(struct.pack(">H", len(data)) + data)


def _connect(port: int) -> socket.socket:
    """A line to the reader, once the daemon is there."""
    patience = threading.Event()
    for _ in range(100):
        try:
            return socket.create_connection(("127.0.0.1", port), timeout=30)
        except ConnectionRefusedError:
            patience.wait(0.1)
    pytest.fail("pcscd's virtual reader does not listen")


def _free_ports() -> int:
    """The first of two free ports in a row: the reader has two slots."""
    for _ in range(100):
        with socket.create_server(("127.0.0.1", 0)) as first:
            port = int(first.getsockname()[1])
            with suppress(OSError, OverflowError), socket.create_server(("127.0.0.1", port + 1)):
                return port
    pytest.fail("no two free ports in a row")
