from __future__ import annotations

from typing import Any

import orjson
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from ingest.decode import Decoder, Raw

NOW = 1_795_262_400 * 10**9
TS = 1_795_229_278_404_123_000


def value(inner: Any) -> Any:
    """A plain value as OTLP JSON's AnyValue."""
    kinds = {str: "stringValue", bool: "boolValue", float: "doubleValue"}
    if isinstance(inner, dict):
        return {"kvlistValue": {"values": pairs(inner)}}
    if isinstance(inner, list):
        return {"arrayValue": {"values": [value(i) for i in inner]}}
    if type(inner) is int:
        return {"intValue": str(inner)}  # 64-bit numbers are text in protobuf's JSON
    return {kinds[type(inner)]: inner}


def pairs(attributes: dict[str, Any]) -> list[Any]:
    return [{"key": k, "value": value(v)} for k, v in attributes.items()]


RECORDS: list[dict[str, Any]] = [
    {
        "timeUnixNano": str(TS),
        "severityNumber": 17,
        "severityText": "ERROR",
        "body": value("1999-01-01 00:00:00 INFO boom"),
        "attributes": pairs({"http.status": 500, "tags": ["a", "b"], "deep": {"x": True}}),
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "flags": 1,
    },
    {"observedTimeUnixNano": str(TS + 1), "body": value({"a": 1})},
    {"body": value("WARN no time")},
    {"severityText": "Warning"},
]
EXPORT = {
    "resourceLogs": [
        {
            "resource": {"attributes": pairs({"service.name": "api", "host.name": "web-1"})},
            "scopeLogs": [{"scope": {"name": "lib", "version": "2"}, "logRecords": RECORDS}],
        },
        {"scopeLogs": [{"logRecords": [{"body": value("of nobody")}]}]},
    ]
}


def as_proto(message: dict[str, Any]) -> bytes:
    """The same export as protobuf, written field by field."""
    request = ExportLogsServiceRequest()
    for resource in message["resourceLogs"]:
        one = request.resource_logs.add()
        for pair in resource.get("resource", {}).get("attributes", []):
            _set(one.resource.attributes.add(), pair)
        for scope in resource["scopeLogs"]:
            two = one.scope_logs.add()
            two.scope.name = scope.get("scope", {}).get("name", "")
            two.scope.version = scope.get("scope", {}).get("version", "")
            for record in scope["logRecords"]:
                _record(two.log_records.add(), record)
    return bytes(request.SerializeToString())


def _record(target: LogRecord, record: dict[str, Any]) -> None:
    target.time_unix_nano = int(record.get("timeUnixNano", 0))
    target.observed_time_unix_nano = int(record.get("observedTimeUnixNano", 0))
    target.severity_number = record.get("severityNumber", 0)
    target.severity_text = record.get("severityText", "")
    target.trace_id = bytes.fromhex(record.get("traceId", ""))
    target.span_id = bytes.fromhex(record.get("spanId", ""))
    target.flags = record.get("flags", 0)
    if "body" in record:
        _value(target.body, record["body"])
    for pair in record.get("attributes", []):
        _set(target.attributes.add(), pair)


def _set(target: Any, pair: dict[str, Any]) -> None:
    target.key = pair["key"]
    _value(target.value, pair["value"])


def _value(target: Any, inner: dict[str, Any]) -> None:
    ((kind, content),) = inner.items()
    if kind == "arrayValue":
        for each in content["values"]:
            _value(target.array_value.values.add(), each)
    elif kind == "kvlistValue":
        for pair in content["values"]:
            _set(target.kvlist_value.values.add(), pair)
    elif kind == "stringValue":
        target.string_value = content
    elif kind == "boolValue":
        target.bool_value = content
    else:
        target.int_value = int(content)


def decoded(message: bytes, **settings: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    decoder = Decoder("test", {}, now=lambda: NOW, **settings)
    records, dead = decoder.messages([Raw(message, "otlp_logs", 0, 7)], {})
    records.validate(full=True)
    rows = [{**row, "sm": dict(row["sm"])} for row in records.to_pylist()]
    return rows, dead.to_pylist()


JSON, PROTO = orjson.dumps(EXPORT), as_proto(EXPORT)


@pytest.mark.parametrize("message", [JSON, PROTO], ids=["json", "proto"])
def test_an_export_gives_its_records_in_order(message: bytes) -> None:
    rows, dead = decoded(message)
    assert not dead
    assert [(row["off"], row["idx"]) for row in rows] == [(7, n) for n in range(5)]
    assert [row["line"] for row in rows] == [
        "1999-01-01 00:00:00 INFO boom",
        '{"a":1}',
        "WARN no time",
        "",
        "of nobody",
    ]
    # The event's own time stands whatever the body says; the time of observation serves without one.
    assert [row["ts"] for row in rows] == [TS, TS + 1, NOW, NOW, NOW]
    assert [row["severity"] for row in rows] == [17, 0, 13, 13, 0]
    assert [row["service"] for row in rows] == ["api"] * 4 + ["otlp_logs"]
    assert rows[0]["sm"] == {
        "host_name": "web-1",
        "scope_name": "lib",
        "scope_version": "2",
        "http_status": "500",
        "tags": '["a","b"]',
        "deep_x": "true",
        "severity_text": "ERROR",
        "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174",
        "flags": "1",
    }
    assert rows[4]["sm"] == {}


def test_protobuf_and_json_give_the_same_records() -> None:
    assert decoded(JSON) == decoded(PROTO)
    assert decoded(JSON) == decoded(JSON, encoding="otlp_json")
    assert decoded(PROTO) == decoded(PROTO, encoding="otlp_proto")


@pytest.mark.parametrize("text", [b"\nhello world", b"\n", b"\n\0", b"\n\x02ab"])
def test_text_that_begins_like_protobuf_is_text(text: bytes) -> None:
    ((row,), dead) = decoded(text)
    assert row["line"] == text.decode()
    assert not dead


def test_a_time_beyond_64_bits_falls_back_to_the_arrival() -> None:
    message = {
        "resourceLogs": [
            {"scopeLogs": [{"logRecords": [{"timeUnixNano": str(2**64 - 1), "body": value("x")}]}]}
        ]
    }
    ((row,), _) = decoded(orjson.dumps(message))
    assert row["ts"] == NOW
