"""Lines that belong together: stack traces and other continuations, joined to the record that they belong to."""

from __future__ import annotations

from collections.abc import Sequence


class Stitcher:
    """One per file. Holds back the last open record, because the next line may belong to it."""

    def feed(self, lines: Sequence[str], offs: Sequence[int]) -> tuple[list[str], list[int]]:
        """The records that are complete now, and where each starts."""
        return list(lines), list(offs)

    def pending_since_off(self) -> int | None:
        """Where the record that is held back starts: a checkpoint must not lie after it. None: nothing is held."""
        return None

    def flush(self) -> tuple[list[str], list[int]]:
        """What is held back, complete or not: after silence, or at the end."""
        return [], []
