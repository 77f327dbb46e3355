"""Episode memory: relations that are new or rare, or come more often than ever, learnt from finished episodes only.

For the relations r of a window, with n lines, that were seen in c of all windows and at most mx times in one:

    score = max_r -log10((c + .5) / (windows + 1)) + sum_r max(0, ln((n + 1) / (mx + 1)))

What is seen waits until its episode is over (`detectors.episodes`): `score` does not know it, so the tenth minute of an
attack is as strange as the first.
"""

from __future__ import annotations

import numpy as np

from detectors.episodes import Waiting
from detectors.relation_table import Rows, Seen
from detectors.relations import Floats, Relations, arrays_of, columns_of, exceeding
from detectors.snapshot import pack, unpack
from driftwood.protocols import LogBatch


class EpisodeMemory(Relations):
    name = "episode_memory"

    def _forget(self) -> None:
        super()._forget()
        self._waiting = Waiting.none()
        self._clock = np.empty(0, np.int64)
        """Of each source by its number: its latest start, ns."""

    def _learn(self, batch: LogBatch) -> None:
        rows = self._table.rows(batch, add=True)
        source = self._table.sources.of(batch.source.tolist())
        missing = len(self._table.sources.names) - len(self._clock)
        self._clock = np.append(self._clock, np.full(missing, np.iinfo(np.int64).min // 2))
        np.maximum.at(self._clock, source, batch.start)
        waiting = self._waiting.joined(rows.key, rows.count, batch.start[rows.unit])
        done, self._waiting = waiting.parted(self._clock[self._table.source_of(waiting.key)])
        self._table.add(done)

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        rarity = np.maximum(self.rarity(seen.windows), 0.0)
        order = np.lexsort((-rows.template, rarity, rows.unit))
        rarest = order[np.diff(rows.unit[order], append=-1) != 0]
        parts = exceeding(rows.count, seen.largest)
        parts[rarest] += rarity[rarest]
        return parts

    def save(self) -> bytes:
        held, waiting = self._table.columns, self._waiting
        names, source, template = self._table.names(np.concatenate((held.key, waiting.key)))
        known = len(held.key)
        number = self._table.sources.of(names)
        order = np.lexsort((waiting.first, template[known:], source[known:]))
        rows = waiting.at(order)
        return pack(
            {"version": 1, "windows": self._windows, "sources": names},
            {
                **arrays_of(held, source[:known], template[:known]),
                "clock": self._clock[number],
                "waiting_source": source[known:][order],
                "waiting_template": template[known:][order],
                "waiting": np.array([rows.windows, rows.largest, rows.first, rows.last]),
            },
        )

    def load(self, state: bytes) -> None:
        header, arrays = unpack(state)
        self._forget()
        self._windows = header["windows"]
        names: list[str] = header["sources"]
        self._table.add(columns_of(self._table, names, arrays))
        key = self._table.keys(names, arrays["waiting_source"], arrays["waiting_template"])
        self._waiting = Waiting.of(key, *arrays["waiting"])
        self._clock = arrays["clock"]
