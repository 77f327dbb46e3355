"""The environment of the other parsers: a folder of the user's cache with a Python of its own and exact pins.

It is made by `driftwood data download peers`, the one time that packages are fetched, and never by a benchmark.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from driftwood.errors import DriftwoodError
from eval.parsing.subjects import SubjectFailed

PINS = Path(__file__).with_name("requirements.txt")
VARIABLE = "DRIFTWOOD_PEERS"
COMMAND = "driftwood data download peers"


class PeersError(DriftwoodError):
    """The environment cannot be made."""


def default_folder() -> Path:
    """DRIFTWOOD_PEERS, else `driftwood/peers` in the user's cache."""
    if chosen := os.environ.get(VARIABLE):
        return Path(chosen).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "driftwood" / "peers"


@dataclass(frozen=True, slots=True)
class Environment:
    folder: Path = field(default_factory=default_folder)
    pins: Path = PINS

    @property
    def _interpreter(self) -> Path:
        return self.folder / "bin" / "python"

    @property
    def _mark(self) -> Path:
        """A copy of the pins, written last: an environment half made or of other pins is none."""
        return self.folder / "driftwood-pins.txt"

    def ready(self) -> bool:
        try:
            return self._interpreter.exists() and self._mark.read_text() == self.pins.read_text()
        except OSError:
            return False

    def python(self) -> Path:
        """Its interpreter. Raises SubjectFailed, with the command that mends it."""
        if not self._interpreter.exists():
            raise SubjectFailed(f"no environment for it at {self.folder}; `{COMMAND}` makes it")
        if not self.ready():
            raise SubjectFailed(
                f"the environment at {self.folder} is half made or old; `{COMMAND}`"
            )
        return self._interpreter

    def make(self) -> None:
        """With the interpreter that runs now; pip's output goes to stderr. Raises PeersError.

        A folder that is there and is no environment is left alone.
        """
        if self.folder.exists() and any(self.folder.iterdir()):
            if not (self.folder / "pyvenv.cfg").exists():
                raise PeersError(
                    f"{self.folder} holds something else; set {VARIABLE} to another folder"
                )
            shutil.rmtree(self.folder)
        self._do([sys.executable, "-m", "venv", str(self.folder)])
        pip = [str(self._interpreter), "-m", "pip", "--disable-pip-version-check", "install"]
        self._do([*pip, "-q", "--no-deps", "-r", str(self.pins)])
        shutil.copyfile(self.pins, self._mark)

    def _do(self, command: list[str]) -> None:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=sys.stderr, check=False)  # noqa: S603
        if done.returncode != 0:
            raise PeersError(
                f"`{' '.join(command)}` failed, see above. Making the peers' environment needs a package index: "
                f"the one that pip is set up for, or a folder of wheels (PIP_NO_INDEX=1 PIP_FIND_LINKS=DIR); "
                f"then `{COMMAND}`"
            )
