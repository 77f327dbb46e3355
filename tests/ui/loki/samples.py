"""What a Loki server really answered: its requests and answers, and the lines that it had been given."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from tests.ui.loki.rows import Line

SECOND = 10**9
START = 1_795_254_188 * SECOND
END = START + 1_860 * SECOND


@dataclass(frozen=True)
class Sample:
    name: str
    method: str
    path: str
    parameters: list[tuple[str, str]]
    headers: dict[str, str]
    status: int
    content_type: str
    body: str

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def sample(folder: Path, name: str) -> Sample:
    """Request, status and body stand in one file, with empty lines between them. Queries are not URL-encoded."""
    request, status, body = (folder / f"{name}.txt").read_text("utf-8").split("\n\n", 2)
    first, *headers = request.splitlines()
    method, _, url = first.partition(" ")
    path, _, query = url.partition("?")
    code, kind = status.splitlines()
    pairs = parse_qsl(query.replace("+", "%2B"), keep_blank_values=True)
    return Sample(
        name,
        method,
        path,
        pairs,
        dict(header.split(": ", 1) for header in headers),
        int(code.removeprefix("HTTP ")),
        kind.removeprefix("Content-Type: "),
        body,
    )


def lines(loghub: Path) -> list[Line]:
    """60 lines of a web server's error log, 40 of an API in JSON, 3 of a shop that speaks OTLP."""
    apache = (loghub / "Apache" / "Apache_2k.log").read_text("utf-8").splitlines()
    web = [
        Line(
            START + i * (25 * SECOND + 1),
            text,
            {"app": "web", "env": "prod", "level": "error" if "[error]" in text else "notice"},
            {"trace_id": f"t{i:03}", "status": str(200 + i % 5)},
            template=1,
        )
        for i, text in enumerate(apache[:60])
    ]
    api = [
        Line(
            START + i * 40 * SECOND,
            json.dumps(
                {
                    "msg": "request done",
                    "status": 200 + 150 * (i % 3),
                    "took": f"{7 * i}ms",
                    "user": {"id": i % 5},
                }
            ),
            {"app": "api", "env": "prod", "level": "info"},
            template=2,
        )
        for i in range(40)
    ]
    return web + api + [_refusal(i) for i in range(3)]


def _refusal(i: int) -> Line:
    ts = START + i * 60 * SECOND
    metadata = {
        "http_status": str(500 + i),
        "observed_timestamp": str(ts + 5),
        "ok": "false",
        "os_type": "linux",
        "scope_name": "app.log",
        "scope_version": "1.2",
        "severity_number": "17",
        "severity_text": "ERROR",
        "span_id": "eee19b7ec3c1b174",
        "trace_id": "5b8efff798038103d269b633813fc60c",
    }
    labels = {"service_name": "cart", "k8s_pod_name": "cart-7f9c"}
    return Line(ts, f"payment {i} refused", labels, metadata, template=3)
