"""Commands that run something: up, serve, dashboard, ingest, demo."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from driftwood import config as settings
from driftwood.config import Config
from driftwood.errors import ConfigError, ServerError
from ui.dashboard.launch import LEASH
from ui.dashboard.launch import command as dashboard_command

if TYPE_CHECKING:
    from driftwood.protocols import Source

Data = Annotated[Path, typer.Option("--data", help="Folder of the store; made when missing.")]
ConfigFile = Annotated[
    Path | None, typer.Option("--config", help="TOML file of settings; see driftwood.example.toml.")
]
Brokers = Annotated[
    str | None, typer.Option("--kafka", help="Kafka brokers, HOST:PORT[,HOST:PORT].")
]
Topics = Annotated[str | None, typer.Option("--topics", help="Kafka topics, A,B.")]
FileGlobs = Annotated[
    list[str] | None,
    typer.Option("--files", help="Glob of log files to follow; may be repeated."),
]
Listen = Annotated[str | None, typer.Option("--listen", help="HOST:PORT to listen on.")]


def register(app: typer.Typer) -> None:
    """Add this family's commands."""
    for command in (up, serve, dashboard, ingest, demo):
        app.command()(command)


def configured(
    path: Path | None,
    *,
    listen: str | None = None,
    kafka: str | None = None,
    topics: str | None = None,
    files: list[str] | None = None,
    with_demo: bool = False,
) -> Config:
    """The settings of file and environment, with the flags of the command line on top."""
    config = settings.load(path)
    if listen is not None:
        config = settings.override(config, server={"listen": listen})
    if kafka is not None:
        config = settings.override(config, kafka={"brokers": kafka})
    if topics is not None:
        config = settings.override(config, kafka={"topics": topics})
    if files:
        config = settings.override(config, files={"paths": tuple(files)})
    if with_demo:
        config = settings.override(config, demo={"enabled": True})
    if config.kafka.brokers and not config.kafka.topics:
        raise ConfigError("Kafka needs topics to read: add --topics A,B (or [kafka] topics)")
    if config.kafka.topics and not config.kafka.brokers:
        raise ConfigError("topics need a broker: add --kafka HOST:PORT (or [kafka] brokers)")
    return config


def serve(
    data: Data = Path("var"),
    listen: Listen = None,
    config: ConfigFile = None,
    kafka: Brokers = None,
    topics: Topics = None,
    files: FileGlobs = None,
    demo: Annotated[bool, typer.Option("--demo", help="Generate the demo shop's logs.")] = False,
) -> None:
    """Run the server: read the sources, learn, detect, store, and answer on HTTP. Ends on SIGTERM or Ctrl-C."""
    from ui.serve import serve as run

    run(
        configured(config, listen=listen, kafka=kafka, topics=topics, files=files, with_demo=demo),
        data,
    )


def dashboard(
    url: Annotated[
        str | None, typer.Option("--url", envvar="DRIFTWOOD_URL", help="The server's URL.")
    ] = None,
    listen: Listen = None,
    config: ConfigFile = None,
) -> None:
    """Run the dashboard (its own process; it speaks to the server at --url)."""
    chosen = settings.load(config).dashboard
    argv = dashboard_command(url or chosen.url, listen or chosen.listen)
    os.environ["DRIFTWOOD_URL"] = url or chosen.url
    os.execv(argv[0], argv)  # noqa: S606  the dashboard takes this process over, signals and all


def up(
    data: Data = Path("var"),
    listen: Listen = None,
    dashboard_listen: Annotated[
        str | None, typer.Option("--dashboard", help="HOST:PORT of the dashboard.")
    ] = None,
    config: ConfigFile = None,
    kafka: Brokers = None,
    topics: Topics = None,
    files: FileGlobs = None,
) -> None:
    """Everything at once: server, dashboard, and the demo shop unless --files or --kafka name real logs."""
    from ui.serve import bind
    from ui.serve import serve as run

    chosen = configured(config, listen=listen, kafka=kafka, topics=topics, files=files)
    if not chosen.kafka.brokers and not chosen.files.paths:
        chosen = settings.override(chosen, demo={"enabled": True})
    page = dashboard_listen or chosen.dashboard.listen
    bind(page).close()  # a taken port is said before anything starts
    console = Console(stderr=True, soft_wrap=True, highlight=False)
    child: list[subprocess.Popen[bytes]] = []

    def start_dashboard(url: str) -> None:
        environment = {**os.environ, "DRIFTWOOD_URL": url, LEASH: "1"}
        # A session of its own: Ctrl-C reaches only us, and we end it in order. The pipe ends it if we are killed.
        child.append(
            subprocess.Popen(  # noqa: S603
                dashboard_command(url, page),
                env=environment,
                stdin=subprocess.PIPE,
                start_new_session=True,
            )
        )
        console.print(
            f"\n  [bold]Driftwood[/bold] is at [bold cyan]http://{page.replace('127.0.0.1', 'localhost')}"
            f"[/bold cyan]   API {url}   data {data}   Ctrl-C stops\n"
        )

    try:
        run(chosen, data, on_listening=start_dashboard)
    finally:
        for process in child:
            _end(process)
    console.print("  Stopped; the store is clean.")


def _end(process: subprocess.Popen[bytes], patience_s: float = 5.0) -> None:
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(patience_s)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdin is not None:
        process.stdin.close()


