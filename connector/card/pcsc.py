"""Readers that the system knows (PC/SC): any CCID reader, through pyscard.

The functions of `smartcard.scard` are used as they are: they answer with one number each, which is all that has
to be explained to a person. pyscard is an extra (`pip install 'injury-connector[card]'`) and imported late.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from connector.card.reading import read_card
from connector.card.transport import Transport
from connector.card.values import Card
from connector.errors import CardError

_NO_SERVICE: Final = frozenset({0x8010001D, 0x8010001E, 0x80100013})
"""No service, a stopped one, and what pcscd's library says when it dies in between."""

_NO_READERS: Final = 0x8010002E
_TIMEOUT: Final = 0x8010000A
_IN_USE: Final = frozenset({0x8010000B, 0x8010001A})
_GONE: Final = frozenset({0x80100069, 0x8010000C, 0x80100068, 0x80100016, 0x8010002F})
"""Removed, no card, reset, not transacted, communication broken."""

_NO_READER: Final = frozenset({0x80100009, 0x80100017})
"""Unknown or unavailable reader: it was there a moment ago."""

_MUTE: Final = frozenset({0x80100066, 0x80100067, 0x80100065})
"""Unresponsive, unpowered or unsupported card."""

_SLICE_MS = 250
"""How long one wait for a card may last: a stop is heard after it."""


def read_pcsc(
    *,
    device: str = "",
    wait_s: float,
    now: Callable[[], float],
    is_stopping: Callable[[], bool] = lambda: False,
    scard: Any = None,
) -> Card:
    """Read the first card that is in a reader, waiting `wait_s` seconds at most for it to be inserted.

    `device`: a part of the reader's name, where there are several. `now`: seconds that never jump.
    CardError: no pyscard, no smart card service, no reader, no card, another card, a card pulled out.
    """
    scard = scard or _import_scard()
    patience = _Patience(now() + wait_s, now, is_stopping)
    with _context(scard) as context:
        reader = _wait_for_card(scard, context, _readers(scard, context, device), patience)
        with _connection(scard, context, reader) as transport:
            return read_card(transport)


class PcscCard(Transport):
    """A card connected through PC/SC, under T=0 or T=1."""

    def __init__(self, scard: Any, card: int, protocol: int) -> None:
        self._scard = scard
        self._card = card
        self._protocol = scard.SCARD_PCI_T1 if protocol == scard.SCARD_PROTOCOL_T1 else scard.SCARD_PCI_T0

    def transmit(self, command: bytes) -> bytes:
        """Exchange one command."""
        result, answer = self._scard.SCardTransmit(self._card, self._protocol, list(command))
        _check(result, "read the card")
        return bytes(answer)


def _import_scard() -> Any:
    """The functions of pyscard; CardError where it is not installed."""
    try:
        from smartcard import scard
    except ImportError:
        raise CardError(
            "Reading cards needs pyscard, which is not installed: pip install 'injury-connector[card]' "
            "(on Linux also the packages swig and libpcsclite-dev). Without it: --reader manual."
        ) from None
    return scard


@contextmanager
def _context(scard: Any) -> Iterator[int]:
    """A conversation with the smart card service."""
    result, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    _check(result, "reach the smart card service")
    try:
        yield context
    finally:
        scard.SCardReleaseContext(context)


@contextmanager
def _connection(scard: Any, context: int, reader: str) -> Iterator[PcscCard]:
    """The card in a reader, for us alone; afterwards it is reset, so that nothing stays selected."""
    protocols = scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1
    result, card, protocol = scard.SCardConnect(context, reader, scard.SCARD_SHARE_EXCLUSIVE, protocols)
    _check(result, "connect to the card")
    try:
        yield PcscCard(scard, card, protocol)
    finally:
        scard.SCardDisconnect(card, scard.SCARD_RESET_CARD)


@dataclass(frozen=True, slots=True)
class _Patience:
    """How long to wait for a card."""

    until: float
    now: Callable[[], float]
    is_stopping: Callable[[], bool]

    def left_ms(self) -> int:
        """How long the next wait may last; 0 when it is time to give up."""
        left = self.until - self.now()
        return 0 if left <= 0 else max(1, min(_SLICE_MS, int(left * 1000)))


def _wait_for_card(scard: Any, context: int, readers: Sequence[str], patience: _Patience) -> str:
    """The name of the first reader that holds a card."""
    states: list[Any] = [(reader, scard.SCARD_STATE_UNAWARE) for reader in readers]
    timeout = 0
    while True:
        result, found = scard.SCardGetStatusChange(context, timeout, states)
        if result & 0xFFFFFFFF != _TIMEOUT:
            _check(result, "watch for a card")
        for reader, state, *_ in found:
            if state & scard.SCARD_STATE_PRESENT:
                return str(reader)
        if patience.is_stopping():
            raise CardError("Stopped before a card was inserted.")
        timeout = patience.left_ms()
        if not timeout:
            raise CardError(
                f"There is no card in {' or '.join(readers)}. Insert the card, chip first, and repeat."
            )
        states = [(reader, state) for reader, state, *_ in found]


def _readers(scard: Any, context: int, device: str) -> Sequence[str]:
    """The names of the readers that are wanted; CardError when there are none."""
    result, names = scard.SCardListReaders(context, [])
    if result & 0xFFFFFFFF == _NO_READERS or (not names and not result):
        raise CardError(
            "No card reader is connected that the system knows (PC/SC). Plug it in or install its driver. A Decard "
            "T6 is none of these: --reader decard."
        )
    _check(result, "list the card readers")
    wanted = [name for name in names if device.casefold() in name.casefold()]
    if not wanted:
        raise CardError(f"No card reader is named like “{device}”. There is: {', '.join(names)}.")
    return wanted


def _check(result: int, what: str) -> None:
    """CardError for a result that is no success."""
    code = result & 0xFFFFFFFF
    if code == 0:
        return
    if code in _NO_SERVICE:
        raise CardError(
            "The smart card service is not running. Start it (Windows: “Smart Card”, SCardSvr; Linux: pcscd)."
        )
    if code in _IN_USE:
        raise CardError("Another program is using the card. Close it, and repeat.")
    if code in _GONE:
        raise CardError("The card was pulled out while it was read. Insert it, leave it in, and repeat.")
    if code in _NO_READER:
        raise CardError("The card reader was unplugged. Plug it in, and repeat.")
    if code in _MUTE:
        raise CardError("The card does not answer. Turn it round (chip first, chip up) or wipe its contacts.")
    raise CardError(f"The card reader cannot {what} (PC/SC error {code:08X}).")
