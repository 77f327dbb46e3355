"""Keys that say when, how grave and who, in JSON objects and logfmt lines."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson

from ingest.clock import Clock
from ingest.severity import UNKNOWN, of_number, of_syslog, of_value

# Names of keys, the most trusted first, as `_plain` leaves them: `@timestamp`, `log.level` and `ServiceName` are
# timestamp, log_level and servicename.
_TIME: Final = (
    "timestamp", "ts", "time", "datetime", "date", "asctime", "eventtime", "event_time", "t",
    "time_unix_nano", "timeunixnano", "realtime_timestamp",
)  # fmt: skip
_LEVEL: Final = (
    "level", "severity", "lvl", "log_level", "loglevel", "levelname", "level_name", "severity_text", "severitytext",
    "l", "log", "severity_number", "severitynumber", "priority",
)  # fmt: skip
_SERVICE: Final = (
    "service_name", "servicename", "service", "app", "application", "app_name", "appname", "application_name",
    "syslog_identifier", "programname", "syslog_tag",
)  # fmt: skip

_PLANS: Final = 4_096
_MAX_SERVICE: Final = 128
"""Characters; a longer value of a service key is no name."""

_LOGFMT: Final = re.compile(r'[A-Za-z_@][\w.@/-]{0,63}=(?:"|\S+(?:\s|$))', re.ASCII)
_PAIR: Final = re.compile(r'\s([\w.@-]{1,32}+)=([^\s"]++|"[^"\\]*+(?:\\.[^"\\]*+)*+"|)', re.ASCII)
_HEAD: Final = 4_096
"""Characters of a logfmt line in which its keys are looked for."""


class Plan(NamedTuple):
    """The keys of an object that say something, the most trusted first."""

    times: tuple[str, ...]
    levels: tuple[tuple[str, Callable[[object], int]], ...]
    """With what reads the value."""
    services: tuple[str, ...]
    keys: tuple[str, ...]
    """All of them."""


class Keys:
    """Reads time, severity and service of objects; what the keys mean is worked out once per distinct set of keys."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._plans: dict[tuple[str, ...], Plan] = {}

    def read(self, obj: Mapping[str, Any], before: int) -> tuple[int | None, int, str]:
        """Time in ns or None, severity or 0, service or ""."""
        return self._read(self._plan(obj), obj, before)

    def level_and_service(self, obj: Mapping[str, Any]) -> tuple[int, str]:
        return _level_and_service(self._plan(obj), obj)

    def _read(self, plan: Plan, obj: Mapping[str, Any], before: int) -> tuple[int | None, int, str]:
        severity, service = _level_and_service(plan, obj)
        for key in plan.times:
            ts = self._clock.value(obj[key], before)
            if ts is not None:
                return ts, severity, service
        return None, severity, service

    def _plan(self, obj: Mapping[str, Any]) -> Plan:
        keys = tuple(obj)
        plan = self._plans.get(keys)
        if plan is None:
            if len(self._plans) >= _PLANS:
                self._plans.clear()
            plan = self._plans[keys] = _plan(keys)
        return plan

    def logfmt(self, line: str, before: int) -> tuple[int | None, int, str] | None:
        """Likewise for `key=value key="a value"`; None when `line` is not logfmt or tells none of the three."""
        if not _LOGFMT.match(line):
            return None
        written: list[tuple[str, str]] = _PAIR.findall(f" {line[:_HEAD]}")
        pairs = dict(written)
        if len(pairs) < len(written):  # of a key that comes twice, the first
            pairs = {key: "" for key, _ in written} | dict(reversed(written))
        plan = self._plan(pairs)
        for key in plan.keys:
            if pairs[key][:1] == '"':
                pairs[key] = pairs[key][1:-1]
        found = self._read(plan, pairs, before)
        return None if found == (None, UNKNOWN, "") else found


def parse_object(text: str) -> dict[str, Any] | None:
    """`text` if it is a JSON object, else None: broken, nested deeper than 1,024, or another kind of value."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None


def service_of(value: object) -> str:
    """The value of a service key as a name: text, or `{"name": text}` as in ECS; `sshd[42]:` is sshd.

    >>> service_of({"name": "api"}), service_of("sshd[42]:"), service_of(7)
    ('api', 'sshd', '')
    """
    if isinstance(value, dict):
        value = value.get("name")
    if not isinstance(value, str) or not 0 < len(value) <= _MAX_SERVICE:
        return ""
    if value[-1] in ":]":
        value = value.rstrip(":").partition("[")[0]
    return value.strip()


def _plan(keys: tuple[str, ...]) -> Plan:
    plain: dict[str, str] = {}
    for key in keys:
        plain.setdefault(_plain(key), key)
    return Plan(
        times=tuple(plain[name] for name in _TIME if name in plain),
        levels=tuple(
            (plain[name], _READERS.get(name, of_value)) for name in _LEVEL if name in plain
        ),
        services=tuple(plain[name] for name in _SERVICE if name in plain),
        keys=tuple(plain[name] for name in (*_TIME, *_LEVEL, *_SERVICE) if name in plain),
    )


def _plain(key: str) -> str:
    return key.lower().lstrip("@_").replace(".", "_").replace("-", "_")


def _level_and_service(plan: Plan, obj: Mapping[str, Any]) -> tuple[int, str]:
    severity = UNKNOWN
    for key, read in plan.levels:
        severity = read(obj[key])
        if severity:
            break
    for key in plan.services:
        service = service_of(obj[key])
        if service:
            return severity, service
    return severity, ""


def _of_ecs(log: object) -> int:
    """`{"log": {"level": "warn"}}`"""
    return of_value(log.get("level")) if isinstance(log, dict) else UNKNOWN


def _of_journal(priority: object) -> int:
    """Syslog's 0..7, as text."""
    if not isinstance(priority, str):
        return UNKNOWN
    if len(priority) == 1 and priority in "01234567":
        return of_syslog(int(priority))
    return of_value(priority)


_READERS: Final[Mapping[str, Callable[[object], int]]] = {
    "log": _of_ecs,
    "severity_number": of_number,
    "severitynumber": of_number,
    "priority": _of_journal,
}
"""Level keys whose values mean something of their own."""
