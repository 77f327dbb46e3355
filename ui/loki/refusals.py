"""Refusals on Loki's paths: plain text in Loki's words with Loki's status, for clients that show or match them."""

from __future__ import annotations

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request
from fastapi.responses import PlainTextResponse, Response
from fastapi.routing import APIRoute

from driftwood.errors import QueryError, QueryTimeout, Stopping, StoreError, StoreFull

logger = logging.getLogger(__name__)

PREFIXES = ("/loki/", "/api/prom/", "/prometheus/")
RETRY_AFTER_S = 5
TOO_SLOW = (
    "Request timed out, decrease the duration of the request or add more label matchers (prefer exact match over "
    "regex match) to reduce the amount of data processed."
)
TOO_MANY = "too many outstanding requests"

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class Refusal(Exception):
    """A request that is not answered, with its status and the text that Loki gives."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class LokiRoute(APIRoute):
    """A route whose exceptions become Loki's plain texts."""

    def get_route_handler(self) -> Handler:
        answered = super().get_route_handler()

        async def explained(request: Request) -> Response:
            try:
                return await answered(request)
            except Exception as error:
                return plain(refused(error, request.url.path))

        return explained


def refused(error: Exception, path: str) -> Refusal:
    """What is said about `error`; what nobody expected is logged and not told."""
    if isinstance(error, Refusal):
        return error
    if isinstance(error, QueryTimeout):
        return Refusal(504, TOO_SLOW)
    if isinstance(error, QueryError):  # below the first line stand the query and where it is wrong
        return Refusal(400, error.message.partition("\n")[0])
    if isinstance(error, StoreError | Stopping):
        if not isinstance(error, StoreFull | Stopping):
            logger.error("store failed path=%s error=%s", path, error)
        return Refusal(503, str(error))
    logger.error("request failed path=%s", path, exc_info=error)
    return Refusal(500, "an error inside Driftwood; its log has the details")


def plain(refusal: Refusal) -> Response:
    later = {"Retry-After": str(RETRY_AFTER_S)} if refusal.status in (429, 503) else None
    return PlainTextResponse(refusal.text, refusal.status, later)


def is_loki(path: str) -> bool:
    """Whether a path that nothing answers is refused as Loki would."""
    return path.startswith(PREFIXES)


def not_found(status: int) -> Response:
    """As Go's router says that it has no such path, or not with this method."""
    return plain(Refusal(status, "404 page not found\n" if status == 404 else ""))
