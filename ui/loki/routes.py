"""Loki's paths that read: `/loki/api/v1/...`, the first API's `/api/prom/...`, and stubs for what asks about rules.

They are not in our OpenAPI: the API is Loki's and described there, its parameters may come in a form as well as in the
URL, and its refusals are plain texts. docs/loki_api.md tells what is answered and what differs.
"""

from __future__ import annotations

from fastapi import APIRouter

from ui.api_state import ServerState
from ui.loki import fields, labels, patterns, queries, status, tail, volumes
from ui.loki.ask import Desk
from ui.loki.refusals import LokiRoute


def read_routes(server: ServerState) -> APIRouter:
    router = APIRouter(route_class=LokiRoute, include_in_schema=False)
    desk = Desk(server)
    for part in (queries, labels, volumes, patterns, fields, tail):
        part.add_routes(router, desk)
    status.add_routes(router, server)
    return router
