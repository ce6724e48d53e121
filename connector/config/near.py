"""Proposals for a word that is not known: "did you mean"."""

from collections import abc
from difflib import get_close_matches


def propose(word: str, known: abc.Iterable[str]) -> str:
    """`Did you mean …?` for the nearest known word, whatever its case; else all of them where they are few."""
    by_lower = {one.lower(): one for one in known}
    near = get_close_matches(word.strip().lower(), by_lower, n=1, cutoff=0.6)
    if near:
        return f"Did you mean {by_lower[near[0]]}?"
    if 0 < len(by_lower) <= 12:
        return f"Known here: {', '.join(by_lower.values())}."
    return ""
