"""Which detectors a tier of sessions has when a rule names none."""

from __future__ import annotations

SESSION_TIERS: tuple[tuple[str, ...], ...] = (
    ("prefix_vectors",),
    ("prefix_vectors", "ngram_lm"),
)
