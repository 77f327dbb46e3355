"""Commands that ask a running server what it knows: templates, anomalies, dlq."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ui import cli_diff, shapes
from ui.cli_show import Json, Listing, Url, print_json, safe, strange
from ui.client import DEFAULT_URL, Client

templates_app = typer.Typer(no_args_is_help=True, help="What kinds of lines there are.")
dlq_app = typer.Typer(no_args_is_help=True, help="Dead letters: what could not be decoded.")


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    app.command("anomalies", help="What drifted from normal, the newest last.")(ANOMALIES.command())
    templates_app.command("list", help="Templates by the number of their lines.")(
        TEMPLATES.command()
    )
    # -2h..-1h is a window and no flag, and its h asks for no help
    templates_app.command(
        "diff", context_settings={"ignore_unknown_options": True, "help_option_names": ["--help"]}
    )(cli_diff.diff)
    dlq_app.command("list", help="The newest dead letters.")(DEAD_LETTERS.command())
    app.add_typer(templates_app, name="templates")
    app.add_typer(dlq_app, name="dlq")


TEMPLATES = Listing(
    lambda client, asked: client.templates(**asked)["templates"],
    {
        "count": lambda row: f"{row['count']:,}",
        "share": lambda row: f"{row['share']:.1%}",
        "id": lambda row: row["id"],
        "services": lambda row: strange(", ".join(row["services"]), "cyan"),
        "template": lambda row: (
            strange(f"{row['name']}: " if row["name"] else "") + strange(row["text"])
        ),
    },
)


def _newest_last(client: Client, asked: dict[str, Any]) -> list[shapes.Anomaly]:
    return client.anomalies(**asked)["anomalies"][::-1]


def _p_value(row: shapes.Anomaly) -> str:
    return "" if row["p_value"] is None else f"{row['p_value']:.1e}"


ANOMALIES = Listing(
    _newest_last,
    {
        "start": lambda row: row["start"],
        "service": lambda row: strange(row["service"], "cyan"),
        "what": lambda row: strange(row["title"]),
        "p": _p_value,
        "status": lambda row: row["status"],
        "id": lambda row: row["id"],
    },
)
DEAD_LETTERS = Listing(
    lambda client, asked: client.dead_letters(**asked)["dead_letters"],
    {
        "id": lambda row: str(row["id"]),
        "time": lambda row: row["time"],
        "from": lambda row: strange(f"{row['topic']}/{row['part']}@{row['off']}"),
        "reason": lambda row: strange(row["reason"]),
        "replayed": lambda row: row["replayed_at"] or "",
        "bytes": lambda row: strange(row["raw"][:60]),
    },
)


@dlq_app.command("show")
def show_dead_letter(
    letter: Annotated[int, typer.Argument(metavar="ID")],
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """One dead letter with its bytes, reason and provenance."""
    row = Client(url).dead_letter(letter)
    if json_:
        print_json([row])
        return
    for key, value in row.items():
        print(f"{key:13} {safe(str(value))}")


@dlq_app.command("replay")
def replay_dead_letters(
    letters: Annotated[
        list[int] | None, typer.Argument(metavar="ID...", help="Which; all by default.")
    ] = None,
    url: Url = DEFAULT_URL,
    json_: Json = False,
) -> None:
    """Decode dead letters again, say after an upgrade; what can be read now is stored, once."""
    outcome = Client(url).replay_dead_letters(letters or None)
    if json_:
        print_json([outcome])
        return
    print(f"{outcome['replayed']} stored now, {outcome['still_dead']} still cannot be decoded")
