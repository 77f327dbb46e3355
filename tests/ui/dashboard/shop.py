"""A stand-in for the server, what it knows: a small shop's lines, what was found in them, and the server's own numbers.

It is seeded, plausible, and able to be empty, huge, hostile or late; `shop_server` answers for it over HTTP.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.ui.dashboard.shop_lines import HOSTILE, NEW, TEMPLATES, ShopLines, ident, rfc


@dataclass
class Shop(ShopLines):
    banner: str | None = None
    lag_s: float = 0.4
    broken: bool = False
    feedback: list[dict[str, Any]] = field(default_factory=list)
    effects: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.started = self.now - 4_000
        self.anomalies = [] if self.empty else self._anomalies()
        self.letters = [] if self.empty else self._letters()

    def _anomalies(self) -> list[dict[str, Any]]:
        refused, declined, slow, failed = (TEMPLATES[i][2] for i in (NEW, 6, 3, 13))
        at = self.incident[0]
        rows = [
            (
                "error_burst",
                "payments",
                f"42 errors among 151 lines in one minute, normally none; most: 38 × `{refused}`",
                15.2,
                at,
                NEW,
            ),
            (
                "new_template",
                "payments",
                f"error never seen before: 38 × `{refused}`",
                6.4,
                at + 20,
                NEW,
            ),
            (
                "rate_up",
                "checkout",
                f"25 × `{declined}` in one minute, normally 1",
                4.1,
                at + 60,
                6,
            ),
            ("rate_up", "gateway", f"9 × `{slow}` in one minute, normally 1", 3.2, at + 90, 3),
            (
                "rate_up",
                "auth",
                f"12 × `{failed}` in one minute, normally 2",
                2.4,
                self.now - 3_000,
                13,
            ),
        ]
        if self.huge:
            rows = [
                (k, s, f"{t} ({i})", v, at - i * 60, w)
                for i in range(40)
                for k, s, t, v, at, w in rows
            ]
        made = []
        for i, (kind, service, title, score, at, which) in enumerate(rows):
            seen = 400.0 - i
            ids = [int((at + j) * 1000) for j in range(30)]
            made.append(
                {
                    "id": f"a{i:04d}{kind[:3]}",
                    "detector": kind,
                    "kind": kind,
                    "source": {"service_name": service, "source": "demo"},
                    "service": service,
                    "start": rfc(at),
                    "end": rfc(at + 60),
                    "start_ns": str(int(at * 1e9)),
                    "end_ns": str(int((at + 60) * 1e9)),
                    "score": score,
                    "p_value": 10**-score,
                    "title": f"{service}: {title}" + (HOSTILE if self.hostile else ""),
                    "contributions": [
                        {
                            "template_id": ident(which),
                            "template": TEMPLATES[which][2],
                            "seen": seen,
                            "expected": 9.3,
                            "weight": 5.0,
                        },
                        {
                            "template_id": ident(9),
                            "template": TEMPLATES[9][2],
                            "seen": 14,
                            "expected": 0.0,
                            "weight": 2.0,
                        },
                        {
                            "template_id": ident(7),
                            "template": TEMPLATES[7][2],
                            "seen": 80,
                            "expected": 140.0,
                            "weight": 0.7,
                        },
                    ],
                    "line_ids": ids,
                    "status": "open" if i != 4 else "noise",
                    "note": "",
                    "created": rfc(at + 62),
                }
            )
        return made

    def _letters(self) -> list[dict[str, Any]]:
        raw = HOSTILE if self.hostile else '\\x08\\x96\\x01{"broken": '
        return [
            {
                "id": i + 1,
                "time": rfc(self.now - 300 * i),
                "source": "kafka",
                "topic": "logs/9f2c",
                "part": i % 3,
                "off": 188_231 + i,
                "idx": 0,
                "stage": "decode",
                "reason": "OTLP: the message ends inside field 2; check the producer's encoding",
                "raw": raw,
                "raw_base64": "CJYBeyJicm9rZW4iOiA=",
                "headers": [["content-type", "application/x-protobuf"]],
                "replayed_at": None,
            }
            for i in range(7)
        ]

    def stats(self) -> dict[str, Any]:
        newest = None if self.empty else rfc(self.now - self.lag_s)
        return {
            "version": "0.1.0",
            "started": rfc(self.started),
            "uptime_s": 4_000.0,
            "ready": True,
            "banner": self.banner,
            "lines_total": 0 if self.empty else 2_140_332,
            "lines_per_s": 0.0 if self.empty else 26.4 * (200 if self.huge else 1),
            "rows": {"hot": 96_210, "sealed": 2_044_122},
            "newest": newest,
            "oldest": None if self.empty else rfc(self.now - 86_400),
            "queue": {"rows": 312, "capacity": 100_000, "paused": bool(self.banner)},
            "commit_ms": {"p50": 6.1, "p99": 31.0, "last": 5.2},
            "sources": []
            if self.empty
            else [
                {
                    "name": "kafka",
                    "kind": "kafka",
                    "state": "running",
                    "detail": "",
                    "lag": 120,
                    "lag_seconds": self.lag_s,
                    "positions": [
                        {
                            "topic": "logs",
                            "part": p,
                            "off": 188_231 + p,
                            "end": 188_271 + p,
                            "lag": 40,
                        }
                        for p in range(3)
                    ],
                },
                {
                    "name": "demo",
                    "kind": "demo",
                    "state": "running",
                    "detail": "26 lines/s",
                    "lag": None,
                    "lag_seconds": None,
                    "positions": [],
                },
            ],
            "store": {
                "path": "/srv/driftwood/var",
                "bytes": 61_000_000,
                "file_bytes": 21_000_000,
                "segment_bytes": 40_000_000,
                "segments": 24,
                "free_bytes": 81_000_000_000,
                "text_bytes": 610_000_000,
            },
            "dead_letters": len(self.letters),
            "templates": 0 if self.empty else len(TEMPLATES),
            "anomalies_open": sum(each["status"] == "open" for each in self.anomalies),
            "detectors": [
                {"name": "never_seen", "state": "ready", "progress": 1.0, "detail": "6 sources"},
                {
                    "name": "rate_change",
                    "state": "warming",
                    "progress": 0.62,
                    "detail": "6 min of 10 min of baseline",
                },
                {"name": "error_burst", "state": "ready", "progress": 1.0, "detail": "6 sources"},
            ],
            "memory_mb": 288.0,
            "cpu_s": 211.0,
        }
