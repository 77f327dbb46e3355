"""OTLP's two encodings, protobuf and JSON, read for `ingest.push_otlp`."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any, Final

from google.protobuf import (  # type: ignore[import-untyped]
    descriptor_pb2,
    descriptor_pool,
    message_factory,
)
from google.protobuf.message import DecodeError  # type: ignore[import-untyped]
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from ingest.push import BadPush, Sent
from ingest.push_labels import PushLabels
from ingest.push_otlp import LogRecord, Resource, Scope, sent
from ingest.push_text import clean, loads


def read_proto(body: bytes, labels: PushLabels) -> Sent:
    """The entries of an `ExportLogsServiceRequest`. Raises BadPush."""
    try:
        request = ExportLogsServiceRequest.FromString(body)
    except DecodeError:  # perhaps only a text in it is no UTF-8
        try:
            request = _with_any_bytes().FromString(body)
        except DecodeError as error:
            raise BadPush(f"the body is not an OTLP export of logs as protobuf: {error}") from error
    return sent(map(_proto_resource, request.resource_logs), labels)


def read_json(body: bytes, labels: PushLabels) -> Sent:
    """Likewise for OTLP's JSON: 64-bit numbers may be text, ids are hex, bytes are base64. Raises BadPush."""
    try:
        return sent(map(_json_resource, _of(loads(body)[0], "resourceLogs", ())), labels)
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadPush(f"the body is not an OTLP export of logs as JSON: {error!r:.300}") from error


# -- protobuf


@cache
def _with_any_bytes() -> Any:
    """The same message with bytes where texts are: what other languages write as a text need not be UTF-8."""
    pool = descriptor_pool.DescriptorPool()

    def add(original: Any) -> None:
        for needed in original.dependencies:
            add(needed)
        file = descriptor_pb2.FileDescriptorProto()
        original.CopyToProto(file)
        kinds = descriptor_pb2.FieldDescriptorProto
        for message in file.message_type:
            for field in message.field:
                if field.type == kinds.TYPE_STRING:
                    field.type = kinds.TYPE_BYTES
        pool.AddSerializedFile(file.SerializeToString())

    add(ExportLogsServiceRequest.DESCRIPTOR.file)
    name = ExportLogsServiceRequest.DESCRIPTOR.full_name
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(name))


def _proto_resource(resource: Any) -> Resource:
    return Resource(
        _proto_pairs(resource.resource.attributes), map(_proto_scope, resource.scope_logs)
    )


def _proto_scope(of: Any) -> Scope:
    scope = of.scope
    return Scope(
        _proto_pairs(scope.attributes),
        _text(scope.name),
        _text(scope.version),
        scope.dropped_attributes_count,
        map(_proto_record, of.log_records),
    )


def _proto_record(record: Any) -> LogRecord:
    return LogRecord(
        record.time_unix_nano,
        record.observed_time_unix_nano,
        record.severity_number,
        _text(record.severity_text),
        _proto_value(record.body),
        _proto_pairs(record.attributes),
        record.dropped_attributes_count,
        record.flags,
        _id(record.trace_id.hex()),
        _id(record.span_id.hex()),
        _text(record.event_name),
    )


def _proto_pairs(attributes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((_text(pair.key), _proto_value(pair.value)) for pair in attributes)


def _proto_value(value: Any) -> Any:
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    inner = getattr(value, kind)
    if kind == "array_value":
        return [_proto_value(v) for v in inner.values]
    if kind == "kvlist_value":
        return dict(_proto_pairs(inner.values))
    if kind == "string_value" and isinstance(inner, bytes):
        return inner.decode("utf-8", "surrogateescape")
    return inner


def _text(value: str | bytes) -> str:
    return value if isinstance(value, str) else clean(value.decode("utf-8", "surrogateescape"))[0]


# -- JSON


def _of(obj: Any, name: str, default: Any) -> Any:
    """A member under its name in JSON, or in protobuf's spelling, which readers have to take as well."""
    if name in obj:
        return obj[name] if obj[name] is not None else default
    snake = "".join(f"_{char.lower()}" if char.isupper() else char for char in name)
    value = obj.get(snake)
    return default if value is None else value


def _json_resource(resource: Any) -> Resource:
    attributes = _of(_of(resource, "resource", {}), "attributes", ())
    return Resource(_json_pairs(attributes), map(_json_scope, _of(resource, "scopeLogs", ())))


def _json_scope(of: Any) -> Scope:
    scope = _of(of, "scope", {})
    return Scope(
        _json_pairs(_of(scope, "attributes", ())),
        _of(scope, "name", ""),
        _of(scope, "version", ""),
        _of(scope, "droppedAttributesCount", 0),
        map(_json_record, _of(of, "logRecords", ())),
    )


def _json_record(record: Any) -> LogRecord:
    number = _of(record, "severityNumber", 0)
    return LogRecord(
        int(_of(record, "timeUnixNano", 0)),
        int(_of(record, "observedTimeUnixNano", 0)),
        _SEVERITIES.get(number, 0) if isinstance(number, str) else int(number),
        _of(record, "severityText", ""),
        _json_value(_of(record, "body", {})),
        _json_pairs(_of(record, "attributes", ())),
        int(_of(record, "droppedAttributesCount", 0)),
        int(_of(record, "flags", 0)),
        _id(_of(record, "traceId", "")),
        _id(_of(record, "spanId", "")),
        _of(record, "eventName", ""),
    )


def _id(text: str) -> str:
    """Zeros are no id."""
    return text.lower() if text.strip("0") else ""


def _json_pairs(attributes: Iterable[Any]) -> Iterator[tuple[str, Any]]:
    return ((pair["key"], _json_value(_of(pair, "value", {}))) for pair in attributes)


def _json_value(value: Any) -> Any:
    for kind, inner in value.items():
        match kind:
            case "arrayValue" | "array_value":
                return [_json_value(v) for v in _of(inner, "values", ())]
            case "kvlistValue" | "kvlist_value":
                return dict(_json_pairs(_of(inner, "values", ())))
            case "intValue" | "int_value":
                return int(inner)
            case "doubleValue" | "double_value":
                return float(inner)
            case "bytesValue" | "bytes_value":
                return base64.b64decode(inner)
            case "stringValue" | "string_value":
                return str(inner)
            case "boolValue" | "bool_value":
                return bool(inner)
    return None


_SEVERITIES: Final = {
    f"SEVERITY_NUMBER_{name}{n or ''}": 4 * rank + max(n, 1)
    for rank, name in enumerate(("TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"))
    for n in (0, 2, 3, 4)
}
