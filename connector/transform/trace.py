"""A short id in a row's remark, by which a person finds it again on the platform's web page (protocol C.11).

It is made of the mapping's name and the row's source key alone: the same at every reading and on every machine,
and nothing of a patient can be read out of it. Delivery does not look at it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa
from xxhash import xxh3_64_intdigest

from connector.columns.text import Array, kernels
from connector.config.mapping import TRACE_SIZE
from connector.transform.cells import Values

_LETTERS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
"""Without I, L, O and U, which are misread when they are read out."""

_MISREAD = str.maketrans("ILO", "110")
_BYTES = np.frombuffer(_LETTERS.encode(), np.uint8)
_SHIFTS = np.array([64 - 5 * (place + 1) for place in range(TRACE_SIZE)], np.uint64)


def trace_ids(mapping: str, keys: Array) -> Array:
    """The trace id of each source key of a mapping."""
    named: Any = kernels.binary_join_element_wise(f"{mapping}\n", keys, "").cast(pa.binary())
    digests = np.fromiter(map(xxh3_64_intdigest, named.to_pylist()), np.uint64, len(keys))
    letters = _BYTES[(digests[:, None] >> _SHIFTS) & np.uint64(31)]
    ends = np.arange(0, TRACE_SIZE * len(keys) + 1, TRACE_SIZE, dtype=np.int32)
    made: Array = pa.StringArray.from_buffers(
        len(keys), pa.py_buffer(ends.tobytes()), pa.py_buffer(letters.tobytes())
    )
    return made


def trace_id_of(mapping: str, key: str) -> str:
    """The trace id of one source key."""
    return str(trace_ids(mapping, pa.array([key], pa.string()))[0].as_py())


def find_keys(mapping: str, keys: Sequence[str], wanted: str) -> list[int]:
    """Which of a mapping's keys have a trace id."""
    made = trace_ids(mapping, pa.array(keys, pa.string()))
    places: list[int] = kernels.indices_nonzero(kernels.equal(made, wanted)).to_pylist()
    return places


def read_trace_id(text: str) -> str:
    """A trace id as somebody typed it; ValueError for what is none."""
    found = text.strip().upper().translate(_MISREAD)
    if len(found) != TRACE_SIZE or any(letter not in _LETTERS for letter in found):
        raise ValueError(f"a trace id has {TRACE_SIZE} digits and letters, without U")
    return found


def append_ids(values: Values, ids: Array) -> Values:
    """A field's texts with the trace id at their end, or alone where there is no text."""
    rows = values.rows
    texts = values.column()
    joined = kernels.if_else(kernels.equal(texts, ""), ids, kernels.binary_join_element_wise(texts, ids, " "))
    faulty = np.flatnonzero(np.isin(rows, list(values.faults))).tolist() if values.faults else []
    return replace(
        values,
        texts=joined,
        rows=np.arange(len(rows), dtype=np.int32),
        faults={row: values.faults[int(rows[row])] for row in faulty},
        shortened=None if values.shortened is None else values.spread(values.shortened),
    )
