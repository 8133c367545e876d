"""Aligns the words of a normalized sentence with the written ones: "at seven thirty P.M." with "at 7:30 pm".

Both sides are in the same order, and most words are equal; between those, the most similar are matched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from difflib import SequenceMatcher

Expand = Callable[[str], Sequence[str]]

_SURE = 0.5  # likeness from which two words belong together without doubt; higher: more words are marked estimated
_DIGIT_LIKENESS = 0.2  # of a number to a word that is no number: rather it than a word that is spelt otherwise
_EDGE = ".,;:!?\"'“”‘’()[]…"


def align(written: Sequence[str], spoken: Sequence[str], expand: Expand) -> tuple[list[int], set[int]]:
    """Match the words of a normalized sentence with the written ones.

    Args:
        written: Words of the text.
        spoken: Words of the normalized text.
        expand: Normalizes one written word alone.

    Returns:
        For each word of `spoken` the index of its written word, never decreasing; and the written words whose match
        is a guess.
    """
    if not written:
        return [], set()
    owners: list[int] = []
    unsure: set[int] = set()
    matcher = SequenceMatcher(None, [_key(word) for word in written], [_key(word) for word in spoken], autojunk=False)
    for kind, i, i_end, j, j_end in matcher.get_opcodes():
        if kind == "equal":
            owners.extend(range(i, i_end))
        elif kind == "insert":
            owners.extend([max(i - 1, 0)] * (j_end - j))
        elif kind == "replace":
            block, doubted = _block(written[i:i_end], spoken[j:j_end], expand)
            owners.extend(i + index for index in block)
            unsure.update(i + index for index in doubted)
    return owners, unsure


def _block(written: Sequence[str], spoken: Sequence[str], expand: Expand) -> tuple[list[int], set[int]]:
    """Assign each word of `spoken` to one of `written`, in order, so that the likeness is greatest."""
    n, m = len(written), len(spoken)
    if n == 1:
        return [0] * m, set()
    normalized = [{_key(part) for part in expand(word)} for word in written]
    alike = [[_likeness(word, normalized[i], other) for i, word in enumerate(written)] for other in spoken]  # (m, n)
    best = [[0.0] * (n + 1) for _ in range(m + 1)]  # greatest likeness of spoken[j:], none before written[i]
    for j in range(m - 1, -1, -1):
        best[j][n] = -1.0
        for i in range(n - 1, -1, -1):
            best[j][i] = max(alike[j][i] + best[j + 1][i], best[j][i + 1])
    owners, i = [], 0
    for j in range(m):
        while best[j][i + 1] >= 0 and best[j][i + 1] == best[j][i] and alike[j][i] + best[j + 1][i] < best[j][i]:
            i += 1  # ties stay with the earlier word
        owners.append(i)
    sure = {owner for j, owner in enumerate(owners) if alike[j][owner] >= _SURE}
    return owners, set(owners) - sure


def _likeness(word: str, normalized: set[str], other: str) -> float:
    """Return 0 (nothing in common) to 1 (the same)."""
    key, other_key = _bare(word), _bare(other)
    if _key(other) in normalized or (key and key == other_key):
        return 1.0
    common = 0
    for a, b in zip(key, other_key, strict=False):
        if a != b:
            break
        common += 1
    likeness = common / max(len(key), len(other_key), 1)
    number = any(character.isdigit() for character in word) and other_key.isalpha()
    return max(likeness, _DIGIT_LIKENESS if number else 0.0)


def _key(word: str) -> str:
    """Return the part of a word that is compared: inner signs count, the punctuation around does not."""
    return word.casefold().replace("’", "'").strip(_EDGE) or word


def _bare(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())
