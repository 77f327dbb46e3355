"""Which formats the messages of each topic were recognised in: what the System page shows of the decoders."""

from __future__ import annotations

from collections import Counter
from operator import ne
from typing import Final

_TOPICS: Final = 4_096
"""Topics and files that are remembered; the oldest leave first."""


class Choices:
    def __init__(self) -> None:
        self._chosen: dict[str, Counter[str]] = {}
        self._last: dict[str, str] = {}

    def add(self, topic: str, formats: list[str]) -> None:
        """The formats of the topic's next messages, in order."""
        if not formats:
            return
        if topic not in self._chosen and len(self._chosen) >= _TOPICS:
            oldest = next(iter(self._chosen))
            del self._chosen[oldest], self._last[oldest]
        counts = self._chosen.setdefault(topic, Counter(switches=0))
        last = self._last.get(topic, formats[0])
        self._last[topic] = formats[-1]
        counts["switches"] += sum(map(ne, formats, [last, *formats[:-1]]))
        counts.update(formats)

    def by_topic(self) -> dict[str, dict[str, int]]:
        """May be called from any thread."""
        return {topic: dict(counts) for topic, counts in list(self._chosen.items())}
