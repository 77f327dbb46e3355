"""Loki's protobuf to records; the messages here are made by hand, from the description of the format alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from driftwood.labels import label_key
from ingest.push import BadPush, NoStreams
from ingest.push_labels import text_of
from ingest.push_plain import plain
from ingest.push_proto import _columns, push_request, read
from tests.ingest.pushes import column, pushed, rows


def varint(n: int) -> bytes:
    n &= 2**64 - 1
    out = bytearray()
    while n >= 0x80:
        out.append(n & 0x7F | 0x80)
        n >>= 7
    out.append(n)
    return bytes(out)


def part(number: int, content: bytes) -> bytes:
    return varint(number << 3 | 2) + varint(len(content)) + content


def number(field: int, n: int) -> bytes:
    return varint(field << 3) + varint(n) if n else b""


def entry(ts: int, line: bytes, **metadata: str) -> bytes:
    seconds, nanos = divmod(ts, 10**9)
    pairs = b"".join(
        part(3, part(1, name.encode()) + part(2, value.encode()))
        for name, value in metadata.items()
    )
    return part(1, number(1, seconds) + number(2, nanos)) + part(2, line) + pairs


def stream(labels: str, *entries: bytes, stream_hash: int = 0) -> bytes:
    return part(
        1,
        part(1, labels.encode()) + b"".join(part(2, e) for e in entries) + number(3, stream_hash),
    )


def test_each_entry_is_a_record_with_its_labels_time_line_and_metadata() -> None:
    body = stream('{app="web", env="prod"}', entry(1, b"x"), entry(5 * 10**9 + 7, b"y", k="v"))
    body += stream('{job="api"}', entry(3, b"z"), stream_hash=2**64 - 1)
    web = '{"app":"web","env":"prod"}'
    taken = pushed(read, body)
    assert rows(taken) == [
        (web, 1, "x", {}),
        (web, 5_000_000_007, "y", {"k": "v"}),
        ('{"job":"api"}', 3, "z", {}),
    ]
    assert column(taken, "service") == ["web", "web", "api"]


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.tuples(st.integers(-(9 * 10**18), 9 * 10**18), texts, texts), min_size=1))
def test_any_time_and_text_arrives_as_it_was(entries: list[tuple[int, str, str]]) -> None:
    body = stream(
        text_of({"a": "b"}), *(entry(ts, line.encode(), k=value) for ts, line, value in entries)
    )
    expected = [(label_key({"a": "b"}), ts, line, {"k": value}) for ts, line, value in entries]
    assert rows(pushed(read, body)) == expected


def test_a_line_that_is_no_utf8_is_kept_and_noted_and_costs_the_others_nothing() -> None:
    body = stream('{a="b"}', entry(1, b"fine"), entry(2, b"caf\xe9 au lait", k="v"))
    assert [row[2:] for row in rows(pushed(read, body))] == [
        ("fine", {}),
        ("caf\\xe9 au lait", {"k": "v", "decode_error": "invalid UTF-8 at byte 3"}),
    ]


def test_bad_labels_cost_their_own_entries() -> None:
    taken = pushed(read, stream("{a-b}", entry(1, b"x")) + stream('{a="b"}', entry(2, b"y")))
    assert [line for _, _, line, _ in rows(taken)] == ["y"]
    assert taken.refused.startswith("Error parsing labels '{a-b}' with error: 1:3: parse error")


def test_a_body_without_streams_is_a_refusal_of_its_own() -> None:
    with pytest.raises(NoStreams):
        pushed(read, b"")


@pytest.mark.parametrize("ts", [10**10 * 10**9, -(10**10) * 10**9])
def test_a_time_beyond_64_bits_of_ns_is_refused(ts: int) -> None:
    with pytest.raises(BadPush, match="1677 and 2262"):
        pushed(read, stream('{a="b"}', entry(ts, b"x")))


kinds_of_entries = st.one_of(
    st.builds(
        entry,
        st.integers(0, 2**35) | st.integers(-(10**18), 9 * 10**18),
        st.binary(max_size=300),
    ),
    st.builds(entry, st.integers(10**18, 2 * 10**18), st.binary(max_size=9), k=texts),
    st.builds(lambda seconds: part(1, number(1, seconds)), st.integers(0, 9 * 10**9)),
    st.builds(lambda line: part(2, line), st.binary(max_size=9)),
    st.just(part(1, b"") + part(2, b"epoch")),
    st.builds(
        lambda a, b: (
            part(1, number(1, 1_700_000_000) + number(2, a) + number(2, b)) + part(2, b"x")
        ),
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**31 - 1),
    ),
)


@given(st.lists(kinds_of_entries, max_size=5))
def test_entries_read_by_columns_are_those_read_one_by_one(entries: list[bytes]) -> None:
    body = stream('{a="b"}', *entries)
    ts, line, _ = _columns(push_request().FromString(body))
    found = plain(entries)
    if found is None:
        assert pushed(read, body).records.num_rows == len(entries)
    else:
        assert found[0].tolist() == ts.tolist()
        assert [row[1:3] for row in rows(pushed(read, body))] == list(
            zip(ts.tolist(), line.to_pylist(), strict=True)
        )


def test_what_agents_usually_send_is_read_by_columns() -> None:
    for ts in (1_700_000_000_000_000_000, 1_700_000_000_000_000_001, 1_700_000_000_999_999_999):
        for line in (b"x", b"x" * 127, b"x" * 128, b"x" * 20_000):
            assert plain([entry(ts, line)] * 3) is not None
    assert plain([]) is not None
    assert plain([entry(1, b"x")]) is None
    assert plain([entry(1_700_000_000_000_000_000, b"x", k="v")]) is None


@given(st.binary(max_size=60))
def test_any_bytes_are_taken_or_refused(body: bytes) -> None:
    try:
        pushed(read, body)
    except BadPush as refused:
        assert str(refused)


@given(st.data())
def test_a_body_that_was_damaged_is_taken_or_refused(data: st.DataObject) -> None:
    body = bytearray(stream('{a="b"}', entry(1, b"x", k="v"), entry(2, b"y")))
    for _ in range(data.draw(st.integers(1, 3))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        pushed(read, bytes(body))
    except BadPush as refused:
        assert str(refused)
