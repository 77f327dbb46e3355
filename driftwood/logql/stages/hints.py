"""What a pipeline's parsers may leave out.

All of it is observable: what is not parsed cannot fail, and a filter that is asked early sees what no later stage changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

from driftwood.logql.needs import ALL, Needs
from driftwood.logql.stages.errors import ERROR

if TYPE_CHECKING:
    from driftwood.logql.stages.labels import LabelSet

Check: TypeAlias = "Callable[[LabelSet], bool]"
"""A label filter: whether the line stays. It may note an error in the labels."""

SUFFIX = "_extracted"
"""What a parsed name gets where the stream or the structured metadata has that name already."""


@dataclass(frozen=True, slots=True)
class Hints:
    """Shared by all stages of a pipeline."""

    nothing: bool = False
    """No parser runs."""
    required: frozenset[str] | None = None
    """Only these are extracted, and no parser reads on when the line has given all of them; None: all names."""
    early: Mapping[str, Check] = field(default_factory=dict)
    """By label: the first filter on it, which a parser asks as soon as it has extracted the label."""

    @property
    def keeps_errors(self) -> bool:
        return self.required is not None and ERROR in self.required

    def wants_below(self, prefix: str) -> bool:
        """Whether a name that starts with `prefix` is required."""
        return self.required is None or any(name.startswith(prefix) for name in self.required)


def hints_of(needs: Needs, early: Mapping[str, Check]) -> Hints:
    """A name that ends in `_extracted` may arise from a parsed name without it, so both are required."""
    if needs == ALL:
        return Hints(early=early)
    if needs.nothing or not needs.names:
        return Hints(nothing=True)
    names = needs.names | {name.removesuffix(SUFFIX) for name in needs.names}
    return Hints(required=names, early=early)
