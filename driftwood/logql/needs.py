"""Which labels a metric query can see, and so what its parsers have to extract: Loki's parser hints.

Pruning is observable: a parser that need not run cannot fail. So this is part of the language, not a speed-up.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Needs:
    """What parsers extract."""

    names: frozenset[str] | None = None
    """The final label names that matter; None: all of them."""
    nothing: bool = False
    """No parser runs at all."""

    def wants(self, name: str) -> bool:
        return not self.nothing and (self.names is None or name in self.names)


ALL = Needs()
