"""logcli, unmodified, against a server; skipped where there is none on the PATH."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator

import httpx
import pytest

from tests.ui.processes import serving

SECOND = 10**9
LOGCLI = shutil.which("logcli")

pytestmark = pytest.mark.skipif(LOGCLI is None, reason="there is no logcli on the PATH")

Logcli = Callable[..., str]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server with 40 lines of the last hour."""
    with serving(tmp_path_factory.mktemp("logcli") / "store") as server:
        base = time.time_ns() - 1_800 * SECOND
        values = [[str(base + n * SECOND), f"level=info n={n}"] for n in range(40)]
        push(server.url, {"app": "shop", "env": "prod"}, values)
        yield server.url


def push(url: str, labels: dict[str, str], values: list[list[str]]) -> None:
    body = {"streams": [{"stream": labels, "values": values}]}
    assert httpx.post(f"{url}/loki/api/v1/push", json=body).status_code == 204


@pytest.fixture
def logcli(url: str) -> Logcli:
    """Runs a command to its end; what it prints."""

    def run(*argv: str) -> str:
        command = [str(LOGCLI), "--quiet", f"--addr={url}", *argv]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


def test_lines_are_found_in_pages(logcli: Logcli) -> None:
    found = logcli(
        "query", '{app="shop"} |= "n="', "--limit=35", "--batch=10", "--output=raw", "--forward"
    )
    assert found.splitlines() == [f"level=info n={n}" for n in range(35)]
    newest = logcli("query", '{app="shop"} | logfmt', "--limit=1", "--output=jsonl")
    assert json.loads(newest)["line"] == "level=info n=39"


def test_metrics_are_found(logcli: Logcli) -> None:
    (one,) = json.loads(logcli("instant-query", 'sum by (env) (count_over_time({app="shop"}[2h]))'))
    assert (one["metric"], one["value"][1]) == ({"env": "prod"}, "40")
    series = json.loads(logcli("query", 'sum(count_over_time({app="shop"}[1h]))', "--step=60s"))
    assert series[0]["values"][-1][1] == "40"


def test_labels_series_stats_and_volume_are_found(logcli: Logcli) -> None:
    assert logcli("labels").split() == ["app", "env"]
    assert logcli("labels", "app").split() == ["shop"]
    assert logcli("series", '{env="prod"}').strip() == '{app="shop", env="prod"}'
    assert "entries: 40" in logcli("stats", '{app="shop"}')
    (volume,) = json.loads(logcli("volume", '{app="shop"}'))
    assert volume["metric"] == {"app": "shop"}


def test_fields_are_found(logcli: Logcli) -> None:
    found = logcli("detected-fields", '{app="shop"}')
    assert "label: n" in found
    assert logcli("detected-fields", '{app="shop"}', "level").split() == ["info"]


def test_a_wrong_query_is_explained_by_the_server(url: str) -> None:
    command = [str(LOGCLI), f"--addr={url}", "query", '{app="shop"} |= ']
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "syntax error: unexpected $end, expecting STRING or ip" in done.stderr


def test_live_lines_are_followed(url: str) -> None:
    command = [str(LOGCLI), "--quiet", f"--addr={url}", "query", "--tail", '{app="live"} |= "y"']
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as following:
        assert following.stdout is not None
        time.sleep(1.0)  # until it listens; what came before would be told as well
        push(url, {"app": "live"}, [[str(time.time_ns()), line] for line in ("yes", "no")])
        assert following.stdout.readline().rstrip().endswith('{app="live"} yes')
        following.terminate()
