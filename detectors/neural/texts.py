"""Templates' texts as vectors, without a model to download: what reads alike lies together.

A word is a sum of random directions, one for each of its character n-grams (a hash of the n-gram picks the signs, so
nothing is stored); a text is the TF-IDF weighted mean of its words. LogRobust's paper takes FastText, whose words are
sums over learnt n-gram vectors, with the same weights.
"""

from __future__ import annotations

import hashlib
import math
import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

WIDTH = 128
_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words(text: str) -> list[str]:
    """
    >>> words("PacketResponder <NUM> for block <*> terminating")
    ['packet', 'responder', 'for', 'block', 'terminating']
    """
    bare = re.sub(r"<[^<>]*>", " ", text)
    return [word.lower() for word in _WORD.findall(bare)]


def vectors(texts: Mapping[int, str]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """The ids, ascending, and (T, WIDTH) unit vectors; zero for a text without a word.

    >>> ids, found = vectors({1: "disk is full", 2: "disks are full", 3: "user logged in"})
    >>> bool(found[0] @ found[1] > 2 * abs(found[0] @ found[2]))
    True
    """
    ids = sorted(texts)
    said = [Counter(words(texts[i])) for i in ids]
    spread = Counter(word for text in said for word in text)
    weight = {word: math.log(1.0 + len(ids) / number) for word, number in spread.items()}
    known = {word: _word(word) for word in sorted(spread)}
    out = np.zeros((len(ids), WIDTH))
    for row, text in zip(out, said, strict=True):
        for word in sorted(text):
            row += text[word] * weight[word] * known[word]
    length = np.linalg.norm(out, axis=1, keepdims=True)
    return np.array(ids, np.int64), (out / np.where(length > 0, length, 1.0)).astype(np.float32)


def _word(word: str) -> npt.NDArray[np.float64]:
    marked = f"<{word}>"
    grams = [marked[i : i + n] for n in (3, 4, 5) for i in range(len(marked) - n + 1)]
    total = np.zeros(WIDTH)
    for gram in [marked, *grams]:
        bits = np.frombuffer(
            hashlib.blake2b(gram.encode(), digest_size=WIDTH // 8).digest(), np.uint8
        )
        total += np.unpackbits(bits) * 2.0 - 1.0
    return total / np.linalg.norm(total)
