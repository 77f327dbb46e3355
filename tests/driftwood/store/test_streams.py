"""Streams in memory: what a selector means, and that it need not be told twice."""

from __future__ import annotations

from driftwood.labels import label_key, stream_id
from driftwood.logql.ast import Matcher, MatchOp
from driftwood.store.streams import MAX_PLACES, REMEMBERED, Places, Stream, Streams, place_of


def keyed(**labels: str) -> Stream:
    key = label_key(labels)
    return Stream(stream_id(key), key, labels.get("app", ""))


def found(streams: Streams, *matchers: Matcher) -> list[str]:
    return [labels.get("app", "-") for labels in streams.matching(matchers).values()]


def is_(name: str, value: str) -> Matcher:
    return Matcher(name, MatchOp.EQUAL, value)


SHOP = [keyed(app="api", env="prod"), keyed(app="pay", env="prod\ntwo"), keyed(env="dev")]


def test_an_absent_label_is_the_empty_text() -> None:
    streams = Streams(SHOP)
    assert found(streams, is_("app", "")) == ["-"]
    assert found(streams, Matcher("app", MatchOp.NOT_EQUAL, "api")) == ["pay", "-"]
    assert found(streams, Matcher("app", MatchOp.MATCHES, "a.*|")) == ["api", "-"]
    assert found(streams, Matcher("app", MatchOp.NOT_MATCHES, ".*a.*")) == ["-"]


def test_an_expression_matches_the_whole_value_and_its_dot_a_newline() -> None:
    streams = Streams(SHOP)
    assert found(streams, Matcher("env", MatchOp.MATCHES, "prod.*")) == ["api", "pay"]
    assert found(streams, Matcher("env", MatchOp.MATCHES, "pro")) == []
    assert found(streams, Matcher("env", MatchOp.MATCHES, "prod|dev")) == ["api", "-"]


def test_all_matchers_must_hold() -> None:
    streams = Streams(SHOP)
    assert found(streams, is_("app", "api"), is_("env", "prod")) == ["api"]
    assert found(streams, is_("app", "api"), is_("env", "dev")) == []


def test_streams_that_come_later_are_found_by_a_selector_that_was_asked_before() -> None:
    streams = Streams(SHOP[:1])
    prod = Matcher("env", MatchOp.MATCHES, "prod.*")
    before = streams.matching([prod])
    streams.add(SHOP)
    assert len(before) == 1
    assert found(streams, prod) == ["api", "pay"]
    assert len(streams) == 3
    assert SHOP[2].sid in streams


def test_only_so_many_selectors_are_remembered() -> None:
    streams = Streams(SHOP)
    for i in range(2 * REMEMBERED):
        assert found(streams, is_("app", f"app-{i}")) == []
    assert found(streams, is_("app", "pay")) == ["pay"]
    assert len(streams._found) == REMEMBERED


MANY = [
    keyed(app=app, level=level, pod=f"{app}-{pod}")
    for app in ("api", "pay", "web")
    for level in ("info", "error")
    for pod in range(50)
]


def test_the_streams_of_a_service_lie_together_and_within_it_those_of_a_level() -> None:
    streams = Streams(MANY)
    pay = [s.sid for s in MANY if '"pay"' in s.key]
    assert len(streams.places_of(pay)) == 1
    errors = [s.sid for s in MANY if '"error"' in s.key]
    assert len(streams.places_of(errors)) == 3
    assert streams.places_of([s.sid for s in MANY]) == ()


def test_few_ranges_hold_every_stream_that_is_asked_for() -> None:
    streams = Streams(MANY)
    ordered = sorted(MANY, key=place_of)
    for asked in (ordered[::2], ordered[5:7] + ordered[90:200:3], ordered[:1]):
        ranges = streams.places_of([s.sid for s in asked])
        assert len(ranges) <= MAX_PLACES
        assert all(any(a <= place_of(s) <= b for a, b in ranges) for s in asked)
    assert streams.places_of([ordered[3].sid]) == [
        Places(place_of(ordered[3]), place_of(ordered[3]))
    ]
