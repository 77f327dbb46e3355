"""A shape cache whose saved state tells under which rules of users it was learnt: a crash leaves no stale shape.

Rules are stored first and followed then. A kill in between leaves rules that the saved shapes do not know: `load` sees
that and forgets the shapes; the parser behind them keeps its templates.
"""

from __future__ import annotations

from driftwood.errors import StoreError
from parsing.shapes import ShapeCache

_MAGIC = b"DWRULED\x01"  # the last byte is the version
_REVISION = 16


class RuledCache(ShapeCache):
    """Call `use` before `load`, and before the first line."""

    def save(self) -> bytes:
        """Without rules, the state as `ShapeCache` has it."""
        revision = self._rules.revision.encode()
        return _MAGIC + revision + super().save() if revision else super().save()

    def load(self, state: bytes) -> None:
        """Raises StoreError for a state that is damaged or of another version."""
        learnt_under = ""
        if state.startswith(_MAGIC):
            try:
                learnt_under = state[len(_MAGIC) : len(_MAGIC) + _REVISION].decode("ascii")
            except UnicodeDecodeError as error:
                raise StoreError(
                    "the saved state of the parser is damaged; restore the store from a backup"
                ) from error
            state = state[len(_MAGIC) + _REVISION :]
        super().load(state)
        if learnt_under != self._rules.revision:
            self._forget()
