"""What agents wrap a line in: Filebeat and other ECS, Logstash, Fluent Bit, Vector, GELF, Docker's json-file, CRI.

An envelope's body becomes the line; everything else in it becomes structured metadata, flattened, as text. Objects that
no signature fits are no envelopes: they are stored as they are, and only their keys are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, NamedTuple

import orjson

from ingest.clock import Clock
from ingest.severity import UNKNOWN, of_syslog
from ingest.structured import Keys, service_of
from ingest.timestamps import ISO


class Entry(NamedTuple):
    """One record out of an envelope; what the envelope does not tell is read from the line."""

    line: str
    ts: int | None
    severity: int
    service: str
    sm: dict[str, str]
    settled: bool = False
    """`ts` is the event's own time. Otherwise it is when the agent read the line, and a time in the line wins."""


class Envelopes:
    """Opens the envelopes of one source."""

    def __init__(self, clock: Clock, keys: Keys) -> None:
        self._clock = clock
        self._keys = keys

    def open(self, obj: Mapping[str, Any], before: int) -> tuple[str, Entry] | None:
        """The agent's name and the record, or None when `obj` is no envelope of a single record."""
        found = _agent(obj)
        if found is None:
            return None
        name, body, time = found
        severity, service = self._keys.level_and_service(obj)
        if name == "gelf":
            level = obj.get("level")
            severity = of_syslog(level) if isinstance(level, int) else UNKNOWN
        ts = self._clock.value(obj.get(time), before)
        line = obj[body]
        if body == "log":  # Docker and the kubelet keep the line's end
            line = line.removesuffix("\n").removesuffix("\r")
        aside = {body} if ts is None else {body, time}
        sm = flatten((key, value) for key, value in obj.items() if key not in aside)
        if body == "full_message" and line.startswith(sm.get("short_message", "")):
            sm.pop("short_message", None)
        return name, Entry(line, ts, severity, service or _workload(obj), sm, name == "gelf")


def _agent(obj: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Name, key of the body and key of the time: the table of signatures."""
    if isinstance(obj.get("message"), str):
        if "@metadata" in obj or "ecs" in obj or "ecs.version" in obj:
            return (
                "filebeat" if "agent" in obj or "@metadata" in obj else "ecs",
                "message",
                "@timestamp",
            )
        if "@version" in obj and "@timestamp" in obj:
            return "logstash", "message", "@timestamp"
        if "source_type" in obj and "timestamp" in obj:
            return "vector", "message", "timestamp"
    if isinstance(obj.get("short_message"), str) and ("version" in obj or "host" in obj):
        full = isinstance(obj.get("full_message"), str) and obj["full_message"]
        return "gelf", "full_message" if full else "short_message", "timestamp"
    if isinstance(obj.get("log"), str):
        if "stream" in obj and "time" in obj:
            return "docker", "log", "time"
        if "@timestamp" in obj:
            return "fluentbit", "log", "@timestamp"
        if "kubernetes" in obj or "date" in obj:
            return "fluentbit", "log", "date"
    return None


_WORKLOAD: Final = ("app.kubernetes.io/name", "app_kubernetes_io/name", "app", "k8s-app")


def _workload(obj: Mapping[str, Any]) -> str:
    """The service as Kubernetes knows it: the app label, else the container's name; or Filebeat's `fields.service`."""
    fields = obj.get("fields")
    if isinstance(fields, dict) and (service := service_of(fields.get("service"))):
        return service
    pod = obj.get("kubernetes")
    if not isinstance(pod, dict):
        return ""
    labels = pod.get("labels") or pod.get("pod_labels")
    if isinstance(labels, dict):
        for name in _WORKLOAD:
            if service := service_of(labels.get(name)):
                return service
    return service_of(pod.get("container_name")) or service_of(pod.get("container"))


_CRI: Final = re.compile(rf"{ISO.pattern} (stdout|stderr) ([FP])(?::\S*)?(?: |$)")


class Cri(NamedTuple):
    """A line as the kubelet writes it: `2024-06-14T15:16:01.123Z stdout F body`."""

    second: str
    fraction: str | None
    zone: str | None
    stream: str
    flag: str
    """F: the line is full; P: it goes on in the next one of its stream."""
    body_at: int


def cri(line: str) -> Cri | None:
    m = _CRI.match(line, 0, 96)
    return Cri(m[1], m[2], m[3], m[4], m[5], m.end()) if m else None


def flatten(pairs: Iterable[tuple[str, Any]]) -> dict[str, str]:
    """Nested values as text under one name each: dots and levels become underscores, lists stay JSON, null is left out.

    >>> flatten({"kubernetes": {"pod": {"name": "api-7"}}, "n": 3, "ok": True, "tags": ["a"]}.items())
    {'kubernetes_pod_name': 'api-7', 'n': '3', 'ok': 'true', 'tags': '["a"]'}
    """
    flat: dict[str, str] = {}
    # A stack and not recursion: what a stranger nests 1,000 deep must not end the process.
    stack: list[tuple[str, Iterator[tuple[str, Any]]]] = [("", iter(pairs))]
    while stack:
        prefix, inner = stack[-1]
        for key, value in inner:
            name = prefix + (key.replace(".", "_") if "." in key else key)
            if isinstance(value, str):
                flat[name] = value
            elif isinstance(value, dict):
                stack.append((name + "_", iter(value.items())))
                break
            elif value is not None:
                flat[name] = _text(value)
        else:
            stack.pop()
    return flat


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    try:
        return orjson.dumps(value).decode()
    except TypeError:  # orjson writes 254 levels at most, and reads 1,024
        return "[nested too deep to be shown]"