def ingest(
    paths: Annotated[
        list[str], typer.Argument(help="Files, folders or globs; - reads standard input.")
    ],
    data: Annotated[
        Path | None, typer.Option("--data", help="Folder of the store; made when missing.")
    ] = None,
    url: Annotated[str | None, typer.Option("--url", help="Send to a running server.")] = None,
    config: ConfigFile = None,
    json_: Annotated[bool, typer.Option("--json", help="Print the summary as JSON.")] = False,
) -> None:
    """Read logs to the end: stored, templated and scored, in a store (--data) or by a running server (--url).

    With --data a second run goes on where the first ended; with --url it sends all again, and what is stored already
    is not stored twice.
    """
    if (url is None) == (data is None):
        raise ConfigError(
            "say where to store: driftwood ingest PATH... --data DIR for a store of its own, "
            "or --url URL for a running server"
        )
    chosen = settings.load(config)
    if paths != ["-"]:
        chosen = settings.override(chosen, files={"paths": tuple(paths), "follow": False})
    summary = _store(chosen, paths, data) if data is not None else _send(chosen, paths, str(url))
    if json_:
        print(json.dumps(summary))
        return
    anomalies = f"{summary['anomalies']:,} anomalies · " if "anomalies" in summary else ""
    print(
        f"{summary['lines']:,} lines in {summary['seconds']:.1f} s ({summary['lines_per_s']:,}/s) · "
        f"{summary['templates']:,} templates · {anomalies}{summary['dead_letters']:,} dead letters · "
        + (f"stored in {data}" if data is not None else f"sent to {url}")
    )


def _source(chosen: Config, paths: list[str]) -> Source:
    from ingest import SOURCES
    from ingest.redact import Redactor

    redactor = Redactor(chosen.redaction)
    if paths == ["-"]:
        return SOURCES.make("stdin", chosen.ingest, redactor)
    return SOURCES.make("files", chosen.files, chosen.ingest, redactor)


def _store(chosen: Config, paths: list[str], data: Path) -> dict[str, Any]:
    """Into a store that nobody else has; what there is to say about it."""
    from driftwood.store.store import DuckStore
    from ui.parts import assemble

    source = _source(chosen, paths)
    store = DuckStore.open(data, chosen.store)
    try:
        parts = assemble(chosen, store, [source], keep_alive=False)
        started = time.perf_counter()
        parts.pipeline.recover()
        failure = _run_with_progress(parts.pipeline, source)
        seconds = time.perf_counter() - started
        counts = parts.pipeline.counts
        templates = store.query("SELECT count(DISTINCT id) FROM templates").column(0)[0].as_py()
    finally:
        store.close()
    if failure is not None:
        raise failure
    return _summary(counts, seconds, templates) | {
        "anomalies": counts["anomalies"],
        "data": str(data),
    }


def _send(chosen: Config, paths: list[str], url: str) -> dict[str, Any]:
    """Likewise to a running server."""
    from ui.client import Client
    from ui.sending import Sender

    source = _source(chosen, paths)
    with Client(url) as client:
        if not client.is_ready():
            client.wait_ready()
        sender = Sender(source, client)
        started = time.perf_counter()
        failure = _run_with_progress(sender, source)
        seconds = time.perf_counter() - started
        templates = client.stats()["templates"]
    if failure is not None:
        raise failure
    if sender.refused:
        raise ServerError(f"{url} did not take every line: {sender.refused}")
    return _summary(sender.counts, seconds, templates) | {"url": url}


def _summary(counts: dict[str, int], seconds: float, templates: int) -> dict[str, Any]:
    return {
        "lines": counts["lines"],
        "dead_letters": counts["dead_letters"],
        "seconds": round(seconds, 3),
        "lines_per_s": round(counts["lines"] / max(seconds, 1e-9)),
        "templates": templates,
    }


def _run_with_progress(pipeline: Any, source: Any) -> BaseException | None:
    """Run `pipeline` on a thread under a progress bar; Ctrl-C ends it cleanly. What it died of, if it did."""
    failure: list[BaseException] = []

    def work() -> None:
        try:
            pipeline.run()
        except BaseException as error:  # shown by the caller, on the main thread
            failure.append(error)

    worker = threading.Thread(target=work, name="pipeline")
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[lines]:,} lines  {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
    )
    with bar:
        job = bar.add_task("reading", total=None, lines=0, rate=0.0)
        worker.start()
        try:
            while worker.is_alive():
                worker.join(0.1)
                done, total = source.progress() if hasattr(source, "progress") else (0, None)
                bar.update(
                    job,
                    completed=done,
                    total=total,
                    lines=pipeline.counts["lines"],
                    rate=pipeline.throughput.rate(),
                )
        except KeyboardInterrupt:
            pipeline.stop()
            worker.join()
            raise
    return failure[0] if failure else None


def demo(
    kafka: Brokers = None,
    topics: Topics = None,
    truth: Annotated[
        Path | None, typer.Option("--truth", help="Write the incidents injected to this file.")
    ] = None,
    config: ConfigFile = None,
    count: Annotated[int | None, typer.Option("--count", help="End after this many lines.")] = None,
) -> None:
    """Print the demo shop's log lines as they happen, or produce them to Kafka with --kafka and --topics."""
    from ui.demo_producer import produce

    chosen = configured(config, kafka=kafka, topics=topics, with_demo=True)
    produce(chosen, truth=truth, count=count)
