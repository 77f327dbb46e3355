from __future__ import annotations

import lzma
import tarfile
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from driftwood.config import Redaction
from driftwood.errors import ConfigError
from driftwood.records import DEAD_LETTERS, RECORDS
from ingest.decode import Decoder, Raw, text_of
from ingest.redact import Redactor

NOW = 1_795_262_400 * 10**9  # 2026-11-21T12:00:00Z


def decoder(**settings: Any) -> Decoder:
    return Decoder("test", {"source": "test"}, now=lambda: NOW, **settings)


def lines(*texts: str, **settings: Any) -> list[dict[str, Any]]:
    records = decoder(**settings).lines(texts, range(len(texts)), topic="t", part=0, labels={})
    records.validate(full=True)
    rows: list[dict[str, Any]] = records.to_pylist()
    return rows


def messages(*values: bytes, **settings: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    raws = [Raw(value, "orders/uuid", 3, off) for off, value in enumerate(values)]
    records, dead = decoder(**settings).messages(raws, {})
    records.validate(full=True)
    return records.to_pylist(), dead.to_pylist()


def labels_of(records: pa.Table) -> list[dict[str, str]]:
    return [orjson.loads(str(key)) for key in records["labels"].to_pylist()]


def real_logs(shared: Path) -> Iterator[tuple[str, list[str]]]:
    """Every kind of log that there is, by name."""
    folder = shared / "data"
    for path in [*folder.glob("loghub_2k/*/*_2k.log"), *folder.glob("loghub_2_0/*/*.log")]:
        text = path.read_bytes().decode("utf-8", "backslashreplace")
        yield path.stem, text.splitlines()
    with tarfile.open(folder / "detection/lo2/lo2_log_data.tar.xz") as archive:
        member = next(m for m in archive if m.name.endswith("token-1.log"))
        content = archive.extractfile(member)
        assert content
        yield "lo2", content.read().decode().splitlines()
    trains = pq.read_table(folder / "detection/nezha_trainticket/rca_data_2023-01-29_log.parquet")
    yield "nezha", [str(line) for line in trains["log"][:3_000]]
    for path in folder.glob("detection/openstack/openstack-nova-*.log.xz"):
        yield path.stem, lzma.decompress(path.read_bytes()).decode().splitlines()


def alone(one: Decoder, texts: Sequence[str], cuts: Sequence[int]) -> pa.Table:
    """`texts` decoded in batches that end at `cuts`."""
    bounds = [0, *cuts, len(texts)]
    return pa.concat_tables(
        one.lines(texts[a:b], range(a, b), topic="t", part=0, labels={}, mtime_ns=NOW)
        for a, b in pairwise(bounds)
    )


def test_a_batch_gives_what_its_lines_give_alone(shared: Path) -> None:
    for name, texts in real_logs(shared):
        some = texts[:: max(1, len(texts) // 100)]
        whole = alone(decoder(), some, [])
        single = alone(decoder(), some, range(1, len(some)))
        assert whole.to_pylist() == single.to_pylist(), name


FRAGMENTS = st.sampled_from(
    [
        "2024-06-14T15:16:01.123Z",
        "2024-06-14 15:16:01",
        "Jun 14 15:16:01",
        "15:16:01",
        "[",
        "]",
        " ",
        "\t",
        "INFO",
        "error:",
        "web-1",
        "sshd[42]:",
        "<34>",
        "1 ",
        '{"level":"warn"}',
        "level=warn",
        "stdout F ",
        "- 1117838570 2005.06.03 n1 ",
        "\0",
        "é",
        "-",
        "|",
        '"GET / HTTP/1.1" 503 1',
        "10/Oct/2000:13:55:36 -0700",
    ]
)


@given(st.lists(st.lists(FRAGMENTS | st.text(max_size=5), max_size=6).map("".join), max_size=8))
def test_any_text_gives_one_record_each_whatever_else_is_in_the_batch(texts: list[str]) -> None:
    whole = alone(decoder(), texts, [])
    assert whole.num_rows == len(texts)
    for row, text in zip(whole.to_pylist(), texts, strict=True):
        (single,) = alone(decoder(), [text], []).to_pylist()
        assert {**single, "off": row["off"]} == row


@given(st.lists(st.binary(max_size=40), max_size=8))
def test_every_message_is_stored_or_dead(values: list[bytes]) -> None:
    records, dead = messages(*values)
    assert sorted([r["off"] for r in records] + [d["off"] for d in dead]) == list(
        range(len(values))
    )


@given(st.binary(max_size=60))
def test_bytes_that_are_text_come_back_from_it(raw: bytes) -> None:
    text, error = text_of(raw)
    if error is None:
        assert text.encode() == raw
    else:
        assert "\\x" in text


def test_tables_have_the_agreed_columns() -> None:
    records, dead = decoder().messages([Raw(b"x", "t", 0, 0), Raw(b"\0\0\0\0\1x", "t", 0, 1)], {})
    assert records.schema == RECORDS
    assert dead.schema == DEAD_LETTERS
    assert decoder().lines([], [], topic="t", part=0, labels={}).schema == RECORDS
    assert decoder().messages([], {})[0].num_rows == 0


def test_labels_are_the_sources_then_what_the_line_tells() -> None:
    records = decoder().lines(
        ["level=warn msg=x", 'level=info service=pay msg="x"', "plain"],
        [0, 10, 20],
        topic="1:7",
        part=0,
        labels={"filename": "/var/log/nginx/access.log.1"},
    )
    assert labels_of(records) == [
        {
            "source": "test",
            "filename": "/var/log/nginx/access.log.1",
            "service_name": service,
            **level,
        }
        for service, level in (
            ("access", {"level": "warn"}),
            ("pay", {"level": "info"}),
            ("access", {}),
        )
    ]
    assert records["service"].to_pylist() == ["access", "pay", "access"]
    assert records["off"].to_pylist() == [0, 10, 20]


def test_a_service_that_the_source_names_stays() -> None:
    records = decoder().lines(
        ["level=info service=pay"], [0], topic="t", part=0, labels={"service_name": "shop"}
    )
    assert records["service"].to_pylist() == ["shop"]


def test_a_label_set_is_written_once_however_many_lines_have_it() -> None:
    records = decoder().lines(["INFO x"] * 1000, range(1000), topic="t", part=0, labels={})
    chunk: Any = records["labels"].chunk(0)
    assert len(chunk.dictionary) == 1


def test_what_is_not_recognised_has_the_time_of_its_arrival() -> None:
    (row,) = lines("just words")
    assert (row["ts"], row["severity"]) == (NOW, 0)
    ((record,), _) = messages(b"just words")
    assert record["ts"] == NOW
    records, _ = decoder().messages([Raw(b"just words", "t", 0, 0, record_ts=77)], {})
    assert records["ts"].to_pylist() == [77]
    assert records["observed_ts"].to_pylist() == [NOW]


def test_a_files_last_change_decides_the_year() -> None:
    mtime = 1_118_800_000 * 10**9  # June 2005
    records = decoder().lines(
        ["Jun 14 15:16:01 combo sshd[1]: x"], [0], topic="t", part=0, labels={}, mtime_ns=mtime
    )
    assert records["ts"].to_pylist() == [1_118_762_161 * 10**9]


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\0",
        "a\0b",
        "x" * 10_000_000,
        "x " * 100_000,
        "[" * 100_000,
        "=" * 100_000,
        '{"a":' * 1_000 + "1" + "}" * 1_000,
        '{"a":' * 5_000 + "1" + "}" * 5_000,
        '{"message":"x","ecs":' + '{"a":' * 900 + "[" * 90 + "1" + "]" * 90 + "}" * 900 + "}",
        '{"ts":' + "9" * 400 + "}",
        '{"level":["x"],"ts":{},"service":7}',
        '{"level":"info","level":"error"}',
        "[1,2,3]",
        '"text"',
        "null",
        "123456789012345678901234567890",
        '{"ts":"2024-06-14T15:16:01Z"',
        "2024-06-14T15:16:01Z\r",
        "\x7fELF\x02\x01\x01\0\0\0",
        "1996-01-01T00:00:00Z thirty years off",
        "<999>1 - - - - -",
        "<34>",
        "\ud800 half a pair",
        '{"message":"x","ecs":{"v":"\ud800"}}',
        "\u0661\u0662\u0663\u0664-01-01T00:00:00Z digits of another script",
    ],
)
def test_no_text_is_refused_or_lost(text: str) -> None:
    (row,) = lines(text, redactor=Redactor(Redaction()))
    if "\ud800" not in text and '"ecs"' not in text:
        assert row["line"] == text


def test_nul_bytes_survive_the_store() -> None:
    records = decoder().lines(["a\0b"], [0], topic="t", part=0, labels={})
    with duckdb.connect() as store:
        store.register("records", records)
        store.execute("CREATE TABLE logs AS SELECT line FROM records")
        assert store.execute("SELECT line FROM logs").fetchall() == [("a\0b",)]


def test_half_of_a_surrogate_pair_is_escaped_and_noted() -> None:
    (row,) = lines("\ud800 half")
    assert row["line"] == "\\ud800 half"
    assert dict(row["sm"]) == {"decode_error": "text with half of a surrogate pair"}


def test_invalid_utf8_is_stored_escaped_with_the_reason() -> None:
    ((row,), dead) = messages(b"caf\xe9")
    assert (row["line"], dict(row["sm"])) == (
        "caf\\xe9",
        {"decode_error": "invalid UTF-8 at byte 3"},
    )
    assert not dead
    records = decoder().lines(
        ["ok", "\\xe9"], [0, 3], topic="t", part=0, labels={}, errors={1: "?"}
    )
    assert records["sm"].to_pylist() == [[], [("decode_error", "?")]]


def test_a_schema_registrys_frame_is_a_dead_letter_that_says_so() -> None:
    raw = Raw(b"\0\0\0\0\x2aAvro", "orders/u", 3, 9, [("trace", b"\xff")], key=b"k", record_ts=5)
    records, dead = decoder().messages([raw], {})
    assert not records.num_rows
    (letter,) = dead.to_pylist()
    assert letter.pop("reason").startswith("schema id 42, registry not configured")
    assert letter == {
        "observed_ts": NOW,
        "source": "test",
        "topic": "orders/u",
        "part": 3,
        "off": 9,
        "idx": 0,
        "stage": "decode",
        "raw": raw.value,
        "headers": [("trace", b"\xff")],
        "key": b"k",
        "record_ts": 5,
    }


@pytest.mark.parametrize(
    ("encoding", "value", "reason"),
    [
        ("json", b'{"a":', "not valid JSON"),
        ("json", b'{"a":"\xff"}', "not valid JSON"),
        ("otlp_json", b'{"a":1}', "not an OTLP JSON export"),
        ("otlp_json", b"[]", "not an OTLP JSON export"),
        ("otlp_proto", b"\xff\xff", "not an OTLP protobuf export"),
        ("gelf", b'{"message":"x"}', "not GELF"),
        ("gelf", b"[1]", "not GELF"),
    ],
)
def test_a_promised_encoding_that_is_not_kept_is_a_dead_letter(
    encoding: str, value: bytes, reason: str
) -> None:
    records, (letter,) = messages(value, encoding=encoding)
    assert not records
    assert letter["reason"].startswith(reason)
    assert letter["raw"] == value


@pytest.mark.parametrize(
    ("kind", "value", "line"),
    [
        (b"application/json", b'{"a":', None),
        (b"application/cloudevents+json", b'{"a":1}', '{"a":1}'),
        (b"application/x-protobuf", b"nope", None),
        (b"application/avro", b"\x01", None),
        (b"text/plain; charset=latin-1", b"caf\xe9", "café"),
        (b"text/plain; charset=zlib", b"x", "x"),
        (b"TEXT/PLAIN", b'{"log":"x","stream":"stdout","time":""}', None),
        (b"image/png", b"x", "x"),
        (b"", b"x", "x"),
    ],
)
def test_the_content_type_says_how_to_read(kind: bytes, value: bytes, line: str | None) -> None:
    raw = Raw(value, "t", 0, 0, [("Content-Type", kind)])
    records, dead = decoder().messages([raw], {})
    if line is None and kind.lower() == b"text/plain":
        line = value.decode()  # text is text: no envelope is opened
    assert records["line"].to_pylist() == ([] if line is None else [line])
    assert dead.num_rows == (1 if line is None else 0)


def test_an_encoding_nobody_knows_is_refused() -> None:
    with pytest.raises(ConfigError, match="unknown encoding 'jsonl'; known are auto, json"):
        decoder(encoding="jsonl")


def test_text_as_explicit_encoding_keeps_zero_bytes() -> None:
    ((row,), dead) = messages(b"\0\0\0\0\x2aAvro", encoding="text")
    assert row["line"] == "\0\0\0\0*Avro"
    assert not dead


def test_formats_and_their_switches_are_counted_by_topic() -> None:
    one = decoder()
    one.messages([Raw(b"INFO x", "a", 0, 0), Raw(b"{}", "a", 0, 1), Raw(b"{}", "b", 0, 0)], {})
    one.messages([Raw(b"{}", "a", 0, 2), Raw(b"\0\0\0\0\1x", "a", 0, 3)], {})
    assert one.chosen() == {
        "a": {"switches": 2, "level": 1, "json": 2, "dead_letter": 1},
        "b": {"switches": 0, "json": 1},
    }


def test_secrets_are_redacted_in_lines_metadata_and_dead_letters() -> None:
    redactor = Redactor(Redaction())
    (records, _) = messages(
        b"login password=hunter2",
        b'{"message":"x","ecs":{},"db":{"password":"hunter2"},"url":"db://bob:hunter2@h/x"}',
        redactor=redactor,
    )
    assert records[0]["line"] == "login password=<redacted:password>"
    assert dict(records[1]["sm"]) == {
        "db_password": "<redacted:password>",
        "url": "db://bob:<redacted:password>@h/x",
    }
    raw = Raw(b"\0\0\0\0\1 password=hunter2 \xff", "t", 0, 0, [("h", b"token=abc12345")])
    _, dead = decoder(redactor=redactor).messages([raw], {})
    (letter,) = dead.to_pylist()
    assert letter["raw"] == b"\0\0\0\0\1 password=<redacted:password> \xff"
    assert letter["headers"] == [("h", b"token=<redacted:token>")]


@settings(max_examples=25)
@given(st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=20))
def test_messages_of_many_topics_keep_their_order_and_origin(topics: list[str]) -> None:
    raws = [Raw(b"x", f"{t}/uuid", n % 3, n) for n, t in enumerate(topics)]
    records, _ = decoder().messages(raws, {})
    assert records["off"].to_pylist() == list(range(len(topics)))
    assert records["topic"].to_pylist() == [raw.topic for raw in raws]
    assert records["part"].to_pylist() == [raw.part for raw in raws]
    assert [labels["topic"] for labels in labels_of(records)] == topics
    assert records["service"].to_pylist() == topics


