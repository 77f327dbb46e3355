"""/api/v1/rules: what users decided about templates. It holds for lines that come from then on."""

from __future__ import annotations

import time
from typing import Annotated

from fastapi import APIRouter, Path
from fastapi.responses import Response
from pydantic import BaseModel, ConfigDict, Field

from driftwood.errors import ConfigError
from driftwood.store.read import Readable, Row, Writable
from driftwood.store.read_rules import remove_rule, rules
from driftwood.timeparse import format_time
from parsing.rules import Kind, Rule
from ui import shapes
from ui.api_answer import BAD_BODY, NOT_FOUND, Refused, reply
from ui.api_ask import asked
from ui.api_state import ServerState
from ui.api_write import written
from ui.rules import put, stored

RuleId = Annotated[str, Path(max_length=64)]
TemplateId = Annotated[str, Field(pattern=r"^[0-9]{1,18}$|^[1-8][0-9]{18}$")]


class RuleBody(BaseModel):
    """protect: a token is never a parameter. mask: what an expression of RE2 matches is always the parameter `name`.
    apart: two templates never become one; the token is found. rename: a template gets a `name`.
    """

    model_config = ConfigDict(extra="forbid")

    kind: Kind
    pattern: str = ""
    name: str = ""
    templates: list[TemplateId] = Field(default=[], max_length=2)


def routes(server: ServerState) -> APIRouter:
    router = APIRouter(prefix="/rules", tags=["templates"])

    @router.get("", response_model=shapes.Rules)
    def list_rules() -> Response:
        """All rules in force, the oldest first."""
        return reply({"rules": [_rule(row) for row in rules(asked(server))]})

    @router.post("", response_model=shapes.Rule, status_code=201, responses=BAD_BODY)
    def add_rule(said: RuleBody) -> Response:
        """Make a rule; one about the same thing is replaced. Lines already stored keep their templates."""
        rule = Rule(said.kind, said.pattern, said.name, tuple(map(int, said.templates)))

        def write(to: Writable) -> shapes.Rule:
            made = put(server.store, to, rule, time.time_ns())
            server.follow(stored(server.store))
            found = _found(server.store, made.id)
            assert found is not None
            return found

        try:
            return reply(written(server, write), 201)
        except ConfigError as error:
            raise Refused(422, str(error)) from error

    @router.delete("/{rule_id}", response_model=shapes.Rule, responses=NOT_FOUND)
    def delete_rule(rule_id: RuleId) -> Response:
        """Take a rule back; the answer is the rule as it was."""

        def write(to: Writable) -> shapes.Rule | None:
            found = _found(server.store, rule_id)
            if found is not None:
                remove_rule(to, rule_id)
                server.follow(stored(server.store))
            return found

        found = written(server, write)
        if found is None:
            raise Refused(404, f"no rule has the id {rule_id}; GET /api/v1/rules lists them")
        return reply(found)

    return router


def _found(store: Readable, rule_id: str) -> shapes.Rule | None:
    return next((_rule(row) for row in rules(store) if row["id"] == rule_id), None)


def _rule(row: Row) -> shapes.Rule:
    return {
        "id": row["id"],
        "kind": row["kind"],
        "pattern": row["pattern"],
        "name": row["name"],
        "templates": list(map(str, row["templates"])),
        "created": format_time(row["created"]),
    }
