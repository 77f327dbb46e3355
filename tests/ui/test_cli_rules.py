"""`driftwood templates rules` and a real server: new lines follow the rules, and rules survive a kill."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from tests.ui.processes import driftwood, serving, until


def test_rules_hold_for_new_lines_and_through_a_kill(tmp_path: Path) -> None:
    log, data = tmp_path / "web.log", tmp_path / "store"
    log.write_text("port 8080 is open\nport 9090 is open\n")

    def texts(server_url: str) -> set[str]:
        rows = driftwood("templates", "list", "--url", server_url, "--json").stdout
        return {json.loads(row)["text"] for row in rows.splitlines()}

    with serving(data, "--files", str(log)) as server:
        until(lambda: server.client.stats()["lines_total"] == 2)
        assert texts(server.url) == {"port <NUM> is open"}
        added = driftwood(
            "templates", "rules", "add", "protect", "8080", "--url", server.url, "--json"
        )
        rule = json.loads(added.stdout)
        server.stop(signal.SIGKILL)
    with log.open("a") as file:
        file.write("port 8080 is open\nport 7070 is open\n")
    with serving(data, "--files", str(log)) as server:
        until(lambda: server.client.stats()["lines_total"] == 4)
        assert texts(server.url) == {"port <NUM> is open", "port 8080 is open"}
        listed = driftwood("templates", "rules", "list", "--url", server.url)
        assert rule["id"] in listed.stdout
        removed = driftwood("templates", "rules", "remove", rule["id"], "--url", server.url)
        assert removed.stdout == f"removed {rule['id']}: protect 8080\n"
        wrong = driftwood("templates", "rules", "remove", rule["id"], "--url", server.url)
        assert wrong.returncode == 6
        assert "no rule has the id" in wrong.stderr
