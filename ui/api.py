"""The HTTP API: Driftwood's own paths under /api/v1, and what other programs look at (/health, /ready, /metrics).

Questions run in a pool of threads, each on a cursor of its own; changes go to the one thread that writes. The pages
of other origins may not read answers (no CORS), bodies must be JSON, so they cannot change anything either, and they
cannot pass for ours (`api_hosts`).
"""

from __future__ import annotations

from fastapi import APIRouter, Depends, FastAPI
from fastapi.routing import APIRoute
from starlette.middleware.gzip import GZipMiddleware

from driftwood import __version__
from ui import (
    api_anomalies,
    api_backtest,
    api_counts,
    api_dlq,
    api_explain,
    api_lines,
    api_parse,
    api_results,
    api_rules,
    api_status,
    api_templates,
)
from ui.api_answer import PROBLEMS, explain_errors
from ui.api_ask import known_parameters
from ui.api_hosts import KnownHosts
from ui.api_state import ServerState
from ui.api_write import BodyLimit
from ui.loki.push import PATHS, write_routes
from ui.loki.routes import read_routes

DESCRIPTION = """Ask Driftwood for lines, templates and anomalies.

Template ids and times in ns are texts, as they do not fit a JavaScript number; other times are RFC 3339, UTC.
`start` and `end` take RFC 3339, epoch (s, ms, us, ns) or relative times; without them the last hour of the newest data
is meant. Every refusal is `{"error": ..., "query"?, "at"?, "hint"?}`; a parameter that is not known is refused, too."""

# gzip's fastest level: what is asked over a network is mostly JSON, which it makes ten times smaller all the same.
GZIP_LEVEL = 1


def create_app(server: ServerState) -> FastAPI:
    """The app over a running server; holds no state of its own."""
    app = FastAPI(
        title="Driftwood",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,  # its page would load scripts from another host
        redoc_url=None,
        generate_unique_id_function=_operation_id,
    )
    app.include_router(api_status.probes(server))
    api = APIRouter(prefix="/api/v1", dependencies=[Depends(known_parameters)], responses=PROBLEMS)
    for part in (
        api_lines,
        api_counts,
        api_parse,
        api_explain,
        api_templates,
        api_rules,
        api_anomalies,
        api_backtest,
        api_dlq,
        api_status,
        api_results,
    ):
        api.include_router(part.routes(server))
    app.include_router(api)
    app.include_router(write_routes(server))
    app.include_router(read_routes(server))
    explain_errors(app)
    app.add_middleware(BodyLimit, but=PATHS)
    app.add_middleware(KnownHosts, hosts=lambda: server.config.server.hosts, but=PATHS)
    app.add_middleware(GZipMiddleware, minimum_size=1_000, compresslevel=GZIP_LEVEL)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
