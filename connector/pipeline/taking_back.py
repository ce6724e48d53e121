"""The payload that takes an uploaded row back: the same row with quantity and amount of the other sign (4.10, trap T73).

Everything else stays as it was sent, so that the platform finds what is refunded, by whatever it compares.
"""

import json
from collections.abc import Callable

from connector.contract.spec import Node


def taking_back(node: Node) -> Callable[[bytes], bytes]:
    """What negates payloads of a node. Numbers stay the exact decimal texts they are."""
    names = [node.roles[role] for role in ("quantity", "amount") if role in node.roles]

    def negate(payload: bytes) -> bytes:
        row = json.loads(payload)
        for name in names:
            if name in row:
                row[name] = _negated(row[name])
        return json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode()

    return negate


def _negated(text: str) -> str:
    """A decimal text with the other sign."""
    return text.removeprefix("-") if text.startswith("-") else f"-{text}"
