"""A parser of others as a subject of the benchmark: its name, its settings, and a run of it in its own environment."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from eval.parsing.peers.environment import Environment
from eval.parsing.subjects import Outcome, SubjectFailed, batches

WORKER = Path(__file__).with_name("worker.py")
LAST_WORDS = 3
"""So many lines of what it printed are the reason of a failure."""
START_S = 60.0
"""What the start of the process and the loading of the lines may take beside the limit for the parsing."""


@dataclass(frozen=True, slots=True)
class Peer:
    """Plays `Subject`. Without `tuned` it has one setting for all data sets."""

    parser: str
    """`drain3`, `tipping`, a folder of logparser3, or a Python file that has `parse(lines) -> templates`."""
    arguments: dict[str, Any] = field(default_factory=dict)
    tuned: bool = False
    """logparser's published settings for each data set, by its name."""
    environment: Environment = field(default_factory=Environment)

    @property
    def settings(self) -> str:
        return "logparser3's benchmark.py" if self.tuned else json.dumps(self.arguments)

    def run(self, lines: pa.ChunkedArray[Any], dataset: str, limit_s: float) -> Outcome:
        """Raises SubjectFailed, with the last lines that the parser printed."""
        python = self.environment.python()
        with tempfile.TemporaryDirectory(prefix="driftwood-peer-") as name:
            folder = Path(name)
            request = {
                "parser": self.parser,
                "settings": self.arguments,
                "per_set": self.tuned,
                "dataset": Path(dataset).name,
            }
            (folder / "request.json").write_text(json.dumps(request))
            with (folder / "lines.json").open("w") as file:
                for part in batches(lines):
                    file.writelines(json.dumps(line or "") + "\n" for line in part)
            _finish([str(python), str(WORKER), name], folder, limit_s)
            return _outcome(folder, len(lines))


def _finish(command: list[str], folder: Path, limit_s: float) -> None:
    """Run it to its end, or kill it and all that it started."""
    printed = folder / "printed.txt"
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
    variables |= {"PYTHONUTF8": "1", "PYTHONWARNINGS": "ignore", "PYTHONHASHSEED": "0"}
    variables |= {"OMP_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    with printed.open("w") as output:
        process = subprocess.Popen(  # noqa: S603  (our worker, in the environment that the user made)
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=variables,
            start_new_session=True,
        )
        try:
            code = process.wait(limit_s + START_S)
        except subprocess.TimeoutExpired:
            raise SubjectFailed(f"took more than {limit_s:g} s") from None
        finally:
            _kill_group(process)
    if code != 0:
        raise SubjectFailed(f"{_last_words(printed)} (exit code {code})")


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):  # it ended and left nobody
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _outcome(folder: Path, lines: int) -> Outcome:
    try:
        result = json.loads((folder / "result.json").read_text())
        with (folder / "templates.json").open() as file:
            templates = pa.array([json.loads(line) for line in file], pa.string())
    except (OSError, ValueError) as error:
        raise SubjectFailed(f"its answer cannot be read: {error}") from error
    if len(templates) != lines:
        raise SubjectFailed(f"{len(templates):,} templates for {lines:,} lines")
    column: Any = templates.dictionary_encode()
    return Outcome(column, result["seconds"], result["cpu_s"], result["peak_mb"])


def _last_words(printed: Path) -> str:
    lines = [line.strip() for line in printed.read_text(errors="replace").splitlines()]
    return " | ".join([line for line in lines if line][-LAST_WORDS:])[-500:] or "it said nothing"
