"""What changed between two tables of template counts: new, vanished, reworded, more or less frequent.

Each table counts its templates in a few parts of its window. How much a template varies between the parts of one window
says how much of the difference between the windows is chance: logs come in bursts, so a Poisson test alone would call
nearly everything a change.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Kind = Literal["new", "vanished", "reworded", "changed"]

SURPRISE = 4.0
"""A rate moved when the difference is this many standard deviations."""
ALIKE = 0.6
"""A vanished and a new template are one that was reworded when they share this part of their words (Dice)."""
# To find what shares a word, words of more templates than this are passed over: they tell little and cost much.
_COMMON = 200
_WORD = re.compile(r"<[^<>\s]*>|(\w+)")


class Counted(NamedTuple):
    text: str
    parts: Sequence[int]
    """Lines in each part of the window."""


class Counts(NamedTuple):
    """Templates of one window, which is cut into parts of these lengths: of time, or of lines."""

    lengths: Sequence[float]
    templates: Mapping[int, Counted]


@dataclass(frozen=True, slots=True)
class Moved:
    kind: Kind
    id: int
    count: int
    base_count: int
    ratio: float
    """Rate now by rate in the base, each plus one line so that it is finite."""
    surprise: float
    """In standard deviations; the sign of the likelihood ratio is that of the change."""
    text: str
    base_id: int
    """Differs from `id` where a vanished template and a new one were found to be one."""
    base_text: str


def compare(now: Counts, base: Counts) -> list[Moved]:
    """The most remarkable first; templates whose rate and text stayed are left out.

    The surprise is the root of the likelihood ratio of one Poisson rate against two, divided, where both windows have
    lines, by the dispersion inside them (quasi-likelihood: McCullagh and Nelder, Generalized Linear Models, 1989).
    """
    new, vanished = now.templates.keys() - base.templates, base.templates.keys() - now.templates
    pairs = _reworded(
        {i: now.templates[i].text for i in new}, {i: base.templates[i].text for i in vanished}
    )
    moved = [_moved("reworded", now, base, *pair) for pair in pairs]
    moved += [_moved("new", now, base, i, i) for i in new - {i for i, _ in pairs}]
    moved += [_moved("vanished", now, base, i, i) for i in vanished - {i for _, i in pairs}]
    for i in now.templates.keys() & base.templates.keys():
        found = _moved("changed", now, base, i, i)
        if abs(found.surprise) >= SURPRISE:
            moved.append(found)
        elif found.text != found.base_text:
            moved.append(_moved("reworded", now, base, i, i))
    return sorted(moved, key=lambda m: (-abs(m.surprise), -m.count - m.base_count, m.id))


def _moved(kind: Kind, now: Counts, base: Counts, now_id: int, base_id: int) -> Moved:
    a, b = now.templates.get(now_id), base.templates.get(base_id)
    n, m = sum(a.parts) if a else 0, sum(b.parts) if b else 0
    length, base_length = sum(now.lengths), sum(base.lengths)
    ratio = (n + 1) / (m + 1) * base_length / length
    surprise = _likelihood(n, m, length / (length + base_length))
    if a and b:
        surprise /= max(_dispersion((a.parts, now.lengths), (b.parts, base.lengths)), 1.0)
    text = (a or b or Counted("", ())).text
    return Moved(
        kind,
        base_id if a is None else now_id,
        n,
        m,
        ratio,
        math.copysign(math.sqrt(surprise), n * base_length - m * length),
        text,
        now_id if b is None else base_id,
        b.text if b else text,
    )


def _likelihood(n: int, m: int, share: float) -> float:
    """Twice the logarithm of the likelihood ratio, when `share` of n + m is expected to be n."""
    whole = n + m
    found = sum(x * math.log(x / (whole * s)) for x, s in ((n, share), (m, 1 - share)) if x)
    return max(2 * found, 0.0)


def _dispersion(*windows: tuple[Sequence[int], Sequence[float]]) -> float:
    """Pearson's: 1 for a Poisson process, n for lines that come n at a time."""
    square, freedom = 0.0, 0
    for parts, lengths in windows:
        rate = sum(parts) / sum(lengths)
        square += sum(
            (x - rate * length) ** 2 / (rate * length)
            for x, length in zip(parts, lengths, strict=True)
        )
        freedom += len(parts) - 1
    return square / freedom if freedom else 1.0


def _reworded(new: Mapping[int, str], vanished: Mapping[int, str]) -> list[tuple[int, int]]:
    """Pairs (new, vanished) of texts that are alike, the most similar first; each is in one pair at most."""
    pairs = sorted(_alike(new, vanished), key=lambda pair: (-pair[0], *pair[1:]))
    taken: list[tuple[int, int]] = []
    left, right = set(new), set(vanished)
    for _, a, b in pairs:
        if a in left and b in right:
            left.remove(a)
            right.remove(b)
            taken.append((a, b))
    return taken


def _alike(new: Mapping[int, str], vanished: Mapping[int, str]) -> Iterator[tuple[float, int, int]]:
    words = {i: _words(text) for i, text in vanished.items()}
    having: dict[str, list[int]] = {}
    for i, counter in words.items():
        for word in counter:
            having.setdefault(word, []).append(i)
    for a, text in new.items():
        mine = _words(text)
        known = (having.get(word, []) for word in mine)
        for b in {i for found in known if len(found) <= _COMMON for i in found}:
            common = (mine & words[b]).total()
            alike = 2 * common / (mine.total() + words[b].total())
            if alike >= ALIKE and common > 1:  # one word in common is no likeness
                yield alike, a, b


def _words(text: str) -> Counter[str]:
    """Without what the template leaves open: that two lines have numbers says nothing."""
    return Counter(word for word in _WORD.findall(text) if word)
