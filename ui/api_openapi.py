"""docs/openapi.json: `python -m ui.api_openapi` writes it anew after a change of the API; a test compares."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import orjson

from driftwood.config import Config
from ui.api import create_app
from ui.api_state import ServerState

FILE = Path(__file__).resolve().parents[1] / "docs" / "openapi.json"


class _NotRunning:
    """The API is described without a server: its settings are all that is asked for."""

    config = Config()


def document() -> str:
    """The description as it is checked in."""
    app = create_app(cast(ServerState, _NotRunning()))
    return (
        orjson.dumps(app.openapi(), option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS).decode()
        + "\n"
    )


if __name__ == "__main__":
    FILE.write_text(document(), "utf-8")
