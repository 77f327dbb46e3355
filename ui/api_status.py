"""Health, readiness, metrics, and what the System page shows."""

from __future__ import annotations

import os
import resource
import time
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from driftwood import __version__
from driftwood.config import effective
from driftwood.store.read import extent
from driftwood.store.read_size import size
from driftwood.timeparse import format_time
from ui import shapes
from ui.api_answer import reply
from ui.api_ask import asked
from ui.api_metrics import exposition
from ui.api_state import ServerState


def probes(server: ServerState) -> APIRouter:
    """What other programs look at, outside of /api/v1."""
    router = APIRouter(tags=["server"])

    @router.get("/health", response_model=shapes.Health)
    def health() -> Response:
        """The process answers."""
        return reply({"status": "ok"})

    @router.get(
        "/ready",
        response_class=PlainTextResponse,
        responses={503: {"content": {"text/plain": {}}, "description": "It still starts."}},
    )
    def ready() -> Response:
        """200 once the server takes work."""
        if server.ready:
            return PlainTextResponse("ready")
        return PlainTextResponse("starting", 503, headers={"Retry-After": "1"})

    @router.get("/metrics", response_class=PlainTextResponse)
    def metrics() -> Response:
        """For Prometheus."""
        body, content_type = exposition(server)
        return Response(body, media_type=content_type)

    return router


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(tags=["server"])

    @router.get("/stats", response_model=shapes.Stats)
    def stats() -> Response:
        """The running process and its store at a glance."""
        return reply(_stats(server))

    @router.get("/config", response_model=shapes.Config)
    def config() -> Response:
        """The settings in force; secrets read `***`."""
        return reply(effective(server.config))

    return router


def _stats(server: ServerState) -> shapes.Stats:
    store = asked(server)
    running = server.stats()
    stored = extent(store)
    held = size(store)
    return {
        "version": __version__,
        "started": format_time(running["started"]),
        "uptime_s": round((time.time_ns() - running["started"]) / 1e9, 1),
        "ready": server.ready,
        "banner": running["banner"],
        "lines_total": held.hot + held.sealed,
        "lines_per_s": running["lines_per_s"],
        "rows": {"hot": held.hot, "sealed": held.sealed},
        "newest": None if stored is None else format_time(stored.recent),
        "oldest": None if stored is None else format_time(stored.oldest),
        "queue": running["queue"],
        "commit_ms": running["commit_ms"],
        "sources": running["sources"],
        "store": {
            "path": str(store.path),
            "bytes": held.file_bytes + held.segment_bytes,
            "file_bytes": held.file_bytes,
            "segment_bytes": held.segment_bytes,
            "segments": held.segments,
            "free_bytes": held.free_bytes,
            "text_bytes": held.text_bytes,
        },
        "dead_letters": held.dead_letters,
        "templates": held.templates,
        "anomalies_open": held.anomalies_open,
        "detectors": running["detectors"],
        "memory_mb": round(_memory_bytes() / 2**20, 1),
        "cpu_s": round(time.process_time(), 2),
    }


def _memory_bytes() -> int:
    """Resident memory now; where the system does not tell, at its peak."""
    try:
        resident_pages = Path("/proc/self/statm").read_text().split()[1]
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(resident_pages) * os.sysconf("SC_PAGE_SIZE")
