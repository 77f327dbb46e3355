"""Answers: JSON by orjson, and refusals that say what is wrong, where, and what to do about it."""

from __future__ import annotations

import logging
from typing import Any

import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from driftwood.errors import QueryError, QueryTimeout, Stopping, StoreError, StoreFull
from ui import shapes
from ui.loki import refusals

logger = logging.getLogger(__name__)

RETRY_AFTER_S = 5
SHOWN_INPUT = 100
"""Characters of a wrong value that a refusal repeats."""

PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {"model": shapes.Problem, "description": "What is wrong, where, what to do."},
    400: {"model": shapes.Problem, "description": "A parameter or the query is wrong."},
    503: {"model": shapes.Problem, "description": "Not now: see Retry-After."},
    504: {"model": shapes.Problem, "description": "The query took too long and was cancelled."},
}
NOT_FOUND: dict[int | str, dict[str, Any]] = {
    404: {"model": shapes.Problem, "description": "There is nothing with this id."}
}
BAD_BODY: dict[int | str, dict[str, Any]] = {
    413: {"model": shapes.Problem, "description": "The body is too large."},
    422: {"model": shapes.Problem, "description": "The body is not what is needed."},
}


class Refused(Exception):
    """A request that cannot be answered, with its status."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def reply(body: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """NaN and infinities become null."""
    return Response(orjson.dumps(body), status, headers, "application/json")


def explain_errors(app: FastAPI) -> None:
    """Give every exception its status and its words."""

    @app.exception_handler(Refused)
    def refused(request: Request, error: Refused) -> Response:
        retry = {"Retry-After": str(RETRY_AFTER_S)} if error.status == 503 else None
        return reply({"error": str(error)}, error.status, retry)

    @app.exception_handler(QueryTimeout)
    def too_slow(request: Request, error: QueryTimeout) -> Response:
        return reply({"error": error.message}, 504)

    @app.exception_handler(QueryError)
    def bad_query(request: Request, error: QueryError) -> Response:
        body: dict[str, object] = {"error": error.message}
        if error.query:
            body |= {"query": error.query, "at": error.at}
        if error.hint:
            body["hint"] = error.hint
        return reply(body, 400)

    @app.exception_handler(StoreError)
    def no_store(request: Request, error: StoreError) -> Response:
        if not isinstance(error, StoreFull):
            logger.error("store failed path=%s error=%s", request.url.path, error)
        return reply({"error": str(error)}, 503, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(Stopping)
    def stopping(request: Request, error: Stopping) -> Response:
        return reply({"error": str(error)}, 503, {"Retry-After": str(RETRY_AFTER_S)})

    @app.exception_handler(RequestValidationError)
    def not_valid(request: Request, error: RequestValidationError) -> Response:
        first = error.errors()[0]
        place, *path = map(str, first["loc"])
        where = f"{'parameter' if place == 'query' else place} {'.'.join(path)}".strip()
        given = repr(first.get("input"))
        but = f", and not {given}" if len(given) <= SHOWN_INPUT else ""
        return reply({"error": f"{where}: {first['msg']}{but}"}, 422 if place == "body" else 400)

    @app.exception_handler(HTTPException)
    def no_route(request: Request, error: HTTPException) -> Response:
        if refusals.is_loki(request.url.path):
            return refusals.not_found(error.status_code)
        message = f"{request.method} {request.url.path}: {error.detail}; /openapi.json lists what there is"
        return reply({"error": message}, error.status_code, dict(error.headers or {}))

    @app.exception_handler(Exception)
    def broken(request: Request, error: Exception) -> Response:
        logger.error("request failed path=%s", request.url.path, exc_info=error)
        return reply({"error": "an error inside Driftwood; its log has the details"}, 500)
