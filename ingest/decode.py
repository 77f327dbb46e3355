"""Bytes and text lines to Records: what every source hands its messages to.

A Kafka value goes down a ladder until a rung holds it: the encoding that the settings name, the header `content-type`,
Confluent's framing (dead letter: there is no registry), OTLP as protobuf, then text: JSON with an agent's signature,
CRI, and the headers of `ingest/headers.py`. A line of a file starts at the text. `docs/formats.md` shows all of it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
import orjson
import pyarrow as pa

from driftwood.errors import ConfigError
from driftwood.records import DeadLetters, Records, no_records
from ingest.choices import Choices
from ingest.columns import Origin, Rows, dead_letters, in_order, known_records
from ingest.content_type import content_type
from ingest.envelopes import Entry
from ingest.otlp import NotOtlp, from_json, from_proto
from ingest.redact import Redactor
from ingest.services import service_of_file, topic_name
from ingest.severity import UNKNOWN
from ingest.texts import Texts

logger = logging.getLogger(__name__)

ENCODINGS: Final = ("auto", "json", "text", "otlp_proto", "otlp_json", "gelf")

Read = Callable[[Rows, int, str, int, int], str]

_FRAME: Final = 5
"""Bytes of Confluent's frame: a zero and the schema's id."""


class Raw(NamedTuple):
    """A message as a source got it. (`topic`, `part`, `off`) is its identity; for Kafka `topic` is "name/UUID"."""

    value: bytes
    topic: str
    part: int
    off: int
    headers: Sequence[tuple[str, bytes]] = ()
    key: bytes | None = None
    record_ts: int | None = None
    """The producer's or broker's time, ns."""


class Undecodable(ValueError):
    """A message in a format that it promised and does not keep: a dead letter. Says why, for a person."""


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
        if encoding not in ENCODINGS:
            raise ConfigError(f"unknown encoding {encoding!r}; known are {', '.join(ENCODINGS)}")
        self._source = source
        self._base = dict(base_labels)
        self._encoding = encoding
        self._redactor = redactor
        self._now = now
        self._texts = Texts(timezone)
        self._choices = Choices()

    def messages(
        self, raws: Sequence[Raw], labels: Mapping[str, str]
    ) -> tuple[Records, DeadLetters]:
        """Kafka values to records, in order; OTLP gives many of a message, counted by `idx`.

        `labels` go onto all of them, and `topic` (without its UUID) unless it is among them. `service_name` is what the
        message says, else the topic's name; a `service_name` in `labels` stays, whatever the message says.
        A message that makes the decoder itself fail is a dead letter: the source has moved on, nobody reads it again.
        """
        try:
            return self._messages(raws, labels)
        except Exception as error:  # a defect of ours costs one message, not the batch around it
            if len(raws) == 1:
                logger.exception("decoder failed topic=%s off=%d", raws[0].topic, raws[0].off)
                letter = self._dead(raws[0], self._now(), _failed(error))
                return no_records(), dead_letters([letter])
        half = len(raws) // 2
        parts = [self.messages(part, labels) for part in (raws[:half], raws[half:])]
        return (
            Records(pa.concat_tables([records for records, _ in parts])),
            DeadLetters(pa.concat_tables([dead for _, dead in parts])),
        )

    def _messages(
        self, raws: Sequence[Raw], labels: Mapping[str, str]
    ) -> tuple[Records, DeadLetters]:
        observed = self._now()
        arrived = [
            observed if raw.record_ts is None or raw.record_ts < 0 else raw.record_ts
            for raw in raws
        ]
        dead: list[dict[str, Any]] = []

        def one(rows: Rows, message: int) -> str:
            try:
                return self._message(rows, message, raws[message], arrived[message])
            except Undecodable as error:
                dead.append(self._dead(raws[message], observed, str(error)))
                return "dead_letter"

        topics = list(dict.fromkeys(raw.topic for raw in raws))
        at = {topic: n for n, topic in enumerate(topics)}
        column = (
            _column([raw.value for raw in raws]) if self._encoding in {"auto", "text"} else None
        )
        framed = (
            [bool(raw.headers) or raw.value[:1] in {b"\0", b"\n"} for raw in raws]
            if self._encoding == "auto"
            else [False] * len(raws)
        )
        records, chosen = self._records(
            len(raws),
            column,
            (min(arrived, default=0), max(arrived, default=0)),
            np.array(framed, np.bool_),
            one,
            {
                "origins": [
                    Origin(
                        topic,
                        {"topic": topic_name(topic), **self._base, **labels},
                        topic_name(topic),
                    )
                    for topic in topics
                ],
                "origin": np.array([at[raw.topic] for raw in raws], np.int32),
                "part": np.array([raw.part for raw in raws], np.int32),
                "off": np.array([raw.off for raw in raws], np.int64),
                "observed_ts": observed,
                "redactor": self._redactor,
            },
        )
        formats: dict[str, list[str]] = {topic: [] for topic in topics}
        for raw, form in zip(raws, chosen, strict=True):
            formats[raw.topic].append(form)
        for topic, each in formats.items():
            self._choices.add(topic, each)
        return records, dead_letters(dead)

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
        """Text lines, already split and decoded by `text_of`, to records: in order and one each, but for lines of
        OTLP JSON, which hold many, counted by `idx`.

        `offs`: the byte at which each line starts. `mtime_ns`: when the file was last written, which decides the year
        of time stamps without one. `errors`: what `text_of` found wrong, by position in `lines`.
        `service_name` is what the line says, else the stem of the label `filename`, else `topic`; a `service_name` in
        `labels` stays, whatever the line says. A line that makes the decoder itself fail is stored as it is.
        """
        errors = dict(errors or {})

        def decode(first: int, last: int, text: Read) -> Records:
            try:
                return self._lines(
                    lines[first:last], offs[first:last], topic, part, labels, mtime_ns, arrived_ns,
                    {row - first: said for row, said in errors.items() if first <= row < last}, text,
                )  # fmt: skip
            except (
                Exception
            ) as error:  # a defect of ours costs one line its time and level, nothing more
                if last - first == 1:
                    logger.exception("decoder failed topic=%s off=%d", topic, offs[first])
                    errors[first] = _failed(error)
                    return decode(first, last, _as_it_is)
            half = (first + last) // 2
            return Records(pa.concat_tables([decode(first, half, text), decode(half, last, text)]))

        return decode(
            0, len(lines), self._texts.read if self._encoding != "text" else self._texts.plain
        )

    def _lines(
        self,
        lines: Sequence[str],
        offs: Sequence[int],
        topic: str,
        part: int,
        labels: Mapping[str, str],
        mtime_ns: int | None,
        arrived_ns: int | None,
        errors: Mapping[int, str],
        text: Read,
    ) -> Records:
        observed = self._now() if arrived_ns is None else arrived_ns
        before = observed if mtime_ns is None else mtime_ns
        common = {**self._base, **labels}
        file = common.get("filename")
        n = len(lines)
        shared: dict[str, Any] = {
            "origins": [
                Origin(topic, common, service_of_file(file) if file else topic_name(topic))
            ],
            "origin": np.zeros(n, np.int32),
            "part": np.full(n, part, np.int32),
            "off": np.array(offs, np.int64),
            "observed_ts": observed,
            "redactor": self._redactor,
        }
        aside = np.zeros(n, np.bool_)
        aside[list(errors)] = True

        def one(rows: Rows, row: int) -> str:
            first = len(rows.line)
            form = text(rows, row, lines[row], before, observed)
            if row in errors:
                for record in range(first, len(rows.line)):
                    rows.note(record, "decode_error", errors[row])
            return form

        column = _column(lines) if text in (self._texts.read, self._texts.plain) else None
        records, formats = self._records(n, column, (before, before), aside, one, shared)
        self._choices.add(topic, formats)
        return records

    def _records(
        self,
        n: int,
        column: pa.StringArray | None,
        before: tuple[int, int],
        aside: npt.NDArray[np.bool_],
        one: Callable[[Rows, int], str],
        shared: Mapping[str, Any],
    ) -> tuple[Records, list[str]]:
        """Records and formats of `n` messages: of most together (`column`), of those `aside` and of others by `one`."""
        known = None if column is None else self._texts.known(column, before)
        fits = np.zeros(n, np.bool_) if known is None else (known.layout >= 0) & ~aside
        rows, formats = Rows(), [""] * n
        unread = np.flatnonzero(~fits).tolist()
        for message in unread:
            formats[message] = one(rows, message)
        others = rows.records(**shared)
        if known is None or column is None or len(unread) == n:
            return others, formats
        at = np.flatnonzero(fits)
        layouts = known.layout[at].tolist()
        forms, services = self._texts.forms()
        for message, layout in zip(at.tolist(), layouts, strict=True):
            formats[message] = forms[layout]
        read = known_records(
            column if not unread else column.take(pa.array(at, pa.int64())),
            known.ts[at],
            known.severity[at],
            [services[layout] for layout in layouts],
            at,
            **shared,
        )
        return in_order(read, at, others, np.array(rows.message, np.int64)), formats

    def chosen(self) -> dict[str, dict[str, int]]:
        """By topic: how many messages were recognised in each format, and under `switches` how often one had another
        format than the one before it. May be called from any thread.
        """
        return self._choices.by_topic()

    def _message(self, rows: Rows, message: int, raw: Raw, arrived: int) -> str:
        """Adds the records of one message and returns its format. Raises Undecodable."""
        encoding, charset = self._encoding, "utf-8"
        if raw.headers and encoding == "auto":
            encoding, charset = content_type(raw.headers)
        value = raw.value
        if encoding == "auto":
            if value[:1] == b"\0" and len(value) >= _FRAME:
                schema = int.from_bytes(value[1:_FRAME], "big")
                raise Undecodable(
                    f"schema id {schema}, registry not configured: the value is framed for Confluent's schema registry"
                )
            if value[:1] == b"\n" and (entries := _probe(value)):
                return self._texts.of_entries(
                    rows, message, "otlp_proto", entries, arrived, arrived
                )
            return self._decoded(rows, message, value, "utf-8", self._texts.read, arrived)
        if encoding == "text":
            return self._decoded(rows, message, value, charset, self._texts.plain, arrived)
        if encoding == "otlp_proto":
            try:
                entries = from_proto(value)
            except NotOtlp as error:
                raise Undecodable(str(error)) from error
            return self._texts.of_entries(rows, message, encoding, entries, arrived, arrived)
        if encoding.startswith("refused:"):
            kind = encoding.partition(":")[2]
            raise Undecodable(f"content-type {kind} cannot be decoded; send JSON, OTLP or text")
        return self._json(rows, message, value, encoding, arrived)

    def _decoded(
        self, rows: Rows, message: int, value: bytes, charset: str, read: Read, arrived: int
    ) -> str:
        first = len(rows.line)
        text, error = text_of(value) if charset == "utf-8" else _text_in(value, charset)
        chosen = read(rows, message, text, arrived, arrived)
        if error:
            for record in range(first, len(rows.line)):
                rows.note(record, "decode_error", error)
        return chosen

    def _json(self, rows: Rows, message: int, value: bytes, encoding: str, arrived: int) -> str:
        """A message that has to be JSON, of the shape that `encoding` names."""
        try:
            obj = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise Undecodable(f"not valid JSON: {error}") from error
        text = value.decode()
        if encoding == "otlp_json":
            try:
                entries = from_json(obj)
            except NotOtlp as error:
                raise Undecodable(str(error)) from error
            return self._texts.of_entries(rows, message, encoding, entries, arrived, arrived)
        if encoding == "gelf" and not (isinstance(obj, dict) and "short_message" in obj):
            raise Undecodable("not GELF: a JSON object with the key short_message is needed")
        if isinstance(obj, dict):
            return self._texts.of_object(rows, message, text, obj, arrived, arrived)
        rows.add(text, arrived, UNKNOWN, "", message)
        return "json"

    def _dead(self, raw: Raw, observed: int, reason: str) -> dict[str, Any]:
        clean = self._redactor.raw if self._redactor else bytes
        return {
            "observed_ts": observed,
            "source": self._source,
            "topic": raw.topic,
            "part": raw.part,
            "off": raw.off,
            "idx": 0,
            "stage": "decode",
            "reason": reason,
            "raw": clean(raw.value),
            "headers": [(name, clean(value)) for name, value in raw.headers],
            "key": None if raw.key is None else clean(raw.key),
            "record_ts": raw.record_ts,
        }


def _column(lines: Sequence[str] | Sequence[bytes]) -> pa.StringArray | None:
    """None when a line is no text: then all are read one by one, and it is said of which."""
    try:
        column = pa.array(lines, pa.string())
        column.validate(full=True)
    except (UnicodeEncodeError, pa.ArrowInvalid):
        return None
    return column


def _failed(error: Exception) -> str:
    return f"the decoder failed, which is a defect: {type(error).__name__}: {error}"


def _as_it_is(rows: Rows, row: int, line: str, before: int, arrived: int) -> str:
    """A line about which nothing is known but when it came."""
    rows.add(line, arrived, UNKNOWN, "", row)
    return "text"


def _probe(value: bytes) -> list[Entry]:
    """The records of `value` if it happens to be an OTLP export, else none."""
    try:
        return from_proto(value)
    except NotOtlp:
        return []


def _text_in(value: bytes, charset: str) -> tuple[str, str | None]:
    try:
        return value.decode(charset), None
    except UnicodeDecodeError as error:
        return text_of(value)[0], f"invalid {charset} at byte {error.start}"
