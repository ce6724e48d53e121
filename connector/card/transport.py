"""The only way to a card: a transport that can ask it to select and to read, and can ask nothing else.

A wrong PIN locks a citizen's card. So a transport holds a whitelist, and VERIFY, or whatever else changes a
card or counts its attempts, cannot be sent by any code above.
"""

from abc import ABC, abstractmethod
from typing import Final, final

from connector.errors import CardError

SELECT: Final = 0xA4
READ_RECORD: Final = 0xB2
GET_RESPONSE: Final = 0xC0
_ALLOWED: Final = frozenset({SELECT, READ_RECORD, GET_RESPONSE})
_PLAIN: Final = 0x00
"""Class byte without secure messaging, chaining or a logical channel."""

_MORE = 0x61
_WRONG_LENGTH = 0x6C
_CHAIN = 8
"""How often an answer may go on in one more answer."""


class Transport(ABC):
    """A card that is connected. `transmit` is what a back end provides, `send` and `ask` what others use."""

    @final
    def send(self, command: bytes) -> bytes:
        """The card's whole answer, its status word included. CardError when the card is gone.

        PermissionError, before anything reaches the card, for a command that is not on the whitelist.
        """
        if len(command) < 4 or command[0] != _PLAIN or command[1] not in _ALLOWED:
            raise PermissionError(
                "this command is not sent to a card: only SELECT, READ RECORD, GET RESPONSE"
            )
        answer = self.transmit(command)
        if len(answer) < 2:
            raise CardError(
                "The card gives no answer: was it pulled out? Insert it, leave it in, and repeat."
            )
        return answer

    @abstractmethod
    def transmit(self, command: bytes) -> bytes:
        """Exchange one command; called by `send` alone."""

    @final
    def ask(self, command: bytes) -> tuple[bytes, int]:
        """Data and status word of a command; fetches what waits (61xx), asks again at the right length (6Cxx)."""
        answer = self.send(command)
        if answer[-2] == _WRONG_LENGTH:
            answer = self.send(command[:4] + answer[-1:])
        data = answer[:-2]
        for _ in range(_CHAIN):
            if answer[-2] != _MORE:
                break
            answer = self.send(bytes([_PLAIN, GET_RESPONSE, 0, 0, answer[-1]]))
            if answer[-2] == _WRONG_LENGTH:
                answer = self.send(bytes([_PLAIN, GET_RESPONSE, 0, 0, answer[-1]]))
            data += answer[:-2]
        return data, int.from_bytes(answer[-2:], "big")
