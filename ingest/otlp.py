"""OTLP: OpenTelemetry's export of logs, as protobuf or JSON, to records. One message holds many."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import orjson
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from ingest.envelopes import Entry, flatten
from ingest.severity import of_number, of_value

_MAX_NS: Final = 2**63 - 1
_SERVICE: Final = "service_name"


class NotOtlp(ValueError):
    """The message is no OTLP; says why."""


def from_proto(message: bytes) -> list[Entry]:
    """The records of an `ExportLogsServiceRequest`, in order. Raises NotOtlp."""
    try:
        request = ExportLogsServiceRequest.FromString(message)
    except DecodeError as error:
        raise NotOtlp(f"not an OTLP protobuf export of logs: {error}") from error
    return [
        _entry(
            times=(record.time_unix_nano, record.observed_time_unix_nano),
            number=record.severity_number,
            severity=record.severity_text,
            body=_proto_value(record.body),
            attributes={
                **shared,
                **flatten((a.key, _proto_value(a.value)) for a in record.attributes),
            },
            trace_id=record.trace_id.hex(),
            span_id=record.span_id.hex(),
            flags=record.flags,
            event=record.event_name,
        )
        for resource in request.resource_logs
        for shared_by_all in [
            flatten((a.key, _proto_value(a.value)) for a in resource.resource.attributes)
        ]
        for scope in resource.scope_logs
        for shared in [_scoped(shared_by_all, scope.scope.name, scope.scope.version)]
        for record in scope.log_records
    ]


def from_json(message: Mapping[str, Any]) -> list[Entry]:
    """Likewise for OTLP JSON as an object: 64-bit numbers may be text, ids are hex (in protobuf's own JSON base64).

    Raises NotOtlp when the shape is another one.
    """
    try:
        return list(_json_entries(message))
    except (AttributeError, TypeError, KeyError, ValueError, RecursionError) as error:
        raise NotOtlp(f"not an OTLP JSON export of logs: {error}") from error


def _json_entries(message: Mapping[str, Any]) -> Iterator[Entry]:
    for resource in message["resourceLogs"]:
        shared_by_all = flatten(_json_pairs((resource.get("resource") or {}).get("attributes")))
        for scope in resource.get("scopeLogs") or ():
            named = scope.get("scope") or {}
            shared = _scoped(shared_by_all, named.get("name") or "", named.get("version") or "")
            for record in scope.get("logRecords") or ():
                yield _entry(
                    times=(
                        int(record.get("timeUnixNano") or 0),
                        int(record.get("observedTimeUnixNano") or 0),
                    ),
                    number=record.get("severityNumber"),
                    severity=record.get("severityText") or "",
                    body=_json_value(record.get("body") or {}),
                    attributes={**shared, **flatten(_json_pairs(record.get("attributes")))},
                    trace_id=record.get("traceId") or "",
                    span_id=record.get("spanId") or "",
                    flags=record.get("flags") or 0,
                    event=record.get("eventName") or "",
                )


def _entry(
    *,
    times: tuple[int, int],
    number: object,
    severity: str,
    body: Any,
    attributes: dict[str, str],
    trace_id: str,
    span_id: str,
    flags: int,
    event: str,
) -> Entry:
    sm = attributes
    service = sm.pop(_SERVICE, "")
    for name, value in (
        ("severity_text", severity),
        ("trace_id", trace_id),
        ("span_id", span_id),
        ("event_name", event),
    ):
        if value:
            sm[name] = value
    if flags:
        sm["flags"] = str(flags)
    ts = next((t for t in times if 0 < t <= _MAX_NS), None)
    line = body if isinstance(body, str) else "" if body is None else orjson.dumps(body).decode()
    return Entry(line, ts, of_number(number) or of_value(severity), service, sm, bool(times[0]))


def _scoped(shared: Mapping[str, str], name: str, version: str) -> dict[str, str]:
    more = {"scope_name": name, "scope_version": version}
    return {**shared, **{key: value for key, value in more.items() if value}}


def _proto_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "array_value":
        return [_proto_value(v) for v in inner.values]
    if kind == "kvlist_value":
        return {pair.key: _proto_value(pair.value) for pair in inner.values}
    return inner.hex() if kind == "bytes_value" else inner


def _json_pairs(attributes: Iterable[Mapping[str, Any]] | None) -> Iterator[tuple[str, Any]]:
    return ((a["key"], _json_value(a.get("value") or {})) for a in attributes or ())


def _json_value(value: Mapping[str, Any]) -> Any:
    for kind, inner in value.items():
        if kind == "arrayValue":
            return [_json_value(v) for v in inner.get("values") or ()]
        if kind == "kvlistValue":
            return dict(_json_pairs(inner.get("values")))
        return int(inner) if kind == "intValue" else inner
    return None
