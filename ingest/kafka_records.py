"""Record batches to `Raw`, in one pass: kafka-python's own way makes five objects of every record and is four times
slower, most of what reading costs. Which batches count (transactions, control batches, offsets) stays its business.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kafka.consumer.fetcher import Fetcher, IsolationLevel
from kafka.errors import CorruptRecordError

from ingest.decode import Raw

_APPEND_TIME = 1
_V2 = 2


def raws(batch: Any, topic: str, part: int) -> list[Raw]:
    """The records of a batch, in order of offset. Raises CorruptRecordError.

    Format v2: https://kafka.apache.org/documentation/#record
    """
    if batch.magic != _V2:  # what brokers before 0.11 wrote
        return [_slowly(record, topic, part) for record in batch]
    batch._maybe_uncompress()
    buffer, pos = bytes(batch._buffer), batch._pos
    base_offset, base_ts = batch.base_offset, batch.first_timestamp
    appended = batch.max_timestamp if batch.timestamp_type == _APPEND_TIME else None
    found: list[Raw] = []
    try:
        for _ in range(batch.records_count):
            size, pos = _varint(buffer, pos)
            end = pos + size
            ts_delta, pos = _varint(buffer, pos + 1)  # one byte of attributes, unused
            offset_delta, pos = _varint(buffer, pos)
            key = None
            length, pos = _varint(buffer, pos)
            if length >= 0:
                key = buffer[pos : pos + length]
                pos += length
            # No value is a tombstone: an empty line, so that every offset is accounted for.
            length, pos = _varint(buffer, pos)
            value = buffer[pos : pos + length] if length >= 0 else b""
            pos += max(0, length)
            headers, pos = ((), pos + 1) if buffer[pos] == 0 else _headers(buffer, pos)
            if pos != end:
                raise CorruptRecordError(f"a record of {size} bytes ends {pos - end} bytes late")
            ts = base_ts + ts_delta if appended is None else appended
            found.append(
                Raw(
                    value,
                    topic,
                    part,
                    base_offset + offset_delta,
                    headers,
                    key,
                    ts * 1_000_000 if ts >= 0 else None,
                )
            )
    except (IndexError, UnicodeDecodeError) as error:
        raise CorruptRecordError(f"a batch at offset {base_offset} cannot be read") from error
    return found


def _varint(buffer: bytes, pos: int) -> tuple[int, int]:
    """A zigzag varint at `pos`, and where it ends.

    >>> _varint(b"\\x01", 0), _varint(b"\\xdc\\x01", 0)
    ((-1, 1), (110, 2))
    """
    byte = buffer[pos]
    if byte < 128:
        return (byte >> 1) ^ -(byte & 1), pos + 1
    value, shift = byte & 127, 7
    while True:
        pos += 1
        byte = buffer[pos]
        value |= (byte & 127) << shift
        if byte < 128:
            return (value >> 1) ^ -(value & 1), pos + 1
        shift += 7


def _headers(buffer: bytes, pos: int) -> tuple[tuple[tuple[str, bytes], ...], int]:
    count, pos = _varint(buffer, pos)
    headers = []
    for _ in range(count):
        length, pos = _varint(buffer, pos)
        name = buffer[pos : pos + length].decode()
        pos += length
        length, pos = _varint(buffer, pos)
        headers.append((name, buffer[pos : pos + length] if length >= 0 else b""))
        pos += max(0, length)
    return tuple(headers), pos


def _slowly(record: Any, topic: str, part: int) -> Raw:
    ts = record.timestamp
    ns = ts * 1_000_000 if ts is not None and ts >= 0 else None
    headers = tuple((name, value or b"") for name, value in record.headers or ())
    return Raw(record.value or b"", topic, part, record.offset, headers, record.key, ns)


class RawRecords(Fetcher.PartitionRecords):  # type: ignore[misc]  # kafka-python has no types
    """What one fetch gave of one partition: plays kafka-python's part, but gives `Raw`."""

    def __init__(self, fetch_offset: int, tp: Any, records: Any, *, epoch: str, **how: Any) -> None:
        self._epoch = epoch
        super().__init__(fetch_offset, tp, records, **how)

    def _maybe_skip_record(self, record: Raw) -> bool:
        """A compressed batch is sent whole: what lies before the offset we asked for was read before."""
        return bool(record.off < self.fetch_offset)

    def _unpack_records(self, tp: Any, records: Any, *_: object) -> Iterator[Raw]:
        committed = self.isolation_level == IsolationLevel.READ_COMMITTED
        last = None
        while (batch := records.next_batch()) is not None:
            last = batch
            if self.check_crcs and not batch.validate_crc():
                raise CorruptRecordError(f"{tp} at offset {batch.base_offset} fails its checksum")
            if batch.magic == _V2:
                self.leader_epoch = batch.leader_epoch
                aborted = committed and batch.has_producer_id() and self._aborted(batch)
                if aborted or batch.is_control_batch:
                    self.next_fetch_offset = batch.next_offset
                    continue
            self.bytes_read += 1  # no more is asked of it than to differ from 0
            for raw in raws(batch, self._epoch, tp.partition):
                self.next_fetch_offset = raw.off + 1
                yield raw
        if last is not None and last.magic == _V2:
            self.next_fetch_offset = last.next_offset  # compaction may have taken the last records
        self.drain()

    def _aborted(self, batch: Any) -> bool:
        """Whether `batch` belongs to a transaction that was aborted; keeps the books of who aborts."""
        self._consume_aborted_transactions_up_to(batch.last_offset)
        if self._contains_abort_marker(batch):
            self.aborted_producer_ids.discard(batch.producer_id)
            return False
        return bool(self._is_batch_aborted(batch))
