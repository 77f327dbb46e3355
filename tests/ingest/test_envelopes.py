from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.decode import Decoder
from ingest.envelopes import flatten

NOW = 1_795_262_400 * 10**9


def opened(message: dict[str, Any], **settings: Any) -> dict[str, Any]:
    decoder = Decoder("test", {}, now=lambda: NOW, **settings)
    line = orjson.dumps(message).decode()
    (row,) = decoder.lines([line], [0], topic="t", part=0, labels={}).to_pylist()
    (format_,) = decoder.chosen()["t"].keys() - {"switches"}
    return {**row, "sm": dict(row["sm"]), "format": format_}


FILEBEAT = {
    "@timestamp": "2026-11-21T02:47:58.404Z",
    "@metadata": {"beat": "filebeat", "type": "_doc", "version": "9.1.0"},
    "message": "2026-11-21 02:47:57,000 ERROR boom",
    "log": {"offset": 1234, "file": {"path": "/var/log/app.log"}, "flags": ["multiline"]},
    "input": {"type": "filestream"},
    "host": {"name": "web-1"},
    "agent": {"type": "filebeat"},
    "ecs": {"version": "8.0.0"},
    "fields": {"service": "shop"},
    "error": None,
}


def test_the_rest_of_an_envelope_becomes_flat_metadata() -> None:
    row = opened(FILEBEAT)
    assert row["line"] == FILEBEAT["message"]
    assert row["sm"] == {
        "@metadata_beat": "filebeat",
        "@metadata_type": "_doc",
        "@metadata_version": "9.1.0",
        "log_offset": "1234",
        "log_file_path": "/var/log/app.log",
        "log_flags": '["multiline"]',
        "input_type": "filestream",
        "host_name": "web-1",
        "agent_type": "filebeat",
        "ecs_version": "8.0.0",
        "fields_service": "shop",
    }
    assert row["service"] == "shop"


def test_a_time_in_the_body_wins_over_the_time_of_reading() -> None:
    assert opened(FILEBEAT)["ts"] == 1_795_229_277 * 10**9
    assert opened({**FILEBEAT, "message": "no time"})["ts"] == 1_795_229_278_404 * 10**6
    # A time of day alone takes its day from the envelope.
    assert opened({**FILEBEAT, "message": "02:47:57 x"})["ts"] == 1_795_229_277 * 10**9


def test_the_envelopes_level_and_service_win_over_the_bodys() -> None:
    inner = "level=info service=inner"
    row = opened({**FILEBEAT, "log.level": "error", "service": {"name": "outer"}, "message": inner})
    assert (row["severity"], row["service"]) == (17, "outer")
    row = opened({**FILEBEAT, "message": inner, "fields": {}})
    assert (row["severity"], row["service"]) == (9, "inner")


@pytest.mark.parametrize(
    ("pod", "service"),
    [
        ({"labels": {"app.kubernetes.io/name": "api", "app": "x"}, "container_name": "c"}, "api"),
        ({"labels": {"app": "x"}, "container_name": "c"}, "x"),
        ({"pod_labels": {"app": "x"}}, "x"),
        ({"container_name": "c"}, "c"),
        ({"container": {"name": "c"}}, "c"),
        ({"labels": "broken"}, "t"),
        ("broken", "t"),
    ],
)
def test_in_kubernetes_the_app_label_or_the_container_is_the_service(
    pod: object, service: str
) -> None:
    assert opened({"log": "x\n", "date": 1795229278.4, "kubernetes": pod})["service"] == service


def test_gelfs_long_message_takes_the_place_of_its_short_one() -> None:
    gelf = {"version": "1.1", "host": "h", "short_message": "boom", "level": 4}
    assert opened({**gelf, "full_message": "boom\n at x"})["line"] == "boom\n at x"
    row = opened({**gelf, "full_message": "a trace"})
    assert (row["line"], row["sm"]["short_message"]) == ("a trace", "boom")
    row = opened({**gelf, "full_message": ""})
    assert (row["line"], row["severity"]) == ("boom", 13)


@pytest.mark.parametrize(
    "message",
    [
        {"message": "just a key"},
        {"message": ["not", "text"], "ecs": {}},
        {"log": {"level": "info"}, "stream": "x", "time": "y"},
        {"log": "alone"},
        {"short_message": "alone"},
        {"resourceLogs": "broken"},
        {"resourceLogs": [{"scopeLogs": [{"logRecords": [7]}]}]},
        {"resourceLogs": []},
        {"a": 1},
        {},
    ],
)
def test_an_object_without_a_signature_is_stored_as_it_is(message: dict[str, Any]) -> None:
    row = opened(message)
    assert row["line"] == orjson.dumps(message).decode()
    assert row["format"] == "json"
    assert row["sm"] == {}


def test_as_text_nothing_is_opened() -> None:
    assert opened(FILEBEAT, encoding="text")["line"].startswith("{")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
def test_any_value_is_flattened_to_text(message: dict[str, Any]) -> None:
    flat = flatten(message.items())
    assert all(isinstance(value, str) for value in flat.values())
    assert not any("." in key for key in flat)


KEYS = st.sampled_from(
    ["message", "ecs", "@timestamp", "log", "stream", "time", "short_message", "version", "level",
     "full_message", "host", "timestamp", "source_type", "resourceLogs", "service", "kubernetes"]
)  # fmt: skip


@given(st.dictionaries(KEYS, JSON, max_size=6))
def test_no_object_is_refused_however_its_keys_are_filled(message: dict[str, Any]) -> None:
    try:
        orjson.dumps(message)
    except (TypeError, orjson.JSONEncodeError):
        return  # an integer of more than 64 bits, half of a surrogate pair
    assert opened(message)["ts"] > 0


def test_deep_nesting_is_flattened_without_recursion() -> None:
    deep: Any = "x"
    for _ in range(1_000):
        deep = {"k": deep}
    (key,) = flatten({"a": deep}.items())
    assert key.count("_") == 1_000
    listed: Any = "x"
    for _ in range(900):
        listed = [listed]
    assert flatten({"a": listed}.items()) == {"a": "[nested too deep to be shown]"}
