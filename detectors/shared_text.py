"""What nearly all lines of a stream say alike, its service for one: kept once instead of with each session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from detectors.sessions import Session
from detectors.units import FOREVER, Ints


@dataclass(slots=True)
class Shared:
    """A text that all lines have, up to the line that has another."""

    text: str | None = None
    until: int = FOREVER
    """A line id."""

    def meet(self, texts: Sequence[str | None], codes: npt.NDArray[Any], line_id: Ints) -> None:
        """Lines with these `codes` into `texts`, in order; at least one."""
        if self.until == FOREVER:
            if self.text is None:
                self.text = texts[codes[0]]
            others = np.flatnonzero(np.array([text != self.text for text in texts])[codes])
            if len(others):
                self.until = int(line_id[others[0]])

    def of(self, session: Session) -> str | None:
        """None when by the session's first line another text was there."""
        return self.text if int(session.rows.line_id.min()) < self.until else None
