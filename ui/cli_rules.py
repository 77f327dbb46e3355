"""`driftwood templates rules`: what users decided about templates."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from ui import shapes
from ui.cli_ask import templates_app
from ui.cli_show import Json, Url, print_json, safe, strange
from ui.client import DEFAULT_URL, Client

rules_app = typer.Typer(
    no_args_is_help=True,
    help="Your rules: protect a token, mask always, keep two templates apart, rename one.",
)


class Kind(StrEnum):
    protect = "protect"
    mask = "mask"
    apart = "apart"
    rename = "rename"


def register(app: typer.Typer) -> None:
    """Below `templates`, which `cli_ask` has registered."""
    templates_app.add_typer(rules_app, name="rules")


@rules_app.command("list")
def list_rules(url: Url = DEFAULT_URL, json_: Json = False) -> None:
    """All rules in force, the oldest first."""
    with Client(url) as client:
        rules = client.rules()
    if json_:
        print_json(rules)
        return
    table = Table("id", "kind", "pattern", "name", "templates", box=None, pad_edge=False)
    for rule in rules:
        named = strange(rule["pattern"], "cyan"), strange(rule["name"])
        table.add_row(rule["id"], rule["kind"], *named, " ".join(rule["templates"]))
    Console(highlight=False).print(table)


@rules_app.command("add")
def add_rule(
    kind: Annotated[Kind, typer.Argument(help="What the rule does.")],
    pattern: Annotated[
        str, typer.Argument(help="The token to protect, or the expression (RE2) to mask.")
    ] = "",
    name: Annotated[
        str, typer.Option("--name", help="Of the parameter (mask) or the template (rename).")
    ] = "",
    template: Annotated[
        list[str] | None,
        typer.Option("--template", help="Id of a template: twice for apart, once for rename."),
    ] = None,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    r"""Make a rule, for lines from now on; one about the same thing is replaced.

    protect 8080 · mask 'ord-\w+' --name ORDER · apart --template ID --template ID ·
    rename --template ID --name 'Login failed'
    """
    with Client(url) as client:
        _show(client.add_rule(kind.value, pattern, name, template or ()), "added", json_)


@rules_app.command("remove")
def remove_rule(
    rule: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")],
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Take a rule back, for lines from now on."""
    with Client(url) as client:
        _show(client.remove_rule(rule), "removed", json_)


def _show(rule: shapes.Rule, done: str, json_: bool) -> None:
    if json_:
        print_json([rule])
        return
    about = " ".join(filter(None, (rule["pattern"], *rule["templates"], rule["name"])))
    print(f"{done} {rule['id']}: {rule['kind']} {safe(about)}")
