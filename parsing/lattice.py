"""When lines are one template: shapes that agree but for a few words meet in the shape that has variables there.

Every shape is entered under each of its *wider* shapes: one word, two words, or all values of `key=value` made
variable. A wider shape comes to be when enough different values were seen under it, is entered in its turn, and unites
all that lies under it. What comes to be depends on the set of shapes and not on their order, and more shapes never undo
it: templates only merge, and never split. A place with few values stays as it is, each value a template of its own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import combinations

from parsing.pieces import ANY

Shape = tuple[str, ...]
"""The skeleton (the gaps), then the words as they are compared."""
Places = tuple[int, ...]
"""Where a wider shape has new variables; () stands for all values of `key=value`."""

# Chosen on the development systems of Loghub-2k, see docs/parsing.md.
VALUES = 3
"""So many different values make a variable..."""
FIRST_VALUES = 5
"""... so many where a line begins, which is where messages differ most, unless they look like names of things..."""
LONE_VALUES = 12
"""... and so many where but one word would be left."""
PAIRED_VALUES = 6
"""So many different values in two places make both variables."""
MAX_PAIRED = 14
"""A shape with more constants than this is not entered under two variables, as that takes their square."""
KEYS = 3
"""From so many `key=` on, the keys are the template."""

_LETTER = re.compile("[^\\W\\d_]")
_TELLING = re.compile(r"[A-Z]?[a-z]{2,}(?:ed|ing)|GET|PUT|HEAD|POST|PATCH|DELETE|OPTIONS")
_NAME = re.compile(r"[a-z][A-Z]|[._/\\@$]|\d|-.*-")


class Lattice:
    """Shapes by number, and which of them are one: a union-find, whose roots are the oldest."""

    def __init__(self) -> None:
        self.numbers: dict[Shape, int] = {}
        self.shapes: dict[int, Shape] = {}
        self._next = 0
        self._up: dict[int, int] = {}
        self._wider: dict[int, list[tuple[Places, int]]] = {}

    def root(self, number: int) -> int:
        up = self._up
        while (parent := up[number]) != number:
            up[number] = up[parent]
            number = up[number]
        return number

    def add(self, shape: Shape) -> tuple[int, list[tuple[int, int]]]:
        """Number of a shape that is not known, and the pairs of roots that it unites, the second into the first."""
        united: list[tuple[int, int]] = []
        todo = [shape]
        while todo:
            todo += self._enter(todo.pop(), united)
        return self.numbers[shape], united

    def _enter(self, shape: Shape, united: list[tuple[int, int]]) -> list[Shape]:
        if shape in self.numbers:
            return []
        number = self._place(shape, self._next)
        for _, below in self._wider.get(hash(shape), ()):
            self._unite(number, below, united)
        born = []
        for places, wide in _wider(shape):
            under = self._wider.setdefault(hash(wide), [])
            under.append((places, number))
            if above := self.numbers.get(wide):
                self._unite(above, number, united)
            elif self._enough(places, wide, under):
                born.append(wide)
        return born

    def _place(self, shape: Shape, number: int) -> int:
        number = max(number, 1)
        self.numbers[shape] = number
        self.shapes[number] = shape
        self._up[number] = number
        self._next = number + 1
        return number

    def _unite(self, one: int, other: int, united: list[tuple[int, int]]) -> None:
        one, other = sorted((self.root(one), self.root(other)))
        if one != other:
            self._up[other] = one
            united.append((one, other))

    def _enough(self, places: Places, wide: Shape, under: list[tuple[Places, int]]) -> bool:
        shapes = [self.shapes[number] for at, number in under if at == places]
        if len(shapes) < VALUES:
            return False
        if not places:
            return True
        values = [{shape[place] for shape in shapes} for place in places]
        needed = _needed(places, wide, values)
        return all(_count(each) >= needed for each in values)

    def remove(self, numbers: list[int]) -> None:
        """Forget shapes: all of one template, or none of them."""
        for number in numbers:
            shape = self.shapes.pop(number)
            del self.numbers[shape], self._up[number]
            for _, wide in _wider(shape):
                key = hash(wide)
                left = [each for each in self._wider.get(key, ()) if each[1] != number]
                if left:
                    self._wider[key] = left
                else:
                    self._wider.pop(key, None)

    def save(self) -> list[list[object]]:
        return [[number, self.root(number), *shape] for number, shape in self.shapes.items()]

    def load(self, saved: list[list[object]]) -> None:
        for number, _, *words in saved:
            shape = tuple(map(str, words))
            self._place(shape, int(str(number)))
            for places, wide in _wider(shape):
                self._wider.setdefault(hash(wide), []).append((places, int(str(number))))
        for number, root, *_ in saved:
            self._up[int(str(number))] = int(str(root))


def _count(values: set[str]) -> int:
    """Words that say what happens (`POST`, `Paused`) are no values, unless there are many of them."""
    telling = sum(1 for value in values if _TELLING.fullmatch(value))
    return len(values) - (telling if len(values) < LONE_VALUES else 0)


def _needed(places: Places, wide: Shape, values: list[set[str]]) -> int:
    needed = VALUES if len(places) == 1 else PAIRED_VALUES
    if len(places) == 1:
        place = places[0]
        names = sum(1 for value in values[0] if _NAME.search(value))
        if place == 1 and names < VALUES and not _gap(wide, place).endswith("="):
            needed = FIRST_VALUES
        if _constants(wide) < 2:
            needed = LONE_VALUES
    return needed


def _gap(shape: Shape, place: int) -> str:
    """What stands before the word at `place`."""
    return shape[0].split("\0")[place - 1]


def _constants(shape: Shape) -> int:
    return sum(1 for word in shape[1:] if word != ANY and _LETTER.search(word))


def _wider(shape: Shape) -> Iterator[tuple[Places, Shape]]:
    constant = [at for at in range(1, len(shape)) if shape[at] != ANY]
    left = _constants(shape)
    lettered = {at for at in constant if _LETTER.search(shape[at])}
    for at in constant:
        if left - (at in lettered) >= 1:
            yield (at,), (*shape[:at], ANY, *shape[at + 1 :])
    gaps = shape[0].split("\0")
    values = [at for at in range(1, len(shape)) if gaps[at - 1].endswith("=")]
    if len(values) >= KEYS and any(shape[at] != ANY for at in values):
        wide = list(shape)
        for at in values:
            wide[at] = ANY
        if _constants(tuple(wide)) >= 1:
            yield (), tuple(wide)
    if len(constant) <= MAX_PAIRED:
        enough = max(2.0, (len(shape) - 1) / 2)
        for one, two in combinations(constant, 2):
            if left - (one in lettered) - (two in lettered) >= enough:
                yield (
                    (one, two),
                    (*shape[:one], ANY, *shape[one + 1 : two], ANY, *shape[two + 1 :]),
                )
