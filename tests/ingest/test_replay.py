"""Replay of dead letters through the real decoder: a fix brings them back, each once, or leaves them as they were."""

from __future__ import annotations

import json

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Decoder, Raw
from ingest.replay import replay

TOPIC = "orders/00000000-0000-0000-0000-000000000007"
OTLP = json.dumps(
    {
        "resourceLogs": [
            {
                "scopeLogs": [
                    {
                        "logRecords": [
                            {"timeUnixNano": "1795229278404123000", "body": {"stringValue": text}}
                            for text in ("first", "second")
                        ]
                    }
                ]
            }
        ]
    }
).encode()


def decoder(encoding: str) -> Decoder:
    return Decoder("kafka", {"source": "kafka"}, encoding=encoding)


def letters_of(values: list[bytes], encoding: str) -> pa.Table:
    """What the table of dead letters holds after `values` were read with `encoding`."""
    raws = [Raw(value, TOPIC, 0, off, [("host", b"web-1")]) for off, value in enumerate(values)]
    _, dead = decoder(encoding).messages(raws, {})
    return dead.append_column("id", pa.array(range(10, 10 + dead.num_rows), pa.int64()))


def test_letters_come_back_with_the_encoding_that_fits() -> None:
    letters = letters_of([OTLP, b"plain"], "otlp_proto")
    assert letters.num_rows == 2
    again = replay(letters.slice(0, 1), decoder("auto"))
    assert again.records.column("line").to_pylist() == ["first", "second"]
    assert again.records.select(["topic", "part", "off", "idx"]).to_pylist() == [
        {"topic": TOPIC, "part": 0, "off": 0, "idx": idx} for idx in (0, 1)
    ]
    assert again.ids == (10,)
    assert again.still_dead.num_rows == 0


def test_letters_that_stay_dead_say_why_today() -> None:
    letters = letters_of([OTLP, b"plain"], "otlp_proto")
    again = replay(letters, decoder("otlp_json"))
    assert again.ids == (10,)
    assert again.still_dead.column("off").to_pylist() == [1]
    assert again.still_dead.column("raw").to_pylist() == [b"plain"]
    assert again.still_dead.column("headers").to_pylist() == [[("host", b"web-1")]]


def test_records_that_are_stored_already_are_left_out_and_their_letter_is_done() -> None:
    letters = letters_of([OTLP], "otlp_proto")
    again = replay(letters, decoder("auto"), stored={(TOPIC, 0, 0, 0)})
    assert again.records.column("line").to_pylist() == ["second"]
    assert again.ids == (10,)


def test_a_letter_given_twice_is_decoded_once() -> None:
    letters = letters_of([OTLP], "otlp_proto")
    twice = pa.concat_tables([letters, letters.set_column(12, "id", pa.array([99], pa.int64()))])
    again = replay(twice, decoder("auto"))
    assert again.records.num_rows == 2
    assert again.ids == (10, 99)


def test_nothing_to_replay_gives_nothing() -> None:
    again = replay(letters_of([], "otlp_proto"), decoder("auto"))
    assert (again.records.num_rows, again.ids, again.still_dead.num_rows) == (0, (), 0)


@given(st.lists(st.binary(max_size=40), max_size=12))
def test_replaying_what_was_replayed_stores_nothing_more(values: list[bytes]) -> None:
    letters = letters_of(values, "otlp_proto")
    first = replay(letters, decoder("text"))
    assert len(first.ids) + len({*first.still_dead.column("off").to_pylist()}) == letters.num_rows
    stored = {
        (row["topic"], row["part"], row["off"], row["idx"])
        for row in first.records.select(["topic", "part", "off", "idx"]).to_pylist()
    }
    assert replay(letters, decoder("text"), stored).records.num_rows == 0
