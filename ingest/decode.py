"""Bytes and text lines to Records: what every source hands its messages to."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import pyarrow as pa

from driftwood.records import DeadLetters, Records, no_dead_letters
from ingest.columns import Rows, Streams
from ingest.redact import Redactor


@dataclass(frozen=True, slots=True)
class Raw:
    """A message as a source got it. (`topic`, `part`, `off`) is its identity; for Kafka `topic` is "name/UUID"."""

    value: bytes
    topic: str
    part: int
    off: int
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None
    record_ts: int | None = None
    """The producer's or broker's time, ns."""


def text_of(raw: bytes) -> tuple[str, str | None]:
    """`raw` as text, and what was wrong with it: bytes that are no UTF-8 come back as `\\xNN`.

    >>> text_of(b"caf\\xc3\\xa9")
    ('café', None)
    >>> text_of(b"caf\\xe9 au lait")
    ('caf\\\\xe9 au lait', 'invalid UTF-8 at byte 3')
    """
    try:
        return raw.decode(), None
    except UnicodeDecodeError as error:
        return raw.decode(errors="backslashreplace"), f"invalid UTF-8 at byte {error.start}"


class Decoder:
    """One per source. Thread-confined, but for `chosen`."""

    def __init__(
        self,
        source: str,
        base_labels: Mapping[str, str],
        *,
        encoding: str = "auto",
        timezone: str = "UTC",
        redactor: Redactor | None = None,
        now: Callable[[], int] = time.time_ns,
    ) -> None:
        """`source`: its name, for dead letters. `base_labels` go onto every record.

        Raises ConfigError for an unknown encoding or time zone.
        """
        self._source = source
        self._base = dict(base_labels)
        self._redactor = redactor
        self._now = now

    def messages(
        self, raws: Sequence[Raw], labels: Mapping[str, str]
    ) -> tuple[Records, DeadLetters]:
        """Kafka values to records. `labels` go onto all of them, and `topic` without its UUID if not among them."""
        observed = self._now()
        rows = Rows()
        for raw in raws:
            text, error = text_of(raw.value)
            if error:
                rows.sm[len(rows.line)] = {"decode_error": error}
            rows.line.append(text)
            rows.ts.append(observed if raw.record_ts is None else raw.record_ts)
            rows.severity.append(0)
            rows.service.append(raw.topic.rpartition("/")[0] or raw.topic)
            rows.topic.append(raw.topic)
            rows.part.append(raw.part)
            rows.off.append(raw.off)
            rows.idx.append(0)
        common = {
            topic: {"topic": topic.rpartition("/")[0] or topic, **self._base, **labels}
            for topic in dict.fromkeys(rows.topic)
        }
        return rows.records(
            pa.array(rows.line, pa.string()), Streams(common), observed
        ), no_dead_letters()

    def lines(
        self,
        lines: Sequence[str],
        offs: Sequence[int],
        *,
        topic: str,
        part: int,
        labels: Mapping[str, str],
        mtime_ns: int | None = None,
        arrived_ns: int | None = None,
        errors: Mapping[int, str] | None = None,
    ) -> Records:
        """Text lines, already split and decoded by `text_of`, to records; one each, in the same order.

        `offs`: the byte at which each line starts. `mtime_ns`: when the file was last written, which decides the year
        of time stamps without one. `errors`: what `text_of` found wrong, by position in `lines`.
        `service_name` is what the line says, else the stem of the label `filename`, else `topic`; when `labels` hold a
        `service_name`, that one stays, whatever the lines say.
        """
        observed = self._now() if arrived_ns is None else arrived_ns
        n = len(lines)
        common = {**self._base, **labels}
        rows = Rows(
            list(lines),
            [observed] * n,
            [0] * n,
            [common.get("service_name") or topic] * n,
            [topic] * n,
            [part] * n,
            list(offs),
            [0] * n,
            {row: {"decode_error": error} for row, error in (errors or {}).items()},
        )
        return rows.records(pa.array(rows.line, pa.string()), Streams({topic: common}), observed)
