"""The records of a batch as a short text of bytes: kept for ever, one to two bytes a record.

A released batch holds no claims any more; this is how it is still known what it held.
"""

from collections.abc import Iterable

_MORE = 0x80


def pack_members(record_ids: Iterable[int]) -> bytes:
    """Ids in their order, as the differences to the one before, in zigzag varints."""
    packed = bytearray()
    before = 0
    for record_id in record_ids:
        step = record_id - before
        before = record_id
        value = step * 2 if step >= 0 else -step * 2 - 1
        while value >= _MORE:
            packed.append(value & 0x7F | _MORE)
            value >>= 7
        packed.append(value)
    return bytes(packed)


def unpack_members(packed: bytes) -> list[int]:
    """The inverse of `pack_members`."""
    record_ids: list[int] = []
    value = shift = before = 0
    for byte in bytes(packed):
        value |= (byte & 0x7F) << shift
        if byte & _MORE:
            shift += 7
            continue
        before += value // 2 if value % 2 == 0 else -(value + 1) // 2
        record_ids.append(before)
        value = shift = 0
    return record_ids
