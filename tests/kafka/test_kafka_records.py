"""Our reading of record batches against kafka-python's own, which is slower and known to be right."""

from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kafka.errors import CorruptRecordError
from kafka.record import MemoryRecords, MemoryRecordsBuilder

from ingest.decode import Raw
from ingest.kafka_records import raws

Message = tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
MESSAGES = st.lists(
    st.tuples(
        st.integers(0, 2**42),
        st.none() | st.binary(max_size=20),
        st.none() | st.binary(max_size=300),
        st.lists(st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3),
    ),
    min_size=1,
    max_size=200,
)


def written(messages: list[Message], compression: int = 0, magic: int = 2) -> bytes:
    builder = MemoryRecordsBuilder(magic=magic, compression_type=compression, batch_size=10_000_000)
    for timestamp, key, value, headers in messages:
        builder.append(timestamp=timestamp, key=key, value=value, headers=headers)
    builder.close()
    return bytes(builder.buffer())


def batches(buffer: bytes) -> list[Any]:
    records, found = MemoryRecords(buffer), []
    while (batch := records.next_batch()) is not None:
        found.append(batch)
    return found


@given(MESSAGES, st.sampled_from([0, 1, 2, 3, 4]))
def test_batches_are_read_as_kafka_python_reads_them(
    messages: list[Message], compression: int
) -> None:
    buffer = written(messages, compression)
    ours = [raw for batch in batches(buffer) for raw in raws(batch, "t/id", 4)]
    theirs = [
        Raw(
            record.value or b"",
            "t/id",
            4,
            record.offset,
            tuple((name, value or b"") for name, value in record.headers),
            record.key,
            record.timestamp * 1_000_000,
        )
        for batch in batches(buffer)
        for record in batch
    ]
    assert ours == theirs
    assert len(ours) == len(messages)


@pytest.mark.parametrize("magic", [0, 1])
def test_batches_of_old_brokers_are_read_too(magic: int) -> None:
    buffer = written([(5, None, b"one", []), (6, b"k", None, [])], magic=magic)
    found = [raw for batch in batches(buffer) for raw in raws(batch, "t/id", 0)]
    assert [(raw.value, raw.key) for raw in found] == [(b"one", None), (b"", b"k")]
    assert [raw.record_ts for raw in found] == (
        [None] * 2 if magic == 0 else [5_000_000, 6_000_000]
    )


@given(MESSAGES, st.data())
def test_a_damaged_batch_is_refused_or_read_but_never_breaks_the_reader(
    messages: list[Message], data: st.DataObject
) -> None:
    buffer = bytearray(written(messages))
    at = data.draw(st.integers(61, len(buffer) - 1))  # behind the header, which has the lengths
    buffer[at] ^= data.draw(st.integers(1, 255))
    (batch,) = batches(bytes(buffer))
    assert not batch.validate_crc()
    with contextlib.suppress(CorruptRecordError):
        raws(batch, "t/id", 0)
