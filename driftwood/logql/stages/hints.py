"""What a pipeline's parsers may leave out. It is observable: what is not parsed cannot fail."""

from __future__ import annotations

from dataclasses import dataclass

from driftwood.logql.needs import ALL, Needs
from driftwood.logql.stages.errors import ERROR

SUFFIX = "_extracted"
"""What a parsed name gets where the stream or the structured metadata has that name already."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Shared by all stages of a pipeline."""

    nothing: bool = False
    """No parser runs."""
    required: frozenset[str] | None = None
    """Only these are extracted, and no parser reads on when the line has given all of them; None: all names."""

    @property
    def keeps_errors(self) -> bool:
        return self.required is not None and ERROR in self.required

    def wants_below(self, prefix: str) -> bool:
        """Whether a name that starts with `prefix` is required."""
        return self.required is None or any(name.startswith(prefix) for name in self.required)


def hints_of(needs: Needs) -> Hints:
    """A name that ends in `_extracted` may arise from a parsed name without it, so both are required."""
    if needs == ALL:
        return Hints()
    if needs.nothing or not needs.names:
        return Hints(nothing=True)
    return Hints(required=needs.names | {name.removesuffix(SUFFIX) for name in needs.names})
