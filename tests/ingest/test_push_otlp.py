"""OTLP logs as Loki maps them: labels, structured metadata, line and time, the same from both encodings."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from ingest.push import BadPush
from ingest.push_otlp_read import read_json, read_proto
from ingest.push_values import flat, text_of
from tests.ingest.pushes import NOW, column, pushed, rows


def value(of: Any) -> dict[str, Any]:
    """As OTLP's JSON writes it."""
    if isinstance(of, bool):
        return {"boolValue": of}
    if isinstance(of, int):
        return {"intValue": str(of)}
    if isinstance(of, float):
        return {"doubleValue": of}
    if isinstance(of, bytes):
        return {"bytesValue": base64.b64encode(of).decode()}
    if isinstance(of, list):
        return {"arrayValue": {"values": [value(v) for v in of]}}
    if isinstance(of, dict):
        return {"kvlistValue": {"values": attributes(of)}}
    return {} if of is None else {"stringValue": of}


def attributes(of: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": value(v)} for key, v in of.items()]


def export(
    record: dict[str, Any],
    resource: Mapping[str, Any] | None = None,
    scope: dict[str, Any] | None = None,
) -> dict[str, Any]:
    return {
        "resourceLogs": [
            {
                "resource": {"attributes": attributes(resource or {"service.name": "cart"})},
                "scopeLogs": [{"scope": scope or {}, "logRecords": [record]}],
            }
        ]
    }


def as_proto(message: Mapping[str, Any]) -> bytes:
    """The same export as protobuf."""
    request = ExportLogsServiceRequest()
    for of in message["resourceLogs"]:
        resource = request.resource_logs.add()
        _fill(resource.resource.attributes, of["resource"]["attributes"])
        for logs in of["scopeLogs"]:
            scope = resource.scope_logs.add()
            given = logs["scope"]
            scope.scope.name, scope.scope.version = given.get("name", ""), given.get("version", "")
            scope.scope.dropped_attributes_count = given.get("droppedAttributesCount", 0)
            _fill(scope.scope.attributes, given.get("attributes", []))
            for sent in logs["logRecords"]:
                record = scope.log_records.add(
                    time_unix_nano=int(sent.get("timeUnixNano", 0)),
                    observed_time_unix_nano=int(sent.get("observedTimeUnixNano", 0)),
                    severity_number=sent.get("severityNumber", 0),
                    severity_text=sent.get("severityText", ""),
                    dropped_attributes_count=sent.get("droppedAttributesCount", 0),
                    flags=sent.get("flags", 0),
                    trace_id=bytes.fromhex(sent.get("traceId", "")),
                    span_id=bytes.fromhex(sent.get("spanId", "")),
                    event_name=sent.get("eventName", ""),
                )
                if "body" in sent:
                    _set(record.body, sent["body"])
                _fill(record.attributes, sent.get("attributes", []))
    serialized: bytes = request.SerializeToString()
    return serialized


def _fill(pairs: Any, given: list[dict[str, Any]]) -> None:
    for pair in given:
        _set(pairs.add(key=pair["key"]).value, pair["value"])


def _set(to: Any, of: dict[str, Any]) -> None:
    for kind, inner in of.items():
        if kind == "arrayValue":
            to.array_value.SetInParent()
            for v in inner["values"]:
                _set(to.array_value.values.add(), v)
        elif kind == "kvlistValue":
            to.kvlist_value.SetInParent()
            _fill(to.kvlist_value.values, inner["values"])
        elif kind == "bytesValue":
            to.bytes_value = base64.b64decode(inner)
        else:
            name = {"intValue": "int_value", "doubleValue": "double_value"}.get(kind)
            name = name or {"boolValue": "bool_value"}.get(kind, "string_value")
            setattr(to, name, int(inner) if kind == "intValue" else inner)


def mapped(message: Mapping[str, Any]) -> tuple[str, int, str, dict[str, str]]:
    """What becomes of an export of one record, in either encoding."""
    (found,) = rows(pushed(read_json, orjson.dumps(message)))
    assert rows(pushed(read_proto, as_proto(message))) == [found]
    return found


RECORD = {"timeUnixNano": str(NOW), "body": {"stringValue": "x"}}


def test_lokis_own_answer_about_an_export_is_what_we_store(shared: Path) -> None:
    samples = shared / "conformance/loki_api_samples"
    body = (samples / "otlp.txt").read_text().split("\n\n")[1]
    assert body.endswith("}}],")  # the sample breaks off here; what follows stands in the answer
    answer = (samples / "otlp_query.txt").read_text().partition("\n\nHTTP 200")[2]
    shown = orjson.loads(answer[answer.index("{") :])["data"]["result"][0]["stream"]
    ids = f'"traceId": "{shown["trace_id"]}", "spanId": "{shown["span_id"]}"'
    ((labels, ts, line, metadata),) = rows(pushed(read_json, f"{body}{ids}}}]}}]}}]}}".encode()))
    assert (ts, line) == (NOW, "payment 0 refused")
    assert labels == '{"k8s_pod_name":"cart-7f9c","service_name":"cart"}'
    # The answer is about the export's next record, which differs in these two.
    metadata |= {key: shown[key] for key in ("http_status", "observed_timestamp")}
    assert {**orjson.loads(labels), **metadata} == shown


def test_some_resource_attributes_are_labels_and_the_rest_is_metadata() -> None:
    resource = {
        "service.name": "cart",
        "k8s.namespace.name": "prod",
        "deployment.environment.name": "eu",
        "host.name": "web-1",
        "process.pid": 7,
        "k8s.pod.labels": {"app": "x", "tier.name": "y"},
    }
    labels, _, _, metadata = mapped(export(RECORD, resource))
    assert orjson.loads(labels) == {
        "service_name": "cart",
        "k8s_namespace_name": "prod",
        "deployment_environment_name": "eu",
    }
    assert metadata == {
        "host_name": "web-1",
        "process_pid": "7",
        "k8s_pod_labels_app": "x",
        "k8s_pod_labels_tier_name": "y",
    }


def test_all_that_a_record_and_its_scope_say_is_metadata() -> None:
    record = RECORD | {
        "observedTimeUnixNano": str(NOW + 5),
        "severityNumber": 18,
        "severityText": "Error2",
        "attributes": attributes({"http.status": 500, "ok": False, "tags": ["a", 1.5]}),
        "droppedAttributesCount": 2,
        "flags": 1,
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "eventName": "refused",
    }
    scope = {
        "name": "app.log",
        "version": "1.2",
        "droppedAttributesCount": 3,
        "attributes": attributes({"lib.lang": "py"}),
    }
    labels, ts, line, metadata = mapped(export(record, scope=scope))
    assert (labels, ts, line) == ('{"service_name":"cart"}', NOW, "x")
    assert metadata == {
        "http_status": "500",
        "ok": "false",
        "tags": '["a",1.5]',
        "observed_timestamp": str(NOW + 5),
        "severity_number": "18",
        "severity_text": "Error2",
        "dropped_attributes_count": "2",
        "flags": "1",
        "trace_id": "5b8efff798038103d269b633813fc60c",
        "span_id": "eee19b7ec3c1b174",
        "event_name": "refused",
        "scope_name": "app.log",
        "scope_version": "1.2",
        "scope_dropped_attributes_count": "3",
        "lib_lang": "py",
    }


def test_severity_is_the_number_else_the_text_else_what_the_line_says() -> None:
    for record, severity in (
        ({"severityNumber": 18, "severityText": "info"}, 18),
        ({"severityText": "warn"}, 13),
        ({"body": {"stringValue": "[error] no"}}, 17),
        ({}, 0),
    ):
        taken = pushed(read_proto, as_proto(export(RECORD | record)))
        assert column(taken, "severity") == [severity]


def test_the_time_is_the_events_else_when_it_was_seen_else_now() -> None:
    seen = {"observedTimeUnixNano": str(NOW + 9), "body": {"stringValue": "x"}}
    _, ts, _, metadata = mapped(export(seen))
    assert (ts, metadata) == (NOW + 9, {})
    (row,) = pushed(
        read_json, orjson.dumps(export({"body": {"stringValue": "x"}}))
    ).records.to_pylist()
    assert row["ts"] > NOW - 10**18


@pytest.mark.parametrize(
    ("body", "line"),
    [
        ("text <b>", "text <b>"),
        ("", ""),
        (None, ""),
        (True, "true"),
        (-7, "-7"),
        (0.1, "0.1"),
        (3.0, "3"),
        (1e-7, "1e-7"),
        (b"\x00\xff", "AP8="),
        (["a", 1, None, {"b": 2.5}], '["a",1,null,{"b":2.5}]'),
        ({"z": "<&>", "a": {"k": False}}, '{"a":{"k":false},"z":"\\u003c\\u0026\\u003e"}'),
    ],
)
def test_the_line_is_the_body_as_text(body: Any, line: str) -> None:
    record = {"timeUnixNano": str(NOW), "body": value(body)}
    assert mapped(export(record))[2] == line


def test_without_any_label_the_service_is_unknown() -> None:
    labels, _, _, metadata = mapped(export(RECORD, {"host.name": "web-1"}))
    assert (labels, metadata) == ('{"service_name":"unknown_service"}', {"host_name": "web-1"})


def test_an_id_of_zeros_is_none() -> None:
    record = RECORD | {"traceId": "0" * 32, "spanId": "0" * 16}
    assert mapped(export(record))[3] == {}


def test_names_as_protobuf_spells_them_and_enumerations_by_name_are_read_too() -> None:
    message = {
        "resource_logs": [
            {
                "scope_logs": [
                    {
                        "log_records": [
                            {
                                "time_unix_nano": NOW,
                                "severity_number": "SEVERITY_NUMBER_WARN2",
                                "body": {"string_value": "x"},
                            }
                        ]
                    }
                ]
            }
        ]
    }
    taken = pushed(read_json, orjson.dumps(message))
    assert [row[1:3] for row in rows(taken)] == [(NOW, "x")]
    assert column(taken, "severity") == [14]


def test_texts_that_are_no_utf8_are_kept_and_noted() -> None:
    record = {"body": value("caf_ au lait"), "attributes": attributes({"city": "Orl_ans"})}
    body = as_proto(export(RECORD | record))
    body = body.replace(b"caf_", b"caf\xe9").replace(b"Orl_ans", b"Orl\xe9ans")
    (row,) = rows(pushed(read_proto, body))
    assert row[2] == "caf\\xe9 au lait"
    assert row[3] == {"city": "Orl\\xe9ans", "decode_error": "invalid UTF-8 at byte 3"}


@pytest.mark.parametrize("body", [b"\xff", b"{}", b"\x0a\x05abc"])
def test_what_is_no_protobuf_is_refused(body: bytes) -> None:
    with pytest.raises(BadPush):
        pushed(read_proto, body)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"3",
        b'{"resourceLogs":3}',
        b'{"resourceLogs":[3]}',
        b'{"resourceLogs":[{"scopeLogs":[{"logRecords":[{"timeUnixNano":"noon"}]}]}]}',
        b'{"resourceLogs":[{"resource":{"attributes":[{"value":{}}]}}]}',
    ],
)
def test_what_is_no_json_export_is_refused(body: bytes) -> None:
    with pytest.raises(BadPush):
        pushed(read_json, body)


def test_an_export_of_nothing_is_no_fault() -> None:
    assert rows(pushed(read_json, b"{}")) == []
    assert rows(pushed(read_proto, b"")) == []


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats()
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
    | st.binary(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.text(st.characters(exclude_categories=["Cs"]), max_size=4), inner, max_size=3
        )
    ),
    max_leaves=8,
)


@given(anything, st.text(st.characters(exclude_categories=["Cs"]), max_size=8))
def test_any_value_has_a_text_and_the_same_in_both_encodings(of: Any, key: str) -> None:
    record = {"timeUnixNano": str(NOW), "body": value(of), "attributes": attributes({key: of})}
    proto = rows(pushed(read_proto, as_proto(export(record))))
    assert proto[0][2] == text_of(of)
    assert set(proto[0][3]) <= set(flat(key, of))
    if b"null" not in orjson.dumps(record):  # JSON has no NaN
        assert rows(pushed(read_json, orjson.dumps(export(record)))) == proto
