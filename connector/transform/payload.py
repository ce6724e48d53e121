"""Payloads as JSON, and the digests that tell whether a row or its payload has changed."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from connector.columns.text import Array, kernels, mask, plain
from connector.transform.cells import Cells, Values
from connector.transform.plan import Piece

_Digests = npt.NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
_NULL = np.uint64(0x6A09E667F3BCC909)
_CONTENT = np.uint64(0x0000FFFFFFFFFFFF)
_SHAPE_BITS = np.uint64(48)


def payloads(pieces: Sequence[Piece], values: Mapping[str, Values], rows: int) -> Array:
    """One JSON object per row (binary, UTF-8), fields in the document's order."""
    columns: list[Any] = []
    pending = ""
    for piece in pieces:
        if not piece.path:
            pending += piece.before
            continue
        one = values[piece.path]
        texts = _quoted(one.texts)
        if len(texts) == 1:
            text = str(texts[0].as_py())
            if text or not piece.optional:
                pending += piece.before + text + piece.after
            continue
        fragments = kernels.binary_join_element_wise(pending + piece.before, texts, piece.after, "")
        if piece.optional:
            fragments = kernels.if_else(kernels.equal(texts, ""), pending, fragments)
        columns.append(fragments.take(one.rows))
        pending = ""
    if not columns:
        return pa.array([pending.encode()] * rows, pa.binary())
    joined: Array = kernels.binary_join_element_wise(*columns, pending, "").cast(pa.binary())
    return joined


def source_digests(source: Sequence[Cells], rows: int, shape: str) -> _Digests:
    """A digest of the source's own values, column by column in their order; null differs from empty.

    The upper 16 bits are one of `shape` (what is read: the table or the SELECT, and which columns), the others of
    the values: two digests of different shapes say nothing about whether the HIS changed the row.
    """
    digests = np.full(rows, _GOLDEN, np.uint64)
    for cells in source:
        digests *= _GOLDEN
        digests ^= _hashes(cells.values)[cells.rows]
        digests ^= digests >> np.uint64(29)
    digests &= _CONTENT
    digests |= np.uint64(xxh3_64_intdigest(shape.encode()) & 0xFFFF) << _SHAPE_BITS
    return digests


def fingerprints(source: _Digests, made: Sequence[bytes]) -> list[bytes]:
    """The 16 bytes of each row: 2 of its source's shape, 6 of its source, 8 of its payload (big-endian)."""
    both = np.empty((len(made), 2), ">u8")
    both[:, 0] = source
    both[:, 1] = np.fromiter(map(xxh3_64_intdigest, made), np.uint64, len(made))
    data = both.tobytes()
    return [data[start : start + 16] for start in range(0, len(data), 16)]


def _quoted(texts: Array) -> Array:
    r"""Texts as they stand between the quotation marks of JSON; `\` and `"` escaped (control characters are out)."""
    escaped = kernels.replace_substring(texts, pattern="\\", replacement="\\\\")
    done: Array = kernels.replace_substring(escaped, pattern='"', replacement='\\"')
    return done


def _hashes(values: Array) -> _Digests:
    """A digest of each distinct value."""
    kind: Any = values.type
    if pa.types.is_decimal128(kind):
        buffers: Any = values.buffers()
        words = np.frombuffer(buffers[1], np.uint64)[2 * values.offset : 2 * (values.offset + len(values))]
        hashes = _mix(words[0::2] ^ _mix(words[1::2] + _GOLDEN))
    elif pa.types.is_integer(kind):
        hashes = _mix(_words(values.cast(pa.int64(), safe=False)))
    elif pa.types.is_temporal(kind) and kind.bit_width in (32, 64):
        whole: Any = values.view(pa.int32() if kind.bit_width == 32 else pa.int64())
        hashes = _mix(_words(whole.cast(pa.int64())))
    elif pa.types.is_float64(kind):
        hashes = _mix(_words(values.view(pa.int64())))
    else:
        texts: list[Any] = kernels.fill_null(plain(values), "").cast(pa.binary()).to_pylist()
        hashes = np.fromiter(map(xxh3_64_intdigest, texts), np.uint64, len(texts))
    if values.null_count:
        hashes = np.where(mask(values.is_null()), _NULL, hashes)
    return hashes


def _words(values: Any) -> _Digests:
    """64-bit values as unsigned words."""
    filled: npt.NDArray[np.int64] = kernels.fill_null(values, 0).to_numpy(zero_copy_only=False)
    return filled.view(np.uint64)


def _mix(words: _Digests) -> _Digests:
    """Spread every bit over the word (the finaliser of splitmix64)."""
    words = (words ^ (words >> np.uint64(30))) * _MIX_1
    words = (words ^ (words >> np.uint64(27))) * _MIX_2
    return words ^ (words >> np.uint64(31))
