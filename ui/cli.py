"""`driftwood`: the command line. Commands live in the `ui/cli_*.py` beside this file, one file a family.

Exit codes: 0 done · 1 failed, the message says why · 2 wrong flag, setting or name · 3 the query is wrong ·
4 the store cannot be used · 5 a source cannot be opened · 6 no server, or it answered with an error · 130 Ctrl-C.
"""

from __future__ import annotations

import logging
import sys

import typer

from driftwood import __version__
from driftwood.errors import DriftwoodError
from ui import cli_ask, cli_backtest, cli_bench, cli_data, cli_query, cli_rules, cli_run, cli_store
from ui.cli_show import safe

app = typer.Typer(
    name="driftwood",
    help="Reads logs as they stream in, learns their templates, finds what drifts, and says why.",
    epilog="Exit codes: 0 done, 1 failed, 2 wrong flag or setting, 3 wrong query, 4 store, 5 source, 6 server, "
    "130 interrupted. Docs: docs/cli.md",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for family in (
    cli_run,
    cli_query,
    cli_ask,
    cli_rules,
    cli_backtest,
    cli_store,
    cli_bench,
    cli_data,
):
    family.register(app)


class OneLine(logging.Formatter):
    """A message stays one line, whatever names of files and paths of requests are in it; tracebacks have theirs."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (as the base class has it)
        return safe(super().formatMessage(record))


def _version(wanted: bool) -> None:
    if wanted:
        print(f"driftwood {__version__}")
        raise typer.Exit


@app.callback()
def common(
    verbose: bool = typer.Option(False, "--verbose", "-v", help="Log every commit, too."),
    quiet: bool = typer.Option(False, "--quiet", "-q", help="Log warnings and errors only."),
    version: bool = typer.Option(
        False, "--version", callback=_version, is_eager=True, help="Print the version."
    ),
) -> None:
    level = logging.DEBUG if verbose else logging.WARNING if quiet else logging.INFO
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(OneLine("%(asctime)s %(levelname)-7s %(name)s %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for chatty in ("httpx", "httpcore", "uvicorn", "drain3"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
    # uvicorn calls it an error when a WebSocket is refused before it opens, as one with a bad query is.
    logging.getLogger("uvicorn.error").addFilter(_no_refused_socket)
    # kafka-python repeats twice a second what the source's status says once.
    logging.getLogger("kafka").setLevel(logging.CRITICAL)


def _no_refused_socket(record: logging.LogRecord) -> bool:
    return "without completing handshake" not in record.getMessage()


def main() -> None:
    """Run a command; every error of ours ends in one sentence and its exit code."""
    try:
        app()
    except DriftwoodError as error:
        # Lines of the log may be quoted in it.
        print("driftwood:", "\n".join(map(safe, str(error).splitlines())), file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # `driftwood query ... | head`
        sys.stderr.close()
        sys.exit(0)


if __name__ == "__main__":
    main()
