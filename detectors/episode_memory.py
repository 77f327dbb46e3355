"""Episode memory: relations that are new or rare, or come more often than ever, learnt from finished episodes only.

A relation r of a window, with n lines, was seen in c windows of this source, in C of any source, and at most mx times
in a window of any source; W windows were learnt from in all:

    rarity(r) = (-log10((c + .5) / (W + 1)) - log10((C + .5) / (W + 1))) / 2
    score     = max_r rarity(r)                                       the strangest relation
              + ln 10 sum_others max(0, rarity(r) - 3/4 log10(W + 1)) breadth: more that is nearly unseen, in nats
              + sum_r max(0, ln((n + 1) / (max(mx, 1) + 1)))          volume, in nats, too

What a template does elsewhere counts as much as what it does here: new here and common elsewhere is half as strange as
new everywhere, and a source that starts to do what others do is no incident.
"""

from __future__ import annotations

import numpy as np

from detectors.relation_table import Rows, Seen
from detectors.relations import Floats, Relations, exceeding

ORDINARY = 0.75
"""Rarity below this share of the scale is what every window has some of: only the strangest relation counts for it."""


class EpisodeMemory(Relations):
    name = "episode_memory"

    def parts(self, rows: Rows, seen: Seen) -> Floats:
        rarity = (self.rarity(seen.windows) + self.rarity(seen.everywhere)) / 2.0
        rarity = np.maximum(rarity, 0.0)
        order = np.lexsort((-rows.template, rarity, rows.unit))
        rarest = order[np.diff(rows.unit[order], append=-1) != 0]
        usual = ORDINARY * np.log10(self._windows + 1.0)
        parts = np.log(10.0) * np.maximum(rarity - usual, 0.0)
        parts[rarest] = rarity[rarest]
        return np.asarray(parts + exceeding(rows.count, np.maximum(seen.anywhere, 1)), np.float64)
