"""A small log behind Loki's paths."""

from __future__ import annotations

import httpx
import pytest

from driftwood.records import Template, TemplateId
from tests.ui.api_server import Running
from tests.ui.loki.rows import Line, commit

SECOND = 10**9
MINUTE = 60 * SECOND
NOON = 1_715_688_000 * SECOND
"""2024-05-14T12:00:00Z"""
SPAN = {"start": str(NOON), "end": str(NOON + 10 * MINUTE)}

API = {"app": "api", "level": "info"}
SLOW = {"app": "api", "level": "error", "pod": "7"}
PAY = {"app": "pay"}
LINES = [
    Line(NOON + 1 * SECOND, "GET /cart 17 200", API, {"trace": "ab"}),
    Line(NOON + 2 * SECOND, "GET /cart 18 500", SLOW),
    Line(NOON + 3 * SECOND, '{"user":{"id":7},"took":"20ms","ok":true}', PAY, template=2),
    Line(NOON + 4 * SECOND, '{"user":{"id":9},"took":"1.5s","ok":false}', PAY, template=2),
    Line(NOON + 65 * SECOND, "GET /cart 19 200", API),
]
TEMPLATES = [
    Template(TemplateId(1), 1, "GET /cart <NUM> <NUM>"),
    Template(TemplateId(2), 1, "<JSON>"),
]


@pytest.fixture
def loki(running: Running, http: httpx.Client) -> httpx.Client:
    running.store.write(commit(LINES, templates=TEMPLATES))
    return http
