"""Source keys and visit keys of whole chunks."""

from collections.abc import Sequence

import pyarrow as pa

from connector.columns.text import Array, is_blank, kernels, key_text

__all__ = ["is_blank", "key_text", "keys_of", "texts"]


def keys_of(table: pa.Table, columns: Sequence[str]) -> Array:
    """The source key of every row, as `connector.records.join_key` writes it (string, no nulls)."""
    parts = [_escaped(key_text(table.column(name))) for name in columns]
    joined: Array = parts[0] if len(parts) == 1 else kernels.binary_join_element_wise(*parts, "|")
    return joined


def _escaped(texts: Array) -> Array:
    r"""Texts with `\` and `|` escaped by `\`."""
    escaped = kernels.replace_substring(texts, pattern="\\", replacement="\\\\")
    done: Array = kernels.replace_substring(escaped, pattern="|", replacement="\\|")
    return done


def texts(array: Array) -> list[str]:
    """The texts of an array without nulls, as Python has them."""
    values: list[str] = array.to_pylist()  # type: ignore[assignment]  # keys have no nulls
    return values