class Stumbles:
    """The reader of texts with a defect: it fails on one word."""

    def __init__(self, texts: Any) -> None:
        self._texts = texts

    def __getattr__(self, name: str) -> Any:
        return getattr(self._texts, name)

    def read(self, rows: Any, row: int, line: str, before: int, arrived: int) -> str:
        if "stumble" in line:
            raise IndexError("a defect")
        return str(self._texts.read(rows, row, line, before, arrived))


def stumbling() -> Decoder:
    decoder = Decoder("s", {"source": "s"})
    vars(decoder)["_texts"] = Stumbles(vars(decoder)["_texts"])
    return decoder


@given(st.lists(st.sampled_from(["2026-11-21T03:00:00Z INFO fine", "stumble"]), max_size=12))
def test_a_defect_of_the_decoder_costs_no_line_and_only_its_own_message(texts: list[str]) -> None:
    records = stumbling().lines(texts, list(range(len(texts))), topic="t", part=0, labels={})
    assert records.column("line").to_pylist() == texts
    assert records.column("off").to_pylist() == list(range(len(texts)))
    noted = [dict(sm or ()).get("decode_error", "") for sm in records.column("sm").to_pylist()]
    assert ["IndexError" in said for said in noted] == [text == "stumble" for text in texts]
    raws = [Raw(text.encode(), "t/u", 0, off) for off, text in enumerate(texts)]
    records, dead = stumbling().messages(raws, {})
    assert records.column("off").to_pylist() == [n for n, t in enumerate(texts) if t != "stumble"]
    assert dead.column("off").to_pylist() == [n for n, t in enumerate(texts) if t == "stumble"]
    assert all("defect" in str(reason) for reason in dead.column("reason").to_pylist())
