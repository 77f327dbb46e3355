"""The rates of one source's templates: slot 0 counts all lines, each other slot one template."""

from __future__ import annotations

from typing import Any

import numpy as np

from detectors.rates import Floats, Rates
from detectors.snapshot import joined, pack, parted, unpack
from detectors.units import Ints

ALL = 0
"""The template id of slot 0: no template has it."""


class Bank:
    def __init__(self, half_life: float, max_templates: int) -> None:
        self.rates = Rates(half_life)
        self.rates.grow(1)
        self.templates = [ALL]
        self._slots = {ALL: 0}
        self._max = max_templates + 1

    def counts(self, template_id: Ints, lines: Ints) -> tuple[Floats, dict[int, int]]:
        """Lines per slot, and the templates that have none yet with their counts (they count in slot 0 too).

        `template_id`: distinct, with the `lines` of each.
        """
        seen = np.zeros(len(self.templates))
        seen[0] = lines.sum()
        fresh: dict[int, int] = {}
        for template, count in zip(template_id.tolist(), lines.tolist(), strict=True):
            slot = self._slots.get(template)
            if slot is None:
                fresh[template] = count
            else:
                seen[slot] = count
        return seen, fresh

    def learn(self, template_id: Ints, lines: Ints, start: int) -> None:
        seen, fresh = self.counts(template_id, lines)
        if fresh:
            seen = self._open(seen, fresh)
        self.rates.learn(seen, start)

    def _open(self, seen: Floats, fresh: dict[int, int]) -> Floats:
        """Give new templates slots, at the end while there is room, else of the templates that were seen least."""
        room = min(len(fresh), self._max - len(self.templates))
        names = list(fresh)
        for template in names[:room]:
            self._slots[template] = len(self.templates)
            self.templates.append(template)
        self.rates.grow(room)
        seen = np.concatenate((seen, np.zeros(room)))
        for template in names[room:]:
            weak = 1 + int(np.argmin(self.rates.a[1:] + seen[1:]))
            if seen[weak] > 0:  # every slot is in use in this very window: the rest stays uncounted
                break
            del self._slots[self.templates[weak]]
            self._slots[template], self.templates[weak] = weak, template
            self.rates.reset(weak)
            seen[weak] = fresh[template]
        for template in names[:room]:
            seen[self._slots[template]] = fresh[template]
        return seen


def pack_banks(banks: dict[str, Bank], header: dict[str, Any]) -> bytes:
    """All banks as one snapshot: their arrays one after another."""
    columns = {
        name: joined([b.rates.arrays()[name] for b in banks.values()], empty)
        for name, empty in Rates(1.0).arrays().items()
    }
    templates = joined(
        [np.array(b.templates, np.int64) for b in banks.values()], np.zeros(0, np.int64)
    )
    lengths = np.array([len(b.templates) for b in banks.values()], np.int64)
    return pack(
        {**header, "sources": list(banks)},
        {**columns, "templates": templates, "lengths": lengths},
    )


def unpack_banks(
    state: bytes, half_life: float, max_templates: int
) -> tuple[dict[str, Bank], dict[str, Any]]:
    header, arrays = unpack(state)
    lengths = arrays.pop("lengths")
    templates = parted(arrays.pop("templates"), lengths)
    per_source = np.full(len(lengths), 24)
    columns = {
        name: parted(whole, per_source if name == "windows" else lengths)
        for name, whole in arrays.items()
    }
    banks = {}
    for i, source in enumerate(header["sources"]):
        bank = banks[source] = Bank(half_life, max_templates)
        bank.templates = templates[i].tolist()
        bank._slots = {template: slot for slot, template in enumerate(bank.templates)}
        bank.rates = Rates.of(half_life, {name: parts[i] for name, parts in columns.items()})
    return banks, header
